"""Learn vectors of tokens from a corpus and what a teacher says of it.

In come sentences (`_sample`) and a teacher's vectors of them, out come vectors of
tokens: a ridge regression on shares of tokens, principal axes, and a refinement on
neighbours. Read `_fit` first: it calls the others in order.
"""
