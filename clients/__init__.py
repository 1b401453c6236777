"""Programs that log on: a session, a command, and the lab."""
