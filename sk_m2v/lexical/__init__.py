"""Which words a text has: TF-IDF of n-grams of token ids, as sparse features.

Read `_ngrams` first, where it happens. `_tables` find the columns of n-grams, `_limits`
says which n-grams are kept, `_stop_words` which tokens are left out. The estimator is
`TokenTfidfVectorizer`; classifiers use `NgramTfidf` themselves.
"""

from sk_m2v.lexical._ngrams import NgramTfidf

__all__ = ["NgramTfidf"]
