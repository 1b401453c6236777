"""The redirector daemon: sessions log on to it, it reaches share servers for them.

Read in this order: `wire` (what all processes speak), `presets` (policies as data), the tables
`sessions`, `connections` and `dormant` (who, what, and what is kept), `redirector` (the story
told over the tables), `scavenger` (the timer), `upstream` (what a server can do for us) and
`daemon` (listeners, signals, shutdown).
"""
