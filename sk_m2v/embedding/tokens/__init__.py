"""Texts to token ids, as fast as the installed libraries allow.

In come lists of str, out come `TokenIds`: ids end to end, and offsets. `_backends` has
one class a library, but for `_gigatoken`; words are remembered (`_word_cache`,
`_normalized_cache`) where that provably gives the same ids. Read `_tokens` first.
"""
