"""Swarms: many sessions at once, and measurement that does not flatter.

What is to happen is planned beforehand (`workload`, `arrivals`, `trace`), so that it does not
depend on how fast anybody answers; `measures` counts what did happen.
"""
