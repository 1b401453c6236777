"""The vocabulary, as frozen dataclasses: requests imperative, replies in the past.

========================  ======================  =============================================
request                   reply                   from -> to
========================  ======================  =============================================
Negotiate                 Negotiated              whoever dialled -> whoever listens
Echo                      Echoed                  both ways, keepalive
SessionSetup              SessionChallenged,      client or redirector -> share server
                          SessionEstablished
TreeConnect               TreeConnected           -> share server: takes a slot of the share
TreeDisconnect            TreeDisconnected        -> share server: gives it back
Logon                     LoggedOn                client -> redirector
Connect, Disconnect       Connected, Disconnected client -> redirector
Logoff                    LoggedOff               -> either; the reply is the proof
Create .. QueryVolume     Created .. VolumeFound  -> either; `tree` is the connection there
GetXattr .. CopyRange     XattrFound ..           -> either: attributes and extents
                          RangeCopied
Lock, Unlock, TestLock    Locked, Unlocked,       -> either: byte ranges
                          LockTested
CloseBatch                BatchClosed             redirector -> share server
Compound                  Compounded              -> either
Reclaim                   Reclaimed               redirector -> share server, on a newer link
Once                      (its part's reply)      redirector -> share server
DescribeUses              UsesDescribed           share server -> redirector, for a receipt
SlotRecall                SlotsRecalled           share server -> redirector, at the limit
LeaseBreak                LeaseBroken             share server -> redirector
UseEnded                  (notification)          share server -> redirector
DescribeRefusal           RefusalDescribed        the refused -> either
QueryUses                 UsesFound               -> either: how full the share is now
Enumerate, ForceClose     Enumerated, ForceClosed administrator -> either
Mount, Unmount,           Mounted, Unmounted,      whose mount it is -> redirector
LogoffUser                UserLoggedOff
(any)                     RefusedReply            the answer is no
========================  ======================  =============================================

Times are nanoseconds since 1970 as integers, durations seconds as floats, sizes bytes. A path
is relative to its share, its components joined by "/". `target` is a handle or a path.
"""

from redird.wire.messages.administration import (
    Enumerate,
    Enumerated,
    ForceClose,
    ForceClosed,
    LogoffUser,
    Mount,
    Mounted,
    Unmount,
    Unmounted,
    UserLoggedOff,
)
from redird.wire.messages.extents import (
    Allocate,
    Allocated,
    CopyRange,
    GetXattr,
    ListXattrs,
    Lock,
    Locked,
    LockRange,
    LockTested,
    RangeCopied,
    RemoveXattr,
    Seek,
    SetXattr,
    Sought,
    TestLock,
    Unlock,
    Unlocked,
    XattrFound,
    XattrRemoved,
    XattrSet,
    XattrsFound,
)
from redird.wire.messages.files import (
    APPEND,
    RELATED,
    BatchClosed,
    Close,
    CloseBatch,
    Closed,
    Compound,
    Compounded,
    Create,
    Created,
    DataRead,
    DataWritten,
    FileInfo,
    Flush,
    Flushed,
    InfoFound,
    InfoSet,
    QueryInfo,
    Read,
    SetInfo,
    Write,
)
from redird.wire.messages.links import (
    PROTOCOL_VERSION,
    Echo,
    Echoed,
    Negotiate,
    Negotiated,
    RefusedReply,
)
from redird.wire.messages.names import (
    DirectoryFound,
    DirectoryMade,
    DirectoryRemoved,
    Entry,
    Link,
    Linked,
    LinkRead,
    MakeDirectory,
    QueryDirectory,
    QueryVolume,
    ReadLink,
    RemoveDirectory,
    Rename,
    Renamed,
    Symlink,
    Symlinked,
    Unlink,
    Unlinked,
    VolumeFound,
)
from redird.wire.messages.recovery import Once, Reclaim, Reclaimed, ReclaimedHandle
from redird.wire.messages.sessions import (
    Connect,
    Connected,
    Disconnect,
    Disconnected,
    LoggedOff,
    LoggedOn,
    Logoff,
    Logon,
    SessionChallenged,
    SessionEstablished,
    SessionSetup,
    ShareProof,
    TreeConnect,
    TreeConnected,
    TreeDisconnect,
    TreeDisconnected,
)
from redird.wire.messages.slots import (
    DescribeRefusal,
    DescribeUses,
    LeaseBreak,
    LeaseBroken,
    QueryUses,
    RefusalDescribed,
    SlotRecall,
    SlotsRecalled,
    UseDescription,
    UseEnded,
    UsesDescribed,
    UsesFound,
)
from redird.wire.messages.vocabulary import MESSAGES, Message
from redird.wire.schema import Payload, Record

__all__ = [
    "APPEND",
    "MESSAGES",
    "PROTOCOL_VERSION",
    "RELATED",
    "Allocate",
    "Allocated",
    "BatchClosed",
    "Close",
    "CloseBatch",
    "Closed",
    "Compound",
    "Compounded",
    "Connect",
    "Connected",
    "CopyRange",
    "Create",
    "Created",
    "DataRead",
    "DataWritten",
    "DescribeRefusal",
    "DescribeUses",
    "DirectoryFound",
    "DirectoryMade",
    "DirectoryRemoved",
    "Disconnect",
    "Disconnected",
    "Echo",
    "Echoed",
    "Entry",
    "Enumerate",
    "Enumerated",
    "FileInfo",
    "Flush",
    "Flushed",
    "ForceClose",
    "ForceClosed",
    "GetXattr",
    "InfoFound",
    "InfoSet",
    "LeaseBreak",
    "LeaseBroken",
    "Link",
    "LinkRead",
    "Linked",
    "ListXattrs",
    "Lock",
    "LockRange",
    "LockTested",
    "Locked",
    "LoggedOff",
    "LoggedOn",
    "Logoff",
    "LogoffUser",
    "Logon",
    "MakeDirectory",
    "Message",
    "Mount",
    "Mounted",
    "Negotiate",
    "Negotiated",
    "Once",
    "Payload",
    "QueryDirectory",
    "QueryInfo",
    "QueryUses",
    "QueryVolume",
    "RangeCopied",
    "Read",
    "ReadLink",
    "Reclaim",
    "Reclaimed",
    "ReclaimedHandle",
    "Record",
    "RefusalDescribed",
    "RefusedReply",
    "RemoveDirectory",
    "RemoveXattr",
    "Rename",
    "Renamed",
    "Seek",
    "SessionChallenged",
    "SessionEstablished",
    "SessionSetup",
    "SetInfo",
    "SetXattr",
    "ShareProof",
    "SlotRecall",
    "SlotsRecalled",
    "Sought",
    "Symlink",
    "Symlinked",
    "TestLock",
    "TreeConnect",
    "TreeConnected",
    "TreeDisconnect",
    "TreeDisconnected",
    "Unlink",
    "Unlinked",
    "Unlock",
    "Unlocked",
    "Unmount",
    "Unmounted",
    "UseDescription",
    "UseEnded",
    "UserLoggedOff",
    "UsesDescribed",
    "UsesFound",
    "VolumeFound",
    "Write",
    "XattrFound",
    "XattrRemoved",
    "XattrSet",
    "XattrsFound",
]
