"""The subcommands, one a file: its options, and what it does.

The docstring of a file is the help of its command. Each has `configure`, which adds
options, and `run`, which takes them. Options of all are in `_shared`. Read `_encode`
first.
"""
