"""Going on with a training that was cut off.

In comes a net in training, out comes a file from which the same training goes on, bit
for bit. Read `_resume_point` first, the callback; `_state` is what it writes, and
`_fingerprint` says whether a file is of the same training.
"""
