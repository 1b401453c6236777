"""Keep files open, or dormant, until a time is up, a signal comes or the daemon goes."""

import signal
from collections.abc import Callable
from contextlib import AsyncExitStack

import trio

from clients.errors import LinkFailed
from clients.session import Session


async def hold(
    session: Session,
    names: tuple[str, ...],
    *,
    dormant: bool,
    seconds: float,
    tell: Callable[[Session], None],
) -> None:
    """Open the files, or open and close them; `tell`, and wait. SIGTERM is the regular end."""
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async with AsyncExitStack() as files:
            for name in names:
                if dormant:
                    async with session.open(name, "rb"):
                        continue
                await files.enter_async_context(session.open(name, "rb"))
            tell(session)
            with trio.move_on_after(seconds):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(_notice_loss, session)
                    await anext(signals)
                    nursery.cancel_scope.cancel()


async def _notice_loss(session: Session) -> None:
    raise LinkFailed(await session.client.link.wait_lost())
