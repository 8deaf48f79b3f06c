"""What knows more of a task than its labels say, and is needed at `fit` only.

In come texts with and without labels, out come probabilities for those without, and how
far to trust them (`_teach`). `_teachers` makes sentence transformers and classifiers
answer alike, `_made_texts` makes texts to ask about. Read `_lesson` first.
"""
