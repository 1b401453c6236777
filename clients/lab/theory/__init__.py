"""Queueing theory beside the emulator: closed forms, an event simulation, and what they say."""
