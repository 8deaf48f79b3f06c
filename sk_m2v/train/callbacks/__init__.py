"""Callbacks that a user gives, and the one with which a training goes on after a kill.

In come callbacks of skorch (`_given` checks them), and a net in training; out comes a
file from which the same training goes on, bit for bit. Read `_resume_point` first;
`_state` is what it writes, `_fingerprint` says whether a file is of the same training.
"""
