"""Users who work on files as a plan says, and record what they saw.

`plans` makes the plans, `blocks` says what is written, `actors` do it over a client.
"""
