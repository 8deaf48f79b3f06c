"""Which tokens get a vector: cut, extend, prune and measure a vocabulary.

In comes a ``tokenizer.json``, out comes another with fewer tokens (`_cut`, `_prune`) or
more (`_terms`), how well it covers texts (`_coverage`), and how a teacher reads its
tokens that has others (`_foreign`). Read `_cut` first.
"""
