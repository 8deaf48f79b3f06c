"""Which words a text has: TF-IDF of n-grams of token ids, as sparse features.

Read `_ngrams` first, where it happens, then `_letter_ngrams`: the same of `_letters`,
which tokens stand for (`_spelling`), once a word (`_words`). `_deferred` features never
become a matrix where weights are at hand: `_word_scores` remembers those of words.
`_tables` find the columns of n-grams, `_counting` counts, `_limits` says which are
kept, `_stop_words` what is left out. The estimator is `TokenTfidfVectorizer`.
"""

from sk_m2v.lexical._letter_ngrams import LetterTfidf
from sk_m2v.lexical._ngrams import NgramTfidf

__all__ = ["LetterTfidf", "NgramTfidf"]
