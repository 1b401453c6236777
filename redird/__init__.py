"""The redirector daemon: sessions log on to it, it reaches share servers for them.

Read in this order: `wire` (what all processes speak), `presets` (policies as data), the tables
`sessions`, `holdings` with `connections`, and `dormant` (who, what, and what is kept), then the
story told over them: `redirector` (log on, connect), `opening`, `parking` and `closing` (where
dormancy pays), `logoff`; `scavenger` is the timer, `daemon` listeners, signals, shutdown.

`upstream` is what a server can do for us, over `uplink` (the link through its life) and
`asking` (what is asked once though a link is lost). `recovery` is the story of a lost link,
`returning` what is taken up again, `trust` why requests wait meanwhile.

What sessions ask is served by `filing` (files), `naming` (names), `extents` (parts of files)
and `locking` (byte ranges). `leased` is what is kept under leases and told from memory: data,
attributes, names, and what is not sent yet. `fuse` is the mount.
"""
