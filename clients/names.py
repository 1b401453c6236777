r"""Names as people write them: `\\server\share\folder\file`, or the same with `/`."""

from typing import NamedTuple

from redird.wire.errors import Refused
from redird.wire.status import Status


class Unc(NamedTuple):
    """A place on a share; `path` is relative to it, with `/` between components."""

    server: str
    share: str
    path: str

    def __str__(self) -> str:
        return "\\\\" + "\\".join((self.server, self.share, *self.path.split("/"))).rstrip("\\")


def parse(text: str) -> Unc:
    """Read a UNC name; raises Refused for anything else.

    A name that begins with a backslash is taken apart at backslashes, one that begins with a
    slash at slashes, so that names on a share may hold the other.
    """
    separator = text[:1]
    if separator in ("\\", "/") and text.startswith(separator * 2):
        server, _, rest = text[2:].partition(separator)
        share, _, path = rest.partition(separator)
        if server and share:
            return Unc(server, share, path.rstrip(separator).replace(separator, "/"))
    raise Refused(
        Status.STATUS_OBJECT_PATH_SYNTAX_BAD, rf"{text!r} (write \\SERVER\SHARE\PATH)"
    )
