"""One trace under many presets, side by side, in virtual time or by real processes.

source.py                where the trace comes from
play.py, visiting.py     a trace played by sessions over some way to a redirector
virtual.py               that way on a stage: one process, seeded, thousands of sessions
real.py                  that way through both daemons as processes
side.py                  each preset's run, in turn or at once
logons.py, events.py     [core] what came of every attempt; what happened, as lines in order
divergence.py, story.py  [core] where two runs part, and what was the case there
results.py, show.py, command.py   what a user gets
"""
