"""One question to a daemon from a console command: dial, log on if need be, ask, leave."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import trio

from redird.wire.address import Address, AddressError, parse
from redird.wire.dialling import open_link, unwrapped
from redird.wire.errors import LinkLost, Refused
from redird.wire.link import Link
from redird.wire.logon import NONCE_BYTES, establish
from redird.wire.messages import Enumerate, Enumerated
from redird.wire.process import fail
from redird.wire.scram import Keys, derive
from redird.wire.status import advice

T = TypeVar("T")


async def asking(
    ask: Callable[[Link], Awaitable[T]], at: Address, user: str = "", password: str = ""
) -> T:
    """Run `ask` over a link to `at`, logged on as `user` if one is given."""

    async def keys_for(salt: bytes, iterations: int) -> Keys:
        return await trio.to_thread.run_sync(derive, password, salt, iterations)

    answers: list[T] = []
    with unwrapped():
        async with open_link(at) as (link, _):
            if user:
                nonce = secrets.token_urlsafe(NONCE_BYTES)
                await establish(link, user, keys_for, nonce, proof_needed=bool(password))
            answers.append(await ask(link))
    return answers[0]


def run_asking(
    program: str,
    ask: Callable[[Link], Awaitable[T]],
    at: str,
    user: str = "",
    password: str = "",
) -> T:
    """Run one question of a console command; what goes wrong ends it with one line."""
    try:
        return trio.run(asking, ask, parse(at), user, password)
    except Refused as no:
        hint = advice(no.status)
        fail(program, f"{no}; {hint}" if hint else no)
    except (LinkLost, AddressError) as error:
        fail(program, error)


async def ask_view(view: str, link: Link) -> list[dict[str, Any]]:
    """Fetch all pages of an admin view."""
    rows: list[dict[str, Any]] = []
    while True:
        reply = await link.request(Enumerate(view, rows[-1]["number"] if rows else 0))
        if not isinstance(reply, Enumerated):
            raise LinkLost(f"Enumerate was answered with {type(reply).__name__}")
        if not reply.rows:
            return rows
        rows += reply.rows
