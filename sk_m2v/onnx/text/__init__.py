"""What the normaliser and the pre-tokenizer do: raw strings to words of symbols.

`_probe` asks a tokenizer what it does to every character of Unicode; the tables made of
that, and the expressions that split texts, become nodes here. In come strings, out come
the words of `sk_m2v.onnx.models`. Read `_reader` first: it says what a reader is; there
is one for characters, one for bytes and one for metaspaces.
"""
