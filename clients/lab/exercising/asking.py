"""How an actor asks: each operation is recorded with its outcome, and a refusal taken well."""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import trio

from clients.errors import LinkFailed, SessionError, session_errors
from clients.lab.checking.recorder import Recorder
from clients.lab.exercising.actions import UserPlan
from clients.session import Client
from redird.wire import messages as m
from redird.wire.status import Status

CONNECTION_GONE = (
    Status.STATUS_NETWORK_NAME_DELETED,
    Status.STATUS_CONNECTION_DISCONNECTED,
    Status.STATUS_REQUEST_NOT_ACCEPTED,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the plan's files are, and how long an actor waits for an answer."""

    server: str = "server"
    share: str = "docs"
    password: str = ""
    lock_kind: str = "posix"
    lock_wait_s: float = 0.5
    answer_max_s: float = 300.0


class LinkGone(Exception):
    """Whatever comes next needs another link."""


@dataclass(slots=True)
class Opened:
    """A file this actor has open."""

    handle: int
    path: str


@dataclass(slots=True)
class Asking:
    """One user over one link after the other, and what the user holds.

    `resumes`: what was lost is logged on and connected again without being told; not so what
    was given up or refused.
    """

    user: UserPlan
    place: Place
    recorder: Recorder
    client: Client = field(init=False)
    links: int = field(init=False, default=0)
    session: int | None = field(init=False, default=None)
    connection: int | None = field(init=False, default=None)
    resumes: bool = field(init=False, default=False)
    opens: dict[int, Opened] = field(init=False, default_factory=dict)
    patience_s: float = field(init=False, default=0.0)  # of what is being done; 0: the place's
    parting: bool = field(init=False, default=False)

    @property
    def process(self) -> str:
        """Who asks: an incarnation of the user for each link."""
        return f"{self.user.host}/{self.user.name}#{self.links}"

    async def _ask(self, name: str, request: m.Message, **asked: Any) -> Any:
        """Return the reply and the number of the operation; (None, number) if refused."""
        op = self.recorder.invoke(self.process, name, **asked)
        try:
            with trio.fail_after(self.patience_s or self.place.answer_max_s), session_errors():
                return await self.client.link.request(request), op
        except trio.TooSlowError:
            self._hang_up()
            self._lose(op, "no answer")
        except LinkFailed as lost:
            self._lose(op, lost.subject)
        except SessionError as no:
            if name == "read" and no.status is Status.STATUS_END_OF_FILE:
                return m.DataRead(b""), op  # nobody has written there
            await self._refused(op, no)
        except BaseException:
            self.recorder.unknown(op, "the run ended")
            raise
        return None, op

    def _hang_up(self) -> None:
        if self.parting and self.session is not None:
            self.client.link.send(m.Logoff(self.session), lambda _: None)
        self.client.link.close("no answer")

    def _lose(self, op: int, reason: str) -> None:
        self.recorder.unknown(op, reason)
        self._forget_session()
        self.resumes = True
        raise LinkGone

    async def _refused(self, op: int, no: SessionError) -> None:
        number = no.detail.get("receipt", 0)
        receipt = number if isinstance(number, int) else 0
        self.recorder.fail(op, no.status.name, receipt)
        if no.status is Status.STATUS_USER_SESSION_DELETED:
            self._forget_session()
        elif no.status in CONNECTION_GONE:
            self._forget_connection()
        if no.status is Status.STATUS_REQUEST_NOT_ACCEPTED:
            self.resumes = False
        if receipt:
            await self._read_receipt(op, receipt)

    async def _read_receipt(self, op: int, number: int) -> None:
        with suppress(SessionError, trio.TooSlowError):
            with trio.fail_after(self.place.answer_max_s):
                receipt = await self.client.receipt(number, self.place.server)
            self.recorder.receipt(op, self.process, receipt)

    def _forget_session(self) -> None:
        self.session = None
        self._forget_connection()

    def _forget_connection(self) -> None:
        self.connection = None
        self.opens.clear()
