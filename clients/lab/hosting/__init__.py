"""Emulated hosts from the command line: built, listed, run, cleaned away."""
