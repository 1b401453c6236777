"""The share server of a stage: it can be killed, and started anew over what a kill leaves.

Its tasks end where they wait, and clean up after themselves as those of a program that was
asked to stop. One that was killed cleans nothing up, so the world is taken from it first.
"""

from collections.abc import Callable
from itertools import count
from sqlite3 import Connection
from typing import Any, NoReturn

import trio

from clients.lab.staging.programs import Program
from redird.wire.errors import Refused
from redird.wire.status import Status
from shareserver import restoring, server
from shareserver.config import Config
from shareserver.database import connect
from shareserver.state import State, World
from shareserver.store import Store
from shareserver.store.memory import MemoryStore


class Nowhere:
    """The store of a server that is not there any more."""

    def __getattr__(self, name: str) -> NoReturn:
        raise Refused(Status.STATUS_CONNECTION_DISCONNECTED, f"{name}: the server was killed")


class Server(Program):
    """A share server; `disks` are what its shares lie on, in order, and outlive it.

    So does its journal, if the configuration names one, which is in memory whatever the name.
    """

    def __init__(
        self,
        config: Config,
        wall_now: Callable[[], int],
        token_bytes: Callable[[int], bytes],
    ) -> None:
        self.disks: list[Store] = []
        self._config = config
        self._wall_now = wall_now
        self._token_bytes = token_bytes
        self._devices = count(1)
        self._journal = connect(":memory:") if config.journal else None
        super().__init__(self._build(), server.serve_stream)

    def _build(self) -> State:
        kept = iter(list(self.disks))

        def open_store(_: str) -> Store:
            store = next(kept, None)
            if store is None:
                store = MemoryStore(self._wall_now, device=next(self._devices))
                self.disks.append(store)
            return store

        def open_journal(_: str) -> Connection:
            assert self._journal is not None
            return self._journal

        world = World(in_place, self._wall_now, self._token_bytes, open_store, open_journal)
        return server.build_state(self._config, world)

    async def kill(self) -> None:
        """End it as kill -9 does: what is on its disks stays, no more."""
        _take_the_world(self.state)
        await super().kill()

    async def start(self, nursery: trio.Nursery) -> None:
        """Start it."""
        restoring.restore(self.state, trio.current_time())
        await nursery.start(self.run, *server.chores(self.state))

    async def restart(self, nursery: trio.Nursery) -> None:
        """Start it anew, from the same configuration; it must be down."""
        assert self.nursery is None, "the server still runs: kill it first"
        self.state = self._build()
        await self.start(nursery)


def _take_the_world(state: State) -> None:
    """Let a server that is about to end change no file and tell nobody."""
    nowhere: Any = Nowhere()
    state.stores = dict.fromkeys(state.stores, nowhere)
    state.ledger.on_fact = lambda fact: None
    state.journal.sever()
    for handle in state.handles.all():
        handle.file.close()
        handle.delete_on_close = handle.entry.delete_pending = False
    for identity in state.deletions:
        entry = state.handles.entry(identity)
        if entry is not None:
            entry.path = None


async def in_place(function: Callable[..., Any], *args: Any) -> Any:
    """Run a function that may block, and let it."""
    await trio.lowlevel.checkpoint()
    return function(*args)
