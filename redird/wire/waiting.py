"""Waiting for a reply: a parked task, a function to call, or both."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import trio

from redird.wire.messages import Message


@dataclass(slots=True, eq=False)
class Waiter:
    """Whoever waits for one reply. `on_reply` hears of it before the task runs."""

    on_reply: Callable[[Message], None] | None = None
    task: trio.lowlevel.Task | None = None
    reply: Message | None = None

    async def wait(self, on_abandon: Callable[[], None]) -> None:
        """Wait until resolved or woken; `on_abandon` is called if the wait is cancelled."""
        self.task = trio.lowlevel.current_task()

        def abandon(_: Any) -> trio.lowlevel.Abort:
            self.task = None
            on_abandon()
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abandon)

    def resolve(self, reply: Message) -> None:
        """The reply has come."""
        self.reply = reply
        if self.on_reply is not None:
            self.on_reply(reply)
        self.wake()

    def wake(self) -> None:
        """There will be no reply, or it is there."""
        if self.task is not None:
            trio.lowlevel.reschedule(self.task)
