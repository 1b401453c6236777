"""The refusals that need no fault: files are open or missing, ranges locked, a share full."""

BUSY = frozenset({"STATUS_SHARING_VIOLATION", "STATUS_DELETE_PENDING"})
LOCKED = "STATUS_LOCK_NOT_GRANTED"

MISSING, MISSING_FOLDER = "STATUS_OBJECT_NAME_NOT_FOUND", "STATUS_OBJECT_PATH_NOT_FOUND"
FULL = "STATUS_REQUEST_NOT_ACCEPTED"
EXPLAINED: dict[str, frozenset[str]] = {
    "connect": frozenset({FULL}),
    "open": BUSY,
    "lock": frozenset({LOCKED}),
    "unlock": frozenset({"STATUS_RANGE_NOT_LOCKED"}),
    "stat": frozenset({MISSING, MISSING_FOLDER}),
    "rename": BUSY
    | {MISSING, MISSING_FOLDER, "STATUS_OBJECT_NAME_COLLISION", "STATUS_ACCESS_DENIED"},
    "unlink": BUSY | {MISSING, MISSING_FOLDER, "STATUS_CANNOT_DELETE"},
}


def explained(f: str) -> frozenset[str]:
    """The statuses by which an operation may be refused with everything in order."""
    return EXPLAINED.get(f, frozenset())
