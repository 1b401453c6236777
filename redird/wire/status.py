"""NT status codes by their real names and numbers, with the Win32 error beside each.

Numbers: MS-ERREF section 2.3; Win32 errors: MS-ERREF section 2.2 and the mapping published
with RtlNtStatusToDosError. No errno of an operating system ever travels: 95 of 133 differ
between x86 and Alpha.
"""

from enum import IntEnum


class Status(IntEnum):
    """One NT status; `win32` is what a Windows program sees, `text` is for people."""

    win32: int
    text: str

    def __new__(cls, number: int, win32: int, text: str) -> "Status":
        """Make a member whose value is the status number."""
        member = int.__new__(cls, number)
        member._value_ = number
        member.win32 = win32
        member.text = text
        return member

    STATUS_SUCCESS = 0x00000000, 0, "done"
    STATUS_NO_MORE_FILES = 0x80000006, 18, "no more entries match"
    STATUS_UNSUCCESSFUL = 0xC0000001, 31, "the operation failed"
    STATUS_INVALID_HANDLE = 0xC0000008, 6, "no such open file in this session"
    STATUS_INVALID_PARAMETER = 0xC000000D, 87, "an argument is not valid"
    STATUS_NO_SUCH_FILE = 0xC000000F, 2, "no entry matches"
    STATUS_INVALID_DEVICE_REQUEST = 0xC0000010, 1, "this peer does not serve that request"
    STATUS_END_OF_FILE = 0xC0000011, 38, "the offset is at or past the end of the file"
    STATUS_ACCESS_DENIED = 0xC0000022, 5, "access is denied"
    STATUS_BUFFER_TOO_SMALL = 0xC0000023, 122, "the answer does not fit into one frame"
    STATUS_OBJECT_NAME_INVALID = 0xC0000033, 123, "the name is not valid"
    STATUS_OBJECT_NAME_NOT_FOUND = 0xC0000034, 2, "there is no file of that name"
    STATUS_OBJECT_NAME_COLLISION = 0xC0000035, 183, "the name exists already"
    STATUS_OBJECT_PATH_NOT_FOUND = 0xC000003A, 3, "a folder on the way does not exist"
    STATUS_OBJECT_PATH_SYNTAX_BAD = 0xC000003B, 161, "the path must stay inside the share"
    STATUS_SHARING_VIOLATION = 0xC0000043, 32, "another open excludes this one"
    STATUS_QUOTA_EXCEEDED = 0xC0000044, 1816, "the quota is used up"
    STATUS_EA_TOO_LARGE = 0xC0000050, 255, "the extended attributes are too large"
    STATUS_NONEXISTENT_EA_ENTRY = 0xC0000051, 255, "no extended attribute of that name"
    STATUS_FILE_LOCK_CONFLICT = 0xC0000054, 33, "somebody has locked this part of the file"
    STATUS_LOCK_NOT_GRANTED = 0xC0000055, 33, "somebody else holds a lock on the range"
    STATUS_DELETE_PENDING = 0xC0000056, 303, "the file goes at its last close"
    STATUS_REVISION_MISMATCH = (
        0xC0000059,
        1306,
        "the two sides speak different protocol versions",
    )
    STATUS_LOGON_FAILURE = 0xC000006D, 1326, "unknown user or wrong password"
    STATUS_RANGE_NOT_LOCKED = 0xC000007E, 158, "this range is not locked"
    STATUS_DISK_FULL = 0xC000007F, 112, "the disk is full"
    STATUS_INSUFFICIENT_RESOURCES = 0xC000009A, 1450, "not enough resources"
    STATUS_MEDIA_WRITE_PROTECTED = 0xC00000A2, 19, "the share is read-only"
    STATUS_IO_TIMEOUT = 0xC00000B5, 121, "no answer in time"
    STATUS_FILE_IS_A_DIRECTORY = 0xC00000BA, 5, "the name is a folder"
    STATUS_NOT_SUPPORTED = 0xC00000BB, 50, "not supported"
    STATUS_BAD_NETWORK_PATH = 0xC00000BE, 53, "no server of that name can be reached"
    STATUS_TOO_MANY_COMMANDS = 0xC00000C1, 56, "too many requests at once on one link"
    STATUS_NETWORK_NAME_DELETED = 0xC00000C9, 64, "the connection to the share has ended"
    STATUS_BAD_DEVICE_TYPE = 0xC00000CB, 66, "the share is of another kind"
    STATUS_BAD_NETWORK_NAME = 0xC00000CC, 67, "the server has no share of that name"
    STATUS_TOO_MANY_SESSIONS = 0xC00000CE, 69, "the server's table of sessions is full"
    STATUS_SHARING_PAUSED = 0xC00000CF, 70, "the share is paused"
    STATUS_REQUEST_NOT_ACCEPTED = 0xC00000D0, 71, "the share's connection limit is reached"
    STATUS_NOT_SAME_DEVICE = 0xC00000D4, 17, "the two names are on different shares"
    STATUS_UNEXPECTED_IO_ERROR = 0xC00000E9, 317, "an unexpected input/output error"
    STATUS_DIRECTORY_NOT_EMPTY = 0xC0000101, 145, "the folder is not empty"
    STATUS_NOT_A_DIRECTORY = 0xC0000103, 267, "the name is not a folder"
    STATUS_NAME_TOO_LONG = 0xC0000106, 206, "the name is too long"
    STATUS_FILES_OPEN = 0xC0000107, 2401, "files are open on the connection"
    STATUS_CONNECTION_IN_USE = 0xC0000108, 2404, "the connection is in use"
    STATUS_TOO_MANY_OPENED_FILES = 0xC000011F, 4, "too many open files"
    STATUS_CANCELLED = 0xC0000120, 995, "the request was cancelled"
    STATUS_CANNOT_DELETE = 0xC0000121, 5, "the file cannot be deleted"
    STATUS_FILE_CLOSED = 0xC0000128, 6, "the file was closed under its user"
    STATUS_IO_DEVICE_ERROR = 0xC0000185, 1117, "the disk reported an error"
    STATUS_USER_SESSION_DELETED = 0xC0000203, 59, "the session has logged off"
    STATUS_CONNECTION_DISCONNECTED = 0xC000020C, 64, "the link to the server was lost"
    STATUS_NOT_FOUND = 0xC0000225, 1168, "there is no such thing"
    STATUS_TOO_MANY_LINKS = 0xC0000265, 1142, "too many links to the file"
    STATUS_NOT_A_REPARSE_POINT = 0xC0000275, 4390, "the name is no symbolic link"


