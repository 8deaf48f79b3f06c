"""The subcommands, one a file: its options, and what it does.

The docstring of a file is the help of its command. Each has `configure`, which adds
options, and `run`, which takes them and only then imports what is heavy: `--help` must
not wait for NumPy. Options of all are in `_shared`. Read `_encode` first.
"""
