"""Bugs to be planted: one realistic changed line each, kept as patches, with no switch for them
in the product.

`NAME.patch` begins with what the bug does and what it resembles, in words; a unified diff of
one line follows, which `git apply` takes. A search that finds nothing in the daemons as they
are, and these in a copy of them with one patch applied, can find bugs.

To add one, change the line, then: git diff -U2 > clients/lab/bugs/NAME.patch, words in front.
It is listed here before the search is run on it. A bug that is not found asks for a better
search, and is not taken out.
"""
