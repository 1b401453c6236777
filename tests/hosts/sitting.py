"""A session that sits on its host and reads one file again and again, told line by line.

    sitting.py SHARE_SERVER_ADDRESS

Each line of JSON is what one look gave: contents, mostly told from the redirector's memory, or
the status of a refusal, upon which it opens the file anew. Runs on emulated hosts as a file of
its own.
"""

import json
import sys
import tempfile

import trio

from clients.errors import SessionError
from clients.session import Client, dial
from deploy.local import python_module, start

NAME = "//files/docs/note"
LOOK_S = 0.1
# Less than the share server's, which must not give up a host that still trusts itself.
SERVER_SILENCE_MAX_S = 3.0


async def main(server: str) -> None:
    with tempfile.TemporaryDirectory(prefix="sitting-") as folder:
        config = trio.Path(folder, "redird.toml")
        await config.write_text(
            f'listen = ["unix:{folder}/sock"]\necho_s = 1\n'
            f"server_silence_max_s = {SERVER_SILENCE_MAX_S}\n"
            f'[servers]\nfiles = "{server}"\n'
        )
        command = python_module("redird", "serve", "--json", "--config", str(config))
        async with (
            start(command, ready_max_s=90) as process,
            dial(process.addresses[0]) as client,
        ):
            while True:
                await sit(client)
                await trio.sleep(LOOK_S)


async def sit(client: Client) -> None:
    """Look until that is refused; the session is logged off then, whatever it still has."""
    try:
        session = await client.logon("guest", server="files")
        try:
            async with session.open(NAME, "rb") as file:
                while True:
                    await file.seek(0)
                    tell("read", (await file.read()).decode())
                    await trio.sleep(LOOK_S)
        finally:
            await session.logoff()
    except SessionError as no:
        tell("no", no.status.name)


def tell(what: str, value: str) -> None:
    print(json.dumps({what: value}), flush=True)


if __name__ == "__main__":
    trio.run(main, sys.argv[1])
