"""Models in folders and on the Hugging Face Hub.

In comes a path, the id of a model or None (`_source` finds the folder), out come the
parts of a model, checked (`_folder`). A folder is read as of one moment (`_snapshot`)
and replaced in one step (`_replace`). Read `_pretrained` first: it has the methods
that users call.
"""
