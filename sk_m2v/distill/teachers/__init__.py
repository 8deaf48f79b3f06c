"""Whatever gives vectors to learn from: transformers and functions of texts.

In comes what a user calls a teacher, out comes an object with `encode`, and vectors
that survive an interruption (`_cache`). Only `_load`, `_transformer` and `_forward`
need torch. Read `_callable` first (the smallest teacher), then `_load`.
"""
