"""Models in folders and on the Hugging Face Hub.

In comes a path, the id of a model or None (`_source` finds the folder), out come the
parts of a model, checked (`_folder`); writing is all or nothing. Read `_pretrained`
first: it has the methods that users call.
"""
