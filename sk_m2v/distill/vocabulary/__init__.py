"""Which tokens get a vector: cut, extend, prune and measure a vocabulary.

In comes a ``tokenizer.json``, out comes another with fewer tokens (`_cut`, `_prune`) or
more (`_terms`), and how well it covers texts (`_coverage`). Read `_cut` first.
"""
