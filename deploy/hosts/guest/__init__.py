"""What runs inside an emulated machine, as files: `init` in a shell, then `agent.py`."""
