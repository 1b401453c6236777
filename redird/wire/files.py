"""The vocabulary of opening a file: access, share mode, disposition, options, lease.

Numbers: MS-SMB2 2.2.13 and MS-FSCC 2.4. They are plain integers because they are combined and
compared on every open.
"""

FILE_READ_DATA = 0x0001
FILE_WRITE_DATA = 0x0002
FILE_APPEND_DATA = 0x0004
FILE_READ_ATTRIBUTES = 0x0080
FILE_WRITE_ATTRIBUTES = 0x0100
DELETE = 0x0001_0000
ACCESS_ALL = (
    FILE_READ_DATA
    | FILE_WRITE_DATA
    | FILE_APPEND_DATA
    | FILE_READ_ATTRIBUTES
    | FILE_WRITE_ATTRIBUTES
    | DELETE
)
READS = FILE_READ_DATA
WRITES = FILE_WRITE_DATA | FILE_APPEND_DATA

FILE_SHARE_READ = 0x1
FILE_SHARE_WRITE = 0x2
FILE_SHARE_DELETE = 0x4
SHARE_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE

FILE_SUPERSEDE, FILE_OPEN, FILE_CREATE = 0, 1, 2
FILE_OPEN_IF, FILE_OVERWRITE, FILE_OVERWRITE_IF = 3, 4, 5
KEEPS_CONTENT = frozenset({FILE_OPEN, FILE_OPEN_IF})
SUPERSEDED, OPENED, CREATED, OVERWRITTEN = range(4)  # what a Create did

FILE_DIRECTORY_FILE = 0x0001
FILE_NON_DIRECTORY_FILE = 0x0040
FILE_DELETE_ON_CLOSE = 0x1000
FILE_OPEN_REPARSE_POINT = 0x0020_0000  # a symlink itself is meant, not what it leads to
OPTIONS_ALL = (
    FILE_DIRECTORY_FILE
    | FILE_NON_DIRECTORY_FILE
    | FILE_DELETE_ON_CLOSE
    | FILE_OPEN_REPARSE_POINT
)

ALLOCATE_KEEP_SIZE, ALLOCATE_PUNCH_HOLE, ALLOCATE_ZERO_RANGE = 0x01, 0x02, 0x10
LOCK_KINDS = ("nt", "posix", "flock")

LEASE_NONE, LEASE_R, LEASE_H, LEASE_W = 0, 1, 2, 4
LEASE_RH = LEASE_R | LEASE_H
LEASE_RWH = LEASE_R | LEASE_W | LEASE_H


Mode = tuple[int, int]  # the share modes an open needs of others, and those it grants them


def shares_needed(access: int) -> int:
    """Return the share modes that everybody else must have granted for `access`."""
    return (
        (FILE_SHARE_READ if access & READS else 0)
        | (FILE_SHARE_WRITE if access & WRITES else 0)
        | (FILE_SHARE_DELETE if access & DELETE else 0)
    )


def conflicts(access: int, share: int, other_access: int, other_share: int) -> bool:
    """Say whether two opens of one file exclude each other (MS-FSA 2.1.5.1.2.2).

    An open for attributes only neither excludes nor is excluded.
    """
    return exclude((shares_needed(access), share), (shares_needed(other_access), other_share))


def exclude(mode: Mode, other: Mode) -> bool:
    """Say whether two opens exclude each other by what they need and what they grant."""
    (needed, granted), (other_needed, other_granted) = mode, other
    if not needed or not other_needed:
        return False
    return bool(needed & ~other_granted or other_needed & ~granted)
