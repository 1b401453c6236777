"""The redirector daemon: sessions log on to it, it reaches share servers for them.

Read in this order: `wire` (what all processes speak), `presets` (policies as data), the tables
`sessions`, `holdings` with `connections`, and `dormant` (who, what, and what is kept), then the
story told over them: `redirector` (log on, connect), `opening`, `parking` and `closing` (where
dormancy pays), `logoff`; `scavenger` is the timer, `upstream` what a server can do for us,
`daemon` listeners, signals, shutdown.

What sessions ask is served by `filing` (files), `naming` (names), `extents` (parts of files)
and `locking` (byte ranges). What is kept under leases: data in `cache`, by `reading` and
`writing`; what is not sent yet in `deferred`, by `flushing`; names in `names`, by `folders` and
`exploring`; what kernels above us were told in `promises`. `fuse` is the mount.
"""
