"""Whatever users give as `y` to numbers, and back.

In come classes of any type, several labels a text, or numbers; out come arrays to learn
from, weights, and what turns predictions back into the form of `y`. Every error about
`y` is here. Read `_labels` first; `_targets` is the same for regression.
"""
