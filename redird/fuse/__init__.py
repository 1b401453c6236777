"""A share as a folder of this host: the kernel's FUSE protocol, spoken directly.

Cores: `kernel` (numbers), `bodies` and `requests` (bytes in), `replies` (bytes out),
`protocol` (who may say what when), `nodes` (which number is which file), `errnos` (NT status
to errno) and `validity` (what the kernel may remember, and for how long). Shells: `device`
reads and answers, `mounting` mounts, `callers` logs local users on, `mount` is one mount, and
`operations` has one function for each of the kernel's requests, kept in `attributes`, `names`,
`listings`, `files`, `locks`, `extents` and `xattrs`. `mounts` is the daemon's table of them.
"""
