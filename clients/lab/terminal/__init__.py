"""A terminal server: a redirector as a process of its own, and the sessions that log on to it.

`python3 -m clients.lab.terminal` is one, on any host: it needs pure Python only. Whoever leads
starts it with `hosted`, gives it the address of a share server, and hands it jobs.
"""