_S = Status
_ADVICE = {
    _S.STATUS_OBJECT_NAME_NOT_FOUND: "check the name against a listing of its folder",
    _S.STATUS_OBJECT_PATH_NOT_FOUND: "make the folder first, or check its name",
    _S.STATUS_NO_SUCH_FILE: "list the folder without a pattern",
    _S.STATUS_OBJECT_NAME_COLLISION: "give another name, or ask for the old to be replaced",
    _S.STATUS_OBJECT_NAME_INVALID: "give a name without control characters",
    _S.STATUS_FILE_IS_A_DIRECTORY: "give the name of a file, or ask for a folder",
    _S.STATUS_NOT_A_DIRECTORY: "give the name of a folder, or ask for a file",
    _S.STATUS_DIRECTORY_NOT_EMPTY: "remove first what is in it",
    _S.STATUS_BUFFER_TOO_SMALL: "ask for less at once",
    _S.STATUS_ACCESS_DENIED: "use an account that may",
    _S.STATUS_DELETE_PENDING: "wait until the last who has it open has closed it",
    _S.STATUS_NOT_SAME_DEVICE: "copy the file, then delete the old one",
    _S.STATUS_LOGON_FAILURE: "check the user's name and password",
    _S.STATUS_BAD_NETWORK_NAME: "check the share's name against `shareserver shares`",
    _S.STATUS_BAD_NETWORK_PATH: "check that the server runs and that [servers] names it",
    _S.STATUS_REQUEST_NOT_ACCEPTED: "try later; the receipt says who holds the slots",
    _S.STATUS_SHARING_VIOLATION: "wait for the other opener, or open with a wider share mode",
    _S.STATUS_DISK_FULL: "free space on the server's disk; data written before is intact",
    _S.STATUS_QUOTA_EXCEEDED: "free space within the quota; data written before is intact",
    _S.STATUS_MEDIA_WRITE_PROTECTED: "use a share that is not read-only",
    _S.STATUS_TOO_MANY_OPENED_FILES: "close files, or raise the server's limit of open files",
    _S.STATUS_CONNECTION_DISCONNECTED: "connect again; what was in flight may be done or not",
    _S.STATUS_USER_SESSION_DELETED: "log on again",
    _S.STATUS_NETWORK_NAME_DELETED: "connect to the share again",
    _S.STATUS_REVISION_MISMATCH: "run the same release on both sides",
    _S.STATUS_OBJECT_PATH_SYNTAX_BAD: "give a path inside the share, without '.' and '..'",
    _S.STATUS_NAME_TOO_LONG: "use names of at most 255 bytes",
    _S.STATUS_CONNECTION_IN_USE: "close the files, or disconnect by force",
    _S.STATUS_FILES_OPEN: "close the files, or disconnect by force",
    _S.STATUS_INVALID_DEVICE_REQUEST: "ask the daemon that serves it: redird or shareserver",
    _S.STATUS_FILE_LOCK_CONFLICT: "wait until the lock is given up",
    _S.STATUS_LOCK_NOT_GRANTED: "try again later, or wait longer",
    _S.STATUS_TOO_MANY_SESSIONS: "log off idle sessions, or raise sessions_max",
}


def advice(status: Status) -> str:
    """What a person can do about `status`, or an empty string."""
    return _ADVICE.get(status, "")
