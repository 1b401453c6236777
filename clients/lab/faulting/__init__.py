"""Real processes under load, broken by a seeded schedule of faults, then judged."""
