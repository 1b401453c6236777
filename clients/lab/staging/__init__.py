"""The whole path in one process: the daemons' own code, joined by cables, in any time."""
