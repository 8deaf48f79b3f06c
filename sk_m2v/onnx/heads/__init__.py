"""From token ids to results: pooling, TF-IDF, classifiers and regressors.

In come `Tokens` and a fitted estimator, out come vectors, scores, probabilities and
labels, as nodes in the containers of skl2onnx. Read `_converters` first: it names every
estimator that can be exported, and shows what each is made of.
"""
