"""How a command says what the system refused."""


def refused(error: OSError) -> str:
    """Which file, and why."""
    return f"{error.filename or 'the cache'}: {(error.strerror or str(error)).lower()}"
