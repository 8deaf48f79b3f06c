"""What else a fitted estimator can become: arrays of a file, skops, a plain pipeline.

In come heads and fitted estimators, out come JSON and named arrays without code
(`_arrays`, for `sk_m2v.persistence`), types to trust (`_skops`), or estimators of
scikit-learn that predict the same. Read `_pipeline` first.
"""
