"""What a run did, as a history, and what must always hold of it.

`history` is the format, `recorder` writes it, `judging` streams it through the checkers of
`always` and counts what `sometimes` saw, `exhaustive` is the slow reference they agree with.
"""
