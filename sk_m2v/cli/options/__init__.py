"""Options of the command line, taken from the signatures of the package.

A parameter has its default, its type and its text at one place, in Python. Here they
become options, read from the source without running it, so that `--help` need not wait
for scikit-learn. Read `_signatures` first.
"""
