"""The daemon's mounts: made at its start and when asked, served by a task each, ended with it.

A mount ends when it is unmounted, by whoever; then its users are logged off.
"""

import functools
import math
import os
from dataclasses import dataclass

import structlog
import trio

from redird.config import Config, MountConfig
from redird.fuse import mounting, validity
from redird.fuse.callers import Callers, Credentials, Serve
from redird.fuse.device import Device
from redird.fuse.errnos import NotDone
from redird.fuse.mount import Mount
from redird.fuse.mounting import MountFailed
from redird.fuse.operations import perform
from redird.fuse.protocol import Conversation
from redird.fuse.replies import Owner
from redird.peers import Peer
from redird.state import State
from redird.wire import messages as m
from redird.wire.config import ConfigError
from redird.wire.errors import Refused
from redird.wire.status import Status

log = structlog.get_logger()
GUEST = "guest"


@dataclass(slots=True, eq=False)
class Mounted:
    """One mount under way; `ended` is set when its users are logged off."""

    at: str
    mount: Mount
    descriptor: int
    idle_logoff_s: float
    ended: trio.Event


class Mounts:
    """The daemon's table of mounts, by the folder they are at."""

    def __init__(self, state: State, serve: Serve) -> None:
        self._state = state
        self._serve = serve
        self._mounted: dict[str, Mounted] = {}

    async def mount_configured(self, config: Config) -> None:
        """Make the mounts of the configuration; raises ConfigError."""
        for name, one in config.mounts.items():
            try:
                await self.add(one, os.getuid(), "")
            except (MountFailed, Refused) as error:
                raise ConfigError(f"mounts.{name}: {error}") from None

    async def add(self, wanted: MountConfig, uid: int, password: str) -> Mounted:
        """Make one mount for `uid`; who uses it is logged on at once, to see that he can be.

        Raises MountFailed or Refused.
        """
        at = _absolute(wanted.at)
        server, share = split_share(wanted.share)
        mount = self._build(wanted, uid, server, share, password)
        blocking = self._state.world.run_blocking
        await blocking(mounting.require_free, at)
        if not mount.shared:
            try:
                await mount.callers.log_on(uid)
            except NotDone as no:
                raise MountFailed(f"{at}: {no}") from None
        try:
            source = f"//{server}/{share}"
            make = functools.partial(mounting.mount, shared=mount.shared, uid=uid)
            descriptor = await blocking(make, source, at, uid)
        except BaseException:
            with trio.CancelScope(shield=True):
                await mount.callers.log_off_all()
            raise
        mounted = Mounted(at, mount, descriptor, wanted.idle_logoff_s, trio.Event())
        self._mounted[at] = mounted
        self._state.spawn(self._serve_mount, mounted)
        log.info("mounted", at=at, share=source, uid=uid)
        return mounted

    def _build(
        self, wanted: MountConfig, uid: int, server: str, share: str, password: str
    ) -> Mount:
        state = self._state
        peer = Peer(state.next_number(), None, uid, True, os.getuid())
        callers = Callers(state, self._serve, peer, server, share)
        if wanted.allow_other:
            for key, user in wanted.users.items():
                callers.know(_uid(key), Credentials(user.user or GUEST, user.password_file))
        else:
            name = wanted.user or GUEST
            callers.know(uid, Credentials(name, wanted.password_file, password))
        owner = Owner(
            uid if wanted.uid is None else wanted.uid,
            os.getgid() if wanted.gid is None else wanted.gid,
        )
        shared, wall_now = wanted.allow_other, state.world.wall_now
        return Mount(callers, owner, uid, shared=shared, wall_now=wall_now)

    async def _serve_mount(self, mounted: Mounted) -> None:
        mount, descriptor = mounted.mount, mounted.descriptor
        conversation = Conversation(validity.DATA_FLAG)
        device = Device(descriptor, conversation, functools.partial(perform, mount))

        async def notify(packets: list[bytes]) -> None:
            # A number of its own: ours may be closed, and given to another, while it waits.
            blocking = self._state.world.run_blocking
            with trio.CancelScope(shield=True):  # who waits for it must know that it was done
                await blocking(_notify_and_close, os.dup(descriptor), packets)

        mount.notify = notify
        mount.notify_now = functools.partial(_notify, descriptor)
        mount.has_epochs = lambda: conversation.has_epochs
        self._state.watchers.append(mount)
        gone = False
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._log_off_idle, mounted)
                await device.run()
                gone = True
                nursery.cancel_scope.cancel()
        finally:
            mount.notify = None
            self._state.watchers.remove(mount)
            self._mounted.pop(mounted.at, None)
            with trio.CancelScope(shield=True):
                os.close(descriptor)
                if not gone:
                    await self._end(mounted)
                await mount.callers.log_off_all()
            log.info("unmounted", at=mounted.at)
            mounted.ended.set()

    async def _end(self, mounted: Mounted) -> None:
        try:
            await self._state.world.run_blocking(mounting.unmount, mounted.at)
        except MountFailed as error:
            log.warning("not_unmounted", at=mounted.at, reason=str(error))

    async def _log_off_idle(self, mounted: Mounted) -> None:
        idle_s = mounted.idle_logoff_s or math.inf
        while True:
            now = trio.current_time()
            idle = [one for one in mounted.mount.callers.all() if not one.handles]
            for caller in idle:
                if caller.used_at + idle_s <= now:
                    await mounted.mount.callers.log_off(caller.uid)
            await trio.sleep(min(idle_s / 4, 3600))

    # --- ending ---

    async def unmount(self, at: str) -> None:
        """End one mount and wait until its users are logged off; raises MountFailed."""
        mounted = self._mounted.get(_absolute(at))
        if mounted is None:
            raise MountFailed(f"{at}: nothing of this daemon's is mounted there")
        await self._state.world.run_blocking(mounting.unmount, mounted.at)
        await mounted.ended.wait()

    async def stop(self) -> None:
        """End every mount, as when the daemon stops.

        Who has files open there has `logoff_max_s` to close them; then they give errors.
        """
        for mounted in list(self._mounted.values()):
            try:
                with trio.move_on_after(self._state.config.logoff_max_s) as bound:
                    await self.unmount(mounted.at)
            except MountFailed as error:
                log.warning("not_unmounted", at=mounted.at, reason=str(error))
            if bound.cancelled_caught:
                log.warning("files_left_open", at=mounted.at)

    async def log_off(self, uid: int, *, force: bool) -> int:
        """Log a local user off everywhere; returns of how many mounts. Refused while he has
        files open, unless by force.
        """
        using = [
            (one.mount.callers, caller)
            for one in self._mounted.values()
            if (caller := one.mount.callers.find(uid)) is not None
        ]
        files = sum(len(caller.handles) for _, caller in using)
        if files and not force:
            raise Refused(Status.STATUS_FILES_OPEN, f"user {uid}", {"files": files})
        for callers, _ in using:
            await callers.log_off(uid)
        return len(using)

    def owner(self, at: str) -> int | None:
        """Return whose a mount is."""
        mounted = self._mounted.get(_absolute(at))
        return None if mounted is None else mounted.mount.only_caller


