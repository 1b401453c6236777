"""Other people's programs, measured beside ours in one run. None of them is part of this."""
