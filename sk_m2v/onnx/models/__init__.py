"""The models of tokenizers in graph form: WordPiece, BPE and Unigram.

In come words as numbered symbols, out come token ids and the word of each. All words of
a batch go through at once: `_wordpiece` takes the longest match, `_bpe` merges,
`_unigram` finds the best cut. Read `_word_model` first: it is the contract of all.
"""
