"""The models of tokenizers in graph form: WordPiece, BPE and Unigram.

In come words as numbered symbols, out come token ids and the word of each (both in
`_word_model`, the contract; read it first). All words of a batch go through at once:
`_wordpiece` takes the longest match, `_bpe` merges, `_unigram` finds the best cut.
"""
