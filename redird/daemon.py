"""Listeners and links: a lost client is a logoff of its sessions, and so is a shutdown."""

import functools
import ipaddress
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import structlog
import trio

from redird import logoff
from redird.config import Config, preset_of
from redird.dormant import DormantTable
from redird.fuse.mounts import Mounts
from redird.leased.cache import PageCache
from redird.leased.deferred import DeferredWrites
from redird.leased.flushing import flush_on_time
from redird.peers import Peer
from redird.scavenger import scavenge
from redird.service import serve
from redird.sessions import Session
from redird.state import State, World
from redird.wire import dialling
from redird.wire.address import AddressError, parse, peer_uid
from redird.wire.config import NUMBER_MAX, ConfigError
from redird.wire.errors import Refused
from redird.wire.framing import PEER
from redird.wire.keepalive import keep_alive, require_sense
from redird.wire.link import Answer, Link
from redird.wire.messages import Message, Negotiated

log = structlog.get_logger()
INSTANCE_KEY_BYTES = 16


@asynccontextmanager
async def open_link(address: str, **options: Any) -> AsyncIterator[tuple[Link, Negotiated]]:
    """Open a link to an address in words."""
    async with dialling.open_link(parse(address), **options) as opened:
        yield opened


async def in_thread(function: Callable[..., Any], *args: Any) -> Any:
    """Run a function that may block in a worker thread."""
    return await trio.to_thread.run_sync(function, *args)


def real_world() -> World:
    """The world outside of tests."""
    return World(in_thread, time.time_ns, secrets.token_hex, open_link)


def build_state(config: Config, world: World) -> State:
    """Make the tables that `config` asks for; raises ConfigError."""
    if not config.time_scale <= NUMBER_MAX:  # nor NaN, which no range of click's excludes
        raise ConfigError(f"time_scale: must be at most {NUMBER_MAX:.0e}: {config.time_scale}")
    require_sense(config.echo_s, config.peer_silence_max_s)
    if not config.server_silence_max_s > 0:
        raise ConfigError(
            "server_silence_max_s: must be more than 0 and less than the servers' own"
            f" peer_silence_max_s: {config.server_silence_max_s:g}"
        )
    preset = preset_of(config)
    policy = preset.policy.scaled(config.time_scale)
    for name, address in config.servers.items():
        try:
            parse(address)
        except AddressError as error:
            raise ConfigError(f"servers.{name}: {error}") from None
    return State(
        config=config,
        preset=preset,
        policy=policy,
        world=world,
        instance=config.instance or f"redird-{world.token_hex(8)}",
        instance_key=config.instance_key or world.token_hex(INSTANCE_KEY_BYTES),
        epoch=world.wall_now() // 1_000_000,  # grows with every start, then with every dialling
        dormant=DormantTable(
            policy.dormant_age_max_s, policy.dormant_files_max, shared=policy.handles_shared
        ),
        pages=PageCache(config.cache_max_bytes),
        deferred=DeferredWrites(PEER.payload_max),
    )


async def run(
    state: State,
    listeners: list[trio.SocketListener],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve every link that comes until cancelled."""
    config = state.config
    links: dict[Link, None] = {}
    async with trio.open_nursery() as nursery:
        state.spawn = nursery.start_soon
        nursery.start_soon(scavenge, state)
        nursery.start_soon(flush_on_time, state)
        nursery.start_soon(
            functools.partial(
                keep_alive,
                links,
                echo_s=config.echo_s,
                silence_max_s=config.peer_silence_max_s,
            )
        )
        state.mounts = Mounts(state, serve)
        await state.mounts.mount_configured(config)
        handler = functools.partial(serve_stream, state, links)
        await nursery.start(functools.partial(trio.serve_listeners, handler, listeners))
        task_status.started()


async def serve_stream(state: State, links: dict[Link, None], stream: trio.abc.Stream) -> None:
    """Serve one link until it ends, then log off its sessions."""
    peer: Peer

    def handle(link: Link, message: Message) -> Answer:
        return serve(state, peer, message)

    link = Link(stream, handle, listening=True)
    uid = peer_uid(stream)
    peer = Peer(state.next_number(), link, uid, _is_private(stream), os.getuid())
    if state.strangers >= state.config.strangers_max:
        log.warning("link_refused", reason="too many peers that have not logged on")
        await trio.aclose_forcefully(stream)
        return
    links[link] = None
    link.admit_by = link.heard_at + state.config.logon_max_s
    state.strangers += 1
    reason = "cancelled"
    try:
        reason = await link.run()
    except Exception:  # a bug in serving this peer must cost this peer only
        log.exception("link_failed", peer=peer.number)
        reason = "an internal error"
    finally:
        links.pop(link, None)
        state.know(link)
        log.debug("link_ended", peer=peer.number, reason=reason)
        with trio.CancelScope(shield=True):
            await log_off_all(state, state.sessions.of_owner(peer.number))


def _is_private(stream: trio.abc.Stream) -> bool:
    """Whether nobody can listen in: a unix socket, loopback, or a stream within a process."""
    if not isinstance(stream, trio.SocketStream):
        return True
    try:
        name = stream.socket.getpeername()
    except OSError:  # it left already
        return False
    return not isinstance(name, tuple) or ipaddress.ip_address(name[0]).is_loopback


async def log_off_all(state: State, sessions: list[Session]) -> None:
    """Log off many sessions at once, each bounded; one that is ending already is waited for."""
    async with trio.open_nursery() as nursery:
        for session in sessions:
            nursery.start_soon(_log_off_one, state, session)


async def _log_off_one(state: State, session: Session) -> None:
    try:
        await logoff.log_off(state, session)
    except Refused:  # its own logoff is under way
        while session in state.sessions:
            await state.drained.park()


async def stop(state: State) -> None:
    """Log off every session before the links go; bounded by `logoff_max_s`."""
    if state.mounts is not None:
        await state.mounts.stop()
    state.stopping = True
    await log_off_all(state, state.sessions.all())
    for link in list(state.links.values()):
        link.close()
