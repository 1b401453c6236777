"""Scenario cards: one TOML file each, named by KB or issue number, and what plays them.

A card tells a story in steps and says what is to come of it under each preset; `redlab cards`
plays all of them in virtual time, `redlab card NAME` tells one. To write one, copy one:

    title = "Dormant files at logoff keep the connection"
    sources = ["KB Q248371"]
    story = "..."                           # a paragraph
    steps = '''
    alice logs on
    alice visits a.txt
    alice logs off
    bob logs on
    bob connects docs -> next
    '''

    [share]
    uses_max = 1

    [expected.default]
    next = "STATUS_SUCCESS"

    [expected."sp4 sp5"]
    next = "STATUS_REQUEST_NOT_ACCEPTED spurious"

Steps that do not end in `-> NAME` must succeed. `vocabulary.FORMS` is the table of steps, which
`redlab card --help` prints. A program makes steps with `vocabulary.make`, a `card.Card` of
them, and writes it with `writing.render`.

A new kind of step is a line in `FORMS` and a function: in `acting` if a user does it, in
`directing` if not.
"""
