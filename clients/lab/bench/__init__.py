"""What things cost: one figure a benchmark, beside a yardstick or a peer of the same run."""
