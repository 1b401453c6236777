"""Programs that log on: `session` (one user, as a library), `redclient` (the same from a
shell), and the lab, which starts daemons, loads them, compares and reports.
"""
