"""Listeners and links: one task per link, and a lost link gives every use back exactly once."""

import functools
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog
import trio

from redird.wire.address import peer_uid
from redird.wire.config import ConfigError
from redird.wire.keepalive import keep_alive, require_sense
from redird.wire.link import Answer, Link
from redird.wire.messages import Message
from shareserver import restoring, teardown
from shareserver.accounts import Accounts, parse_verifier, read_verifiers
from shareserver.admission import Admission
from shareserver.config import Config, build_shares
from shareserver.durable import DurableTable
from shareserver.journal import Journal
from shareserver.ledger import ConnectionLedger
from shareserver.locks import LockTable
from shareserver.recalling import recall_slots
from shareserver.replays import ReplayTable
from shareserver.service import dispatch
from shareserver.shares import Shares
from shareserver.state import Peer, State, World
from shareserver.store.disk import DiskStore

log = structlog.get_logger()
SECRET_BYTES = 32


def real_world() -> World:
    """The world outside of tests."""
    return World(
        functools.partial(trio.to_thread.run_sync, abandon_on_cancel=False),
        time.time_ns,
        os.urandom,
        DiskStore,
    )


def build_state(config: Config, world: World) -> State:
    """Make the tables that `config` asks for; raises ConfigError."""
    require_sense(config.echo_s, config.peer_silence_max_s)
    shares = build_shares(config)
    journal = Journal(None)
    if config.journal:
        journal = Journal(world.open_journal(config.journal), config.journal)
    ledger = ConnectionLedger()
    state: State

    async def recall(share: str, wanted: int) -> None:
        await recall_slots(state, share, wanted)

    state = State(
        config=config,
        world=world,
        instance=world.token_bytes(8).hex(),
        shares=Shares(shares),
        stores={share.name: world.open_store(share.path) for share in shares},
        accounts=build_accounts(config, journal.secret(world.token_bytes(SECRET_BYTES))),
        admission=Admission(ledger, recall, world.wall_now, config.recall_wait_s),
        locks=LockTable(config.locks_max),
        durable=DurableTable(config.durable_age_max_s),
        replays=ReplayTable(config.durable_age_max_s),
        ledger=ledger,
        journal=journal,
    )
    restoring.remember(state)
    journal.on_away(functools.partial(_promise_less, state))
    return state


def _promise_less(state: State) -> None:
    """Whoever counts on the journal comes back and hears that there is none."""
    for peer in list(state.peers.values()):
        if "journal" in peer.capabilities:
            peer.link.close("the server's journal failed")


def build_accounts(config: Config, secret: bytes) -> Accounts:
    """Return the accounts of the configuration and of its accounts file together."""
    written = read_verifiers(Path(config.accounts_file)) if config.accounts_file else {}
    for name, account in config.accounts.items():
        if account.guest == bool(account.verifier):
            raise ConfigError(f"accounts.{name}: either `guest = true` or a `verifier`")
        if account.verifier:
            written[name] = account.verifier
    verifiers = {
        name: parse_verifier(text, f"account {name}") for name, text in written.items()
    }
    guests = frozenset(name for name, one in config.accounts.items() if one.guest)
    return Accounts(verifiers, guests, config.admins, secret)


def chores(state: State) -> list[Callable[[], Awaitable[None]]]:
    """What goes on beside serving, for as long as that does."""
    tasks = (
        teardown.expire,
        restoring.finish_deletions,
        restoring.end_grace,
        restoring.keep_journal,
    )
    return [functools.partial(task, state) for task in tasks]


def stop(state: State) -> None:
    """End every link, and the journal, in one turn: what nobody heard of was not done.

    What the links' ends give back is not noted: it is there for who comes back.
    """
    for peer in list(state.peers.values()):
        peer.link.close("the server was stopped")
    state.journal.close()


async def serve(
    state: State,
    listeners: list[trio.SocketListener],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve every link that comes until cancelled."""
    config = state.config
    links: dict[Link, None] = {}
    restoring.restore(state, trio.current_time())
    try:
        async with trio.open_nursery() as nursery:
            state.spawn = nursery.start_soon
            nursery.start_soon(
                functools.partial(
                    keep_alive,
                    links,
                    echo_s=config.echo_s,
                    silence_max_s=config.peer_silence_max_s,
                )
            )
            for chore in chores(state):
                nursery.start_soon(chore)
            handler = functools.partial(serve_stream, state, links)
            await nursery.start(functools.partial(trio.serve_listeners, handler, listeners))
            task_status.started()
    finally:
        state.journal.close()
        for store in state.stores.values():
            store.close()


async def serve_stream(state: State, links: dict[Link, None], stream: trio.abc.Stream) -> None:
    """Serve one link until it ends, then give back all that came over it."""
    number = state.next_number()
    peer: Peer

    def handle(link: Link, message: Message) -> Answer:
        return dispatch.serve(state, peer, message)

    link = Link(stream, handle, listening=True, before_sending=state.journal.settle)
    now = state.world.wall_now()
    peer = Peer(number, link, _name(stream, number), peer_uid(stream), now)
    if state.strangers >= state.config.strangers_max:
        log.warning("link_refused", reason="too many peers that have not logged on")
        await trio.aclose_forcefully(stream)
        return
    links[link] = None
    link.admit_by = link.heard_at + state.config.logon_max_s
    state.strangers += 1
    state.peers[number] = peer
    reason = "cancelled"
    try:
        reason = await link.run()
    except Exception:  # a bug in serving this peer must cost this peer only
        log.exception("link_failed", peer=peer.address)
        reason = "an internal error"
    finally:
        links.pop(link, None)
        state.know(link)
        ended = await teardown.end_peer(state, peer)
        state.journal.settle()
        log.info(
            "link_ended",
            peer=peer.instance or peer.address,
            reason=reason,
            connections_freed=ended.trees,
            files_closed=ended.handles,
        )


def _name(stream: trio.abc.Stream, number: int) -> str:
    if not isinstance(stream, trio.SocketStream):
        return f"link {number}"
    try:
        name = stream.socket.getpeername()
    except OSError:  # it left already
        name = ""
    return f"tcp:{name[0]}:{name[1]}" if isinstance(name, tuple) else f"link {number}"
