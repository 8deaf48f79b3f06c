"""What an estimator sees of a text: n-grams of tokens and letters, and its embedding.

In come texts or token ids, out come `Features`: sparse TF-IDF and a dense mean.
`_token_cache` lets a search tokenize each text once; `_new_embedding` makes tokenizer
and vectors where there is no model to start from. Read `_features` first.
"""
