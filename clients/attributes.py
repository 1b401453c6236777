"""What a session asks about a file by its name: attributes, plain and extended."""

from typing import Any, TypeVar

from redird.wire import messages as m
from redird.wire.messages import FileInfo, Message

R = TypeVar("R", bound=Message)


class Attributes:
    """The half of `session.Session` that is about attributes."""

    async def _ask(self, name: str, kind: Any, expected: type[R], *arguments: Any) -> R:
        raise NotImplementedError

    async def stat(self, name: str, *, follow: bool = True) -> FileInfo:
        """Tell about a file or folder; without `follow` about a symlink itself."""
        return (await self._ask(name, m.QueryInfo, m.InfoFound, follow)).info

    async def set_times(
        self, name: str, *, mtime_ns: int, atime_ns: int | None = None, follow: bool = True
    ) -> None:
        """Set when a file was changed last, in nanoseconds since 1970.

        Without `follow` a symlink itself is meant.
        """
        changes = (None, None, mtime_ns, atime_ns, None, follow)
        await self._ask(name, m.SetInfo, m.InfoSet, *changes)

    async def chmod(self, name: str, mode: int) -> None:
        """Set a file's permissions."""
        await self._ask(name, m.SetInfo, m.InfoSet, None, mode)

    # --- extended attributes; a symlink is not followed ---

    async def getxattr(self, name: str, attribute: str) -> bytes:
        """Return an extended attribute, whose name begins with `user.`."""
        return (await self._ask(name, m.GetXattr, m.XattrFound, attribute)).value

    async def listxattr(self, name: str) -> list[str]:
        """Return the names of a file's extended attributes."""
        return list((await self._ask(name, m.ListXattrs, m.XattrsFound)).names)

    async def setxattr(self, name: str, attribute: str, value: bytes, must: str = "") -> None:
        """Set an extended attribute; `must` "create": a new one, "replace": one there is."""
        await self._ask(name, m.SetXattr, m.XattrSet, attribute, must, value)

    async def removexattr(self, name: str, attribute: str) -> None:
        """Remove an extended attribute."""
        await self._ask(name, m.RemoveXattr, m.XattrRemoved, attribute)
