"""Programs that log on: `session` (one user, as a library), `redclient` (one user, from a shell),
and the lab, which starts daemons, loads them, compares and reports.
"""
