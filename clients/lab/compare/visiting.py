"""One visit of a file: open, read or write, close; bare requests, for there are very many."""

import trio

from clients.lab.compare.logons import SUCCESS
from clients.lab.staging.virtual import sleep_until
from clients.session import Client
from clients.swarm.trace import Visit
from redird.wire import files as f
from redird.wire import messages as m
from redird.wire.errors import Refused

FILE_BYTES = 1024
WRITTEN = b"written by a visit"
READS = f.FILE_READ_ATTRIBUTES | f.FILE_READ_DATA
WRITES = READS | f.FILE_WRITE_DATA | f.FILE_APPEND_DATA | f.FILE_WRITE_ATTRIBUTES


def file_name(file: int) -> str:
    """What the share's files are called."""
    return f"f{file}.txt"


async def visit_file(client: Client, tree: int, visit: Visit, hold_s: float) -> str:
    """Visit a file, keep it open for `hold_s`; returns the first refusal's status, or success.

    Raises LinkLost.
    """
    try:
        handle = (await client.ask(_create(tree, visit), m.Created)).handle
    except Refused as no:
        return no.status.name
    if hold_s > 0:
        await sleep_until(trio.current_time() + hold_s)
    status = SUCCESS
    try:
        if visit.write:
            await client.ask(m.Write(tree, handle, 0, WRITTEN), m.DataWritten)
        else:
            await client.ask(m.Read(tree, handle, 0, FILE_BYTES), m.DataRead)
    except Refused as no:  # another's logoff may take files away
        status = no.status.name
    try:
        await client.ask(m.Close(tree, handle), m.Closed)
    except Refused as no:
        status = no.status.name if status == SUCCESS else status
    return status


def _create(tree: int, visit: Visit) -> m.Create:
    return m.Create(
        tree,
        file_name(visit.file),
        WRITES if visit.write else READS,
        f.SHARE_ALL,
        f.FILE_OPEN,
        f.FILE_NON_DIRECTORY_FILE,
    )
