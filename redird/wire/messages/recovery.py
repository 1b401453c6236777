"""After a lost link: what a redirector takes up again at a server, and what must not be done
twice.
"""

from typing import Any

from redird.wire.messages.files import FileInfo
from redird.wire.messages.vocabulary import Message, message, record
from redird.wire.schema import Payload, Record


@message
class Reclaim(Message):
    """Take up handles that were open under tree `before` of an earlier link of ours.

    They keep their numbers and belong to `tree` from now on. Unless there is `more` to come,
    whatever else was open under `before` is closed.
    """

    tree: int
    before: int
    handles: tuple[int, ...]
    more: bool = False


@record
class ReclaimedHandle(Record):
    """One handle asked for: an NT status, and, if that is success, the file and its lease.

    STATUS_OBJECT_NAME_NOT_FOUND: it is gone (MS-SMB2 3.3.5.9.7), with all that its lease
    allowed to know.
    """

    status: int
    file: int
    lease: int
    info: FileInfo | None


@message
class Reclaimed(Message):
    """One answer for each handle, in order."""

    handles: tuple[ReclaimedHandle, ...]


@message
class Once(Message):
    """Do what must not be done twice: a request as in a Compound, its payload beside it.

    `number` grows with each such request of an instance and is repeated when the request is
    asked again over a newer link; all up to `answered` were answered and will not be asked
    again. The reply is the part's own, the first one if it was done before. An instance that is
    started anew goes on above all its earlier numbers. Number 0, without a part, says only what
    was answered; the reply is Echoed.
    """

    number: int
    answered: int
    part: tuple[Any, ...]
    data: Payload
