"""The command `sk-m2v`: texts in tables go in, vectors and predictions come out.

`tables` reads and writes files of rows, in pieces: CSV, JSON lines, Parquet, lines of
text, arrays of NumPy.
"""
