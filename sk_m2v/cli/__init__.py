"""The command `sk-m2v`: texts in tables go in, vectors and predictions come out.

`tables` reads and writes files of rows.
"""
