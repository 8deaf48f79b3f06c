"""From features to scores: fitted heads, which need NumPy alone.

`_logistic` and `_fit` learn one from features, by `_minimum` of `_class_losses` with
the `_steps` of L-BFGS; `_head` is what predicts: named arrays and a forward pass.
`_sklearn` has any other classifier behind the same methods, and `_explain` splits
scores into what each token adds. Read `_head` first.
"""
