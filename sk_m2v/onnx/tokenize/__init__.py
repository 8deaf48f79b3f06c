"""A whole tokenizer as a graph: texts to token ids.

`_take_apart` chooses a reader (`sk_m2v.onnx.text`) and a model (`sk_m2v.onnx.models`)
for a ``tokenizer.json``; `_tokenize` puts them together, word by word where that is
exact, and cuts long texts. Out come `Tokens`: ids and offsets. Read `_tokenize` first.
"""
