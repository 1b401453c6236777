"""Who is logged on: ACTIVE -> LOGGING_OFF -> gone.

A session belongs to the link it came over; nobody else can name it. From LOGGING_OFF on it
opens nothing and revives nothing.
"""

from dataclasses import dataclass, field
from enum import Enum

from redird.wire.scram import Keys

SessionKeys = dict[tuple[str, bytes, int], Keys]  # by server, salt and iterations


class SessionState(Enum):
    """Where a session is in its life."""

    ACTIVE = "active"
    LOGGING_OFF = "logging_off"


@dataclass(slots=True, eq=False)
class Session:
    """One user logged on over one link; `keys` are by server, salt and iterations."""

    number: int
    user: str
    owner: int
    uid: int | None
    since_ns: int
    state: SessionState = SessionState.ACTIVE
    keys: SessionKeys = field(default_factory=dict)
    upstream: dict[str, int] = field(default_factory=dict)  # the servers' numbers, by server
    flushing: bool = False  # logging off, with something to send still
    opens: int = 0
    revived: int = 0

    @property
    def active(self) -> bool:
        """Whether it may open files."""
        return self.state is SessionState.ACTIVE

    @property
    def goes_on(self) -> bool:
        """Whether it is to be logged on again where it was, if a link is lost."""
        return self.state is SessionState.ACTIVE or self.flushing


class SessionTable:
    """All sessions of the daemon; numbers are never used twice."""

    def __init__(self) -> None:
        self._sessions: dict[int, Session] = {}
        self._last = 0

    def begin(self, user: str, owner: int, uid: int | None, now_ns: int) -> Session:
        """Log a user on."""
        self._last += 1
        session = Session(self._last, user, owner, uid, now_ns)
        self._sessions[session.number] = session
        return session

    def find(self, owner: int, number: int) -> Session | None:
        """Return the session if it belongs to this link."""
        session = self._sessions.get(number)
        return session if session is not None and session.owner == owner else None

    def start_logoff(self, session: Session) -> bool:
        """Begin the end; False if it has begun already."""
        if not session.active or session.number not in self._sessions:
            return False
        session.state = SessionState.LOGGING_OFF
        return True

    def end(self, session: Session) -> None:
        """The session is gone."""
        del self._sessions[session.number]

    def of_owner(self, owner: int) -> list[Session]:
        """Return the sessions that came over one link."""
        return [one for one in self._sessions.values() if one.owner == owner]

    def all(self) -> list[Session]:
        """Return every session, oldest first."""
        return list(self._sessions.values())

    def __contains__(self, session: Session) -> bool:
        return session.number in self._sessions

    def __len__(self) -> int:
        return len(self._sessions)

    def statistics(self) -> dict[str, int]:
        """Return flat counters."""
        return {"sessions": len(self._sessions), "sessions_begun": self._last}
