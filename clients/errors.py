"""What a session's calls raise.

- `SessionError`: any of them; has `status` (an NT status), `subject` and `advice`
    - `LogonFailed`: unknown user or wrong password
    - `ConnectRefused`: the share's limit; `receipt` numbers the record of who holds the slots
    - `FileMissing`, `FileExists`, `FileDenied`, `FileBusy`, `DiskFull`: about one path
    - `LinkFailed`: the daemon is gone; what was in flight may be done or not
"""

from collections.abc import Iterator
from contextlib import contextmanager

from redird.wire.errors import LinkLost, Refused, RemoteProtocolError
from redird.wire.status import Status, advice


class SessionError(Exception):
    """A call of a session was refused; says by which status, about what, and what to do."""

    def __init__(self, status: Status, subject: str, detail: dict[str, object]) -> None:
        super().__init__(status, subject)
        self.status = status
        self.subject = subject
        self.detail = detail
        self.advice = str(detail.get("advice") or advice(status))

    def __str__(self) -> str:
        about = f"{self.subject}: " if self.subject else ""
        what = f"{about}{self.status.text} ({self.status.name})"
        return f"{what}; {self.advice}" if self.advice else what


class LogonFailed(SessionError):
    """Unknown user or wrong password."""


class ConnectRefused(SessionError):
    """The share's connection limit is reached; `receipt` is the number of its record."""

    @property
    def receipt(self) -> int:
        """The receipt's number at the server, 0 if there is none."""
        number = self.detail.get("receipt", 0)
        return number if isinstance(number, int) else 0


class FileMissing(SessionError):
    """No file or folder of that name."""


class FileExists(SessionError):
    """The name is taken."""


class FileDenied(SessionError):
    """This user may not, here."""


class FileBusy(SessionError):
    """Another open stands in the way."""


class DiskFull(SessionError):
    """No space is left for what was to be written."""


class LinkFailed(SessionError):
    """The daemon cannot be reached or has gone."""

    def __init__(self, reason: str) -> None:
        super().__init__(Status.STATUS_CONNECTION_DISCONNECTED, reason, {})


_CLASSES: dict[Status, type[SessionError]] = {
    Status.STATUS_LOGON_FAILURE: LogonFailed,
    Status.STATUS_REQUEST_NOT_ACCEPTED: ConnectRefused,
    Status.STATUS_OBJECT_NAME_NOT_FOUND: FileMissing,
    Status.STATUS_OBJECT_PATH_NOT_FOUND: FileMissing,
    Status.STATUS_NO_SUCH_FILE: FileMissing,
    Status.STATUS_OBJECT_NAME_COLLISION: FileExists,
    Status.STATUS_ACCESS_DENIED: FileDenied,
    Status.STATUS_MEDIA_WRITE_PROTECTED: FileDenied,
    Status.STATUS_SHARING_VIOLATION: FileBusy,
    Status.STATUS_DELETE_PENDING: FileBusy,
    Status.STATUS_DISK_FULL: DiskFull,
    Status.STATUS_QUOTA_EXCEEDED: DiskFull,
}


@contextmanager
def session_errors(subject: str = "") -> Iterator[None]:
    """Turn what the wire raises into what callers of a session catch."""
    try:
        yield
    except Refused as no:
        kind = _CLASSES.get(no.status, SessionError)
        raise kind(no.status, subject or no.subject, no.detail) from None
    except (LinkLost, RemoteProtocolError) as lost:
        raise LinkFailed(str(lost)) from None
