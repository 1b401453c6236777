"""What a load file leaves on smbd's disk."""

import getpass
import tempfile
from itertools import islice
from pathlib import Path

from clients.lab.peers import torture
from clients.lab.peers.processes import program, understood
from clients.lab.peers.samba import smbd
from clients.lab.replaying.trees import Tree, read_tree

SECONDS = 60  # and for so many lines one more
LINES_PER_S_MIN = 100
# smbtorture deletes all when it has played to its end, and nothing when a status is wrong.
LAST_LINE = 'QUERY_PATH_INFORMATION "\\nowhere" 1004 NT_STATUS_OK\n'


async def left_by_smbd(file: Path, lines: int) -> Tree:
    """Let smbtorture bench.nbench play the first lines of a file, and return what is left.

    Raises StartFailed, also if it came to another end than the last line.
    """
    program("smbtorture", "samba-testsuite")
    with tempfile.NamedTemporaryFile("w", prefix="redlab-lines-") as cut:
        with file.open(encoding="utf-8", errors="surrogateescape") as text:
            cut.writelines(islice(text, lines))
        cut.write(LAST_LINE)
        cut.flush()
        async with smbd(getpass.getuser()) as samba:
            seconds = SECONDS + lines // LINES_PER_S_MIN
            loadfile = f"--loadfile={cut.name}"
            said = await samba.torture("bench.nbench", seconds, 1, loadfile, status=1)
            understood("smbtorture", lambda text: torture.ended_at(text, lines + 1), said)
            return read_tree(samba.share)
