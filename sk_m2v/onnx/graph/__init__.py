"""The language: what every other room of the export is written in.

In come calls such as ``graph.op("Add", a, b)``, out come nodes and constants of ONNX.
Above single operators stand phrases (counting, runs, masks) and hash maps of integers.
Nothing here knows about texts or tokens. Read `_builder` first, then `_phrases`.
"""
