"""A session client of its own process that holds a slot until it is ended.

Run as a program, with a redirector's address: it logs on, opens a file, says that it is ready,
and works no more.
"""

import json
import sys

import trio

from clients.lab.daemons import GUEST, SERVER, SHARE
from clients.session import logon


async def stay(at: str) -> None:
    """Hold a connection and an open file for ever."""
    async with (
        logon(at, GUEST) as session,
        session.open(rf"\\{SERVER}\{SHARE}\file.txt", "rb"),
    ):
        print(json.dumps({"ready": True, "listening": [at]}), flush=True)
        await trio.sleep_forever()


if __name__ == "__main__":
    trio.run(stay, sys.argv[1])
