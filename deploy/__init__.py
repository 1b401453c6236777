"""Where a process runs: on this machine (`local`), or under systemd (`systemd/`, `config/`).

Stdlib and trio only, so that whoever starts a process needs nothing of what the process needs.
"""
