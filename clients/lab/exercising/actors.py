"""Users who do what a plan says over a client, and record what they asked and were answered.

An actor never stops at a refusal: it records it and goes on. Refused at a share's limit it
records what the receipt says, and leaves files alone until it connects again. If its link is
lost, what was in flight is unknown; it dials, logs on and connects again and goes on.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import trio

from clients.errors import SessionError
from clients.lab.checking.history import BLOCK_BYTES
from clients.lab.checking.recorder import Recorder
from clients.lab.exercising.actions import LOCK_BYTES, Action, UserPlan
from clients.lab.exercising.asking import Asking, LinkGone, Opened, Place
from clients.lab.exercising.blocks import block, value_of
from clients.session import Client
from redird.wire import files as f
from redird.wire import messages as m

__all__ = ["Dial", "Place", "act", "by_awaiting"]

Dial = Callable[[], AbstractAsyncContextManager[Client]]
REDIAL_S = 1.0
ACCESS = {
    "r": f.FILE_READ_DATA | f.FILE_READ_ATTRIBUTES,
    "rw": f.FILE_READ_DATA
    | f.FILE_WRITE_DATA
    | f.FILE_APPEND_DATA
    | f.FILE_READ_ATTRIBUTES
    | f.FILE_WRITE_ATTRIBUTES,
}


def by_awaiting(dial: Callable[[], Awaitable[Client]]) -> Dial:
    """Make a context manager of a function that dials: leaving it closes the link."""

    @asynccontextmanager
    async def dialled() -> AsyncIterator[Client]:
        client = await dial()
        try:
            yield client
        finally:
            client.link.close("the user has gone")

    return dialled


async def act(user: UserPlan, place: Place, dial: Dial, recorder: Recorder) -> None:
    """Do what `user` is to do, over as many links as it takes."""
    actor = _Actor(user, place, recorder)
    while actor.actions:
        await actor.wait_turn()  # a link over which nobody logs on is soon ended
        with suppress(SessionError, OSError):
            async with dial() as client:
                await actor.work(client)
        if actor.actions:  # the link was lost, or there is nobody to dial
            await actor.pass_time(REDIAL_S)


@dataclass(slots=True)
class _Actor(Asking):
    actions: list[Action] = field(init=False)  # still to be done, the next one last

    def __post_init__(self) -> None:
        self.actions = list(reversed(self.user.actions))

    async def wait_turn(self) -> None:
        """Wait until the next action is to be done."""
        pause_s = self.actions[-1].pause_s
        self.actions[-1] = replace(self.actions[-1], pause_s=0.0)
        await trio.sleep(pause_s)

    async def pass_time(self, seconds: float) -> None:
        """Wait, and let the actions go by whose time comes meanwhile."""
        await trio.sleep(seconds)
        while self.actions:
            pause_s = self.actions[-1].pause_s
            if pause_s > seconds:
                self.actions[-1] = replace(self.actions[-1], pause_s=pause_s - seconds)
                return
            self.actions.pop()
            seconds -= pause_s

    async def work(self, client: Client) -> None:
        """Do actions until all are done or the link is lost."""
        self.client = client
        self.links += 1
        with suppress(LinkGone):
            while self.actions:
                action = self.actions[-1]
                await trio.sleep(action.pause_s)
                self.actions.pop()
                await self._do(action)

    async def _do(self, action: Action) -> None:
        if action.do not in ("logon", "logoff"):
            self.patience_s = 0.0
            await self._resume(action.do)
        self.patience_s, self.parting = action.patience_s, action.parting
        await getattr(self, f"_{action.do}")(action)

    async def _resume(self, do: str) -> None:
        """Log on and connect again if that was lost, but not if it was given up or refused."""
        if self.resumes:
            await self._logon()
            if do != "connect":
                await self._connect()

    # --- sessions ---

    async def _logon(self, _: Action | None = None) -> None:
        self.resumes = True
        if self.session is None:
            request = m.Logon(self.user.name, self.place.password, self.place.server)
            reply, op = await self._ask("logon", request)
            if reply is not None:
                self.session = reply.session
                self.recorder.ok(op, session=reply.session)

    async def _connect(self, _: Action | None = None) -> None:
        if self.session is None or self.connection is not None:
            return
        request = m.Connect(self.session, self.place.server, self.place.share)
        reply, op = await self._ask(
            "connect", request, session=self.session, share=self.place.share
        )
        if reply is not None:
            self.connection, self.resumes = reply.tree, True
            self.recorder.ok(op, connection=reply.tree)

    async def _disconnect(self, _: Action) -> None:
        if self.connection is None:
            return
        self.resumes = False
        for key in list(self.opens):
            await self._close_key(key)
        if self.connection is None:  # lost by that
            return
        asked = {"session": self.session, "share": self.place.share}
        request, number = m.Disconnect(self.connection), self.connection
        reply, op = await self._ask("disconnect", request, connection=number, **asked)
        if reply is not None:
            self._forget_connection()
            self.recorder.ok(op)

    async def _logoff(self, _: Action) -> None:
        self.resumes = False
        if self.session is None:
            return
        session = self.session
        reply, op = await self._ask("logoff", m.Logoff(session), session=session)
        self._forget_session()
        if reply is not None:
            self.recorder.ok(op, **_proof(reply, self.place.share))

    # --- files ---

    async def _open(self, action: Action) -> None:
        if self.connection is None or action.key in self.opens:
            return
        request = m.Create(
            self.connection,
            action.path,
            ACCESS[action.access],
            0 if action.exclusive else f.SHARE_ALL,
            f.FILE_OPEN_IF,
            f.FILE_NON_DIRECTORY_FILE,
        )
        asked = {"access": action.access, "exclusive": action.exclusive}
        reply, op = await self._ask(
            "open", request, session=self.session, **asked, **self._at(action.path)
        )
        if reply is not None:
            self.opens[action.key] = Opened(reply.handle, action.path)
            self.recorder.ok(op, handle=reply.handle, size=reply.info.size)

    _reopen = _open

    async def _close(self, action: Action) -> None:
        await self._close_key(action.key)

    async def _close_key(self, key: int) -> None:
        opened = self.opens.pop(key, None)
        if opened is not None and self.connection is not None:
            await self._simply("close", opened, m.Close(self.connection, opened.handle))

    async def _read(self, action: Action) -> None:
        if opened := self._opened(action):
            request = m.Read(self._tree, opened.handle, action.offset, BLOCK_BYTES)
            asked = {"handle": opened.handle, "offset": action.offset}
            reply, op = await self._ask("read", request, **asked, **self._at(opened.path))
            if reply is not None:
                self.recorder.ok(op, value=value_of(reply.data))

    async def _write(self, action: Action) -> None:
        if opened := self._opened(action):
            data = block(action.value)
            request = m.Write(self._tree, opened.handle, action.offset, data)
            more = {"offset": action.offset, "value": action.value}
            await self._simply("write", opened, request, **more)

    async def _fsync(self, action: Action) -> None:
        if opened := self._opened(action):
            await self._simply("fsync", opened, m.Flush(self._tree, opened.handle))

    async def _lock(self, action: Action) -> None:
        if opened := self._opened(action):
            request = m.Lock(
                *self._range(action, opened), action.exclusive, self.place.lock_wait_s
            )
            more = {"offset": action.offset, "length": LOCK_BYTES}
            await self._simply("lock", opened, request, exclusive=action.exclusive, **more)

    async def _unlock(self, action: Action) -> None:
        if opened := self._opened(action):
            request = m.Unlock(*self._range(action, opened))
            more = {"offset": action.offset, "length": LOCK_BYTES}
            await self._simply("unlock", opened, request, **more)

    def _range(self, action: Action, opened: Opened) -> tuple[int, int, str, int, int, int]:
        owner, kind = opened.handle, self.place.lock_kind
        return self._tree, opened.handle, kind, owner, action.offset, LOCK_BYTES

    # --- names ---

    async def _stat(self, action: Action) -> None:
        if self.connection is not None:
            request = m.QueryInfo(self.connection, action.path)
            reply, op = await self._ask("stat", request, **self._at(action.path))
            if reply is not None:
                self.recorder.ok(op, size=reply.info.size)

    async def _rename(self, action: Action) -> None:
        if self.connection is not None:
            request = m.Rename(self.connection, action.path, action.target, True)
            at = self._at(action.path)
            reply, op = await self._ask("rename", request, target=action.target, **at)
            if reply is not None:
                self.recorder.ok(op)

    async def _unlink(self, action: Action) -> None:
        if self.connection is not None:
            request = m.Unlink(self.connection, action.path)
            reply, op = await self._ask("unlink", request, **self._at(action.path))
            if reply is not None:
                self.recorder.ok(op, pending=reply.pending)

    # --- in all of them ---

    @property
    def _tree(self) -> int:
        assert self.connection is not None
        return self.connection

    def _at(self, path: str) -> dict[str, str]:
        return {"share": self.place.share, "path": path}

    def _opened(self, action: Action) -> Opened | None:
        return None if self.connection is None else self.opens.get(action.key)

    async def _simply(self, name: str, opened: Opened, request: m.Message, **more: Any) -> None:
        at = self._at(opened.path)
        reply, op = await self._ask(name, request, handle=opened.handle, **at, **more)
        if reply is not None:
            self.recorder.ok(op)


def _proof(reply: Any, share: str) -> dict[str, int]:
    """What a logoff's proof says: how much is left, and the uses of the share around it."""
    found = {"residue": len(reply.residue)}
    for one in reply.shares:
        if one.share == share and one.uses_after >= 0:
            found |= {"uses_before": one.uses_before, "uses_after": one.uses_after}
    return found
