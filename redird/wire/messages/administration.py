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


@message
class Mount(Message):
    """Mount a share (`//server/share`) at a folder of the redirector's host."""

    share: str
    at: str
    user: str = ""
    password: str = ""


@message
class Mounted(Message):
    """It is mounted there."""

    at: str


@message
class Unmount(Message):
    """End a mount."""

    at: str


@message
class Unmounted(Message):
    """It is gone, and who used it is logged off."""


@message
class LogoffUser(Message):
    """Log a local user off from all mounts; without `force` refused while files are open."""

    uid: int
    force: bool = False


@message
class UserLoggedOff(Message):
    """From how many mounts."""

    mounts: int
