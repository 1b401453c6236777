"""What the tests of the dormant table share: connections and handles, made by hand."""

from types import SimpleNamespace
from typing import Any

from redird.holdings import Connection, File, Handle
from redird.wire.messages import FileInfo

READ, WRITE, DELETE = 0x1, 0x2, 0x10000
INFO = FileInfo(1, "file", 0, 1, 0o644, 0, 0, 0)
AGE_S = 30.0
PATHS = ["foo", "foo.tmp", "foo.tmp/a", "foo/a", "foo/b/c", "bar"]


def connection(number, share="docs"):
    session: Any = SimpleNamespace(number=number)
    return Connection(number, session, "files", share, "files")


def handle(where, path="foo", number=1, access=READ, share=7, kind=Handle):
    file = File(("files", number), INFO)
    return kind(number, where, path, file, number, 1, access, share, True)
