"""What knows more of a task than its labels say, and is needed at `fit` only.

`teach` is the way in; `teacher_of` makes a teacher of what a user gave.
"""
