"""A training, from raw files to what it leaves in its folder.

`_run` does it step by step: data (`_prepared`, `_data`, `_texts`, `_targets`),
estimator, search, evaluation and outputs, as a configuration says. `_model` opens what
is left. Read `_run` first.
"""
