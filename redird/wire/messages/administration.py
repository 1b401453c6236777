"""What administrators ask of either daemon."""

from typing import Any

from redird.wire.messages.vocabulary import Message, message


@message
class Enumerate(Message):
    """One of the admin views by name; `since` pages those that are numbered."""

    view: str
    since: int = 0


@message
class Enumerated(Message):
    """The rows, all with the same keys."""

    rows: tuple[dict[str, Any], ...]


@message
class ForceClose(Message):
    """End a session, a connection or an open file on behalf of an administrator."""

    kind: str
    number: int


@message
class ForceClosed(Message):
    """What was ended, in words."""

    closed: str
