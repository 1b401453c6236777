"""One trace under many presets, side by side, in virtual time or by real processes.

    play.py      a trace played by sessions over some way to a redirector
virtual.py   that way on a stage: one process, seeded, thousands of sessions in seconds
real.py      that way through both daemons as processes
logons.py    [core] what every attempt came to, and the figures of a run
events.py    [core] what happened, as lines in order
divergence.py, story.py   [core] where two runs part, and what was the case there
source.py    where the trace comes from
show.py, command.py       what a user sees
"""
