"""What the kernel may remember of a share, and for how long: every such decision is here.

The kernel is told in seconds. Nothing outlives what this redirector knows for sure, so while
nothing calls the kernel's memory back all of it is nothing, and cached pages are dropped when
a file is seen to have changed.
"""

from redird.fuse.kernel import Init
from redird.wire.messages import FileInfo

# Until every change is announced to the kernel it judges by size and time of change.
DATA_FLAG = Init.AUTO_INVAL_DATA


def entry_valid_s(info: FileInfo, *, shared: bool) -> float:
    """How long a name is known to lead to this file; `shared`: several users see the mount."""
    return 0.0


def attr_valid_s(info: FileInfo, *, shared: bool) -> float:
    """How long a file's attributes are known."""
    return 0.0


def negative_valid_s(*, shared: bool) -> float:
    """How long a name is known to be free; 0: it is not to be remembered at all."""
    return 0.0


def keep_cache(info: FileInfo, *, shared: bool) -> bool:
    """Whether pages read through an earlier open are still what the server has."""
    return False


def direct_io(*, appends: bool, shared: bool) -> bool:
    """Whether an open file's data goes past the kernel's pages.

    The kernel appends where it believes the end to be; only the server knows.
    """
    return appends
