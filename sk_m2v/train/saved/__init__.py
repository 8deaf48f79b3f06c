"""What a fitted estimator can become: a folder, skops, a plain pipeline.

In come fitted estimators, out come JSON and named arrays without code, and back with
every check. Read `_folder` first: its files are the format.
"""
