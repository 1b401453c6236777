"""What can go wrong between two peers, told apart by whose doing it was.

- `ProtocolError`: never raised itself
    - `LocalProtocolError`: we tried something the protocol forbids (a bug on this side)
        - `FrameTooLong`: a message over the bounds; as a reply the other side's doing
    - `RemoteProtocolError`: the peer did; its link ends
- `LinkLost`: the stream under a link is gone; what became of a request in flight is unknown
- `Refused`: an expected "no", with an NT status; travels as a message
"""

from collections.abc import Mapping
from typing import Any

from redird.wire.status import Status


class ProtocolError(Exception):
    """Somebody broke the protocol; see the two subclasses."""


class LocalProtocolError(ProtocolError):
    """This side tried to send something that the protocol does not allow now."""


class FrameTooLong(LocalProtocolError):
    """This side tried to send a longer frame than a peer takes."""


class RemoteProtocolError(ProtocolError):
    """The peer sent something that the protocol does not allow; its link must end."""


class LinkLost(Exception):
    """The link ended before the answer came; the argument says why."""


class Refused(Exception):
    """The answer is no.

    `status` is the NT status; `subject` names the thing refused (a path, a share, a user);
    `detail` carries what a program may want (a receipt's number, a limit).
    """

    def __init__(
        self, status: Status, subject: str = "", detail: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(status, subject)
        self.status = status
        self.subject = subject
        self.detail = dict(detail or {})

    def __str__(self) -> str:
        about = f"{self.subject}: " if self.subject else ""
        return f"{about}{self.status.text} ({self.status.name})"
