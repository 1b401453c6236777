"""`redlab swarm`: thousands of sessions against daemons, measured without flattery."""