def _absolute(at: str) -> str:
    return os.path.abspath(at)


def _notify_and_close(descriptor: int, packets: list[bytes]) -> None:
    try:
        _notify(descriptor, packets)
    finally:
        os.close(descriptor)


def _notify(descriptor: int, packets: list[bytes]) -> None:
    for packet in packets:
        try:
            os.write(descriptor, packet)
        except FileNotFoundError:  # the kernel remembers nothing of it
            continue
        except OSError as error:
            log.warning("kernel_not_told", reason=error.strerror)


def _uid(text: str) -> int:
    if not text.isdecimal():
        raise MountFailed(f"users: {text!r} is no user number")
    return int(text)


def split_share(text: str) -> tuple[str, str]:
    r"""Read `//server/share` or `\\server\share`; raises MountFailed."""
    parts = text.replace("\\", "/").split("/")
    if len(parts) != 4 or parts[:2] != ["", ""] or not all(parts[2:]):
        raise MountFailed(f"{text!r} is not a share: write //server/share")
    return parts[2], parts[3]


# --- what administrators ask ------------------------------------------------------------------


def _require_private(peer: Peer) -> int:
    if peer.uid is None:
        raise Refused(Status.STATUS_ACCESS_DENIED, "mounts: come over the unix socket")
    return peer.uid


def refused(error: MountFailed) -> Refused:
    """Return how a failure to mount travels."""
    return Refused(Status.STATUS_UNSUCCESSFUL, str(error))


async def serve_mount(mounts: Mounts, peer: Peer, request: m.Mount) -> m.Mounted:
    """Mount a share for whoever asks."""
    uid = _require_private(peer)
    wanted = MountConfig(share=request.share, at=request.at, user=request.user)
    try:
        mounted = await mounts.add(wanted, uid, request.password)
    except MountFailed as error:
        raise refused(error) from None
    return m.Mounted(mounted.at)


async def serve_unmount(mounts: Mounts, peer: Peer, request: m.Unmount) -> m.Unmounted:
    """End a mount: whoever it belongs to, or an administrator."""
    uid = _require_private(peer)
    owner = mounts.owner(request.at)
    if owner is not None and uid not in (0, peer.own_uid, owner):
        raise Refused(Status.STATUS_ACCESS_DENIED, request.at)
    try:
        await mounts.unmount(request.at)
    except MountFailed as error:
        raise refused(error) from None
    return m.Unmounted()


async def serve_logoff_user(
    mounts: Mounts, peer: Peer, request: m.LogoffUser
) -> m.UserLoggedOff:
    """Log a local user off: himself, or an administrator."""
    if _require_private(peer) not in (0, peer.own_uid, request.uid):
        raise Refused(Status.STATUS_ACCESS_DENIED, f"user {request.uid}")
    return m.UserLoggedOff(await mounts.log_off(request.uid, force=request.force))
