"""The daemons under seeded work, seeded faults and seeded schedules, in virtual time.

One seed is one trial: its knobs, its plan of work, its faults and the order of its tasks. What
a trial shows is judged from outside by the checkers of `clients.lab.checking`, and from inside
by `invariants`. One that fails is shrunk, told, and saved.
"""
