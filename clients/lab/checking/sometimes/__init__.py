"""What ought to happen in some run, so that the checkers had something to look at."""

from clients.lab.checking.sometimes.dormancy import (
    BatchRacedReopen,
    DormantBroken,
    KilledInBatch,
    LeaseBroken,
    LogoffDuringBatch,
    RemovedWhileDormant,
    RenamedWhileDormant,
    Revived,
)
from clients.lab.checking.sometimes.files import (
    DiskFailed,
    FileBusy,
    LockContended,
    ReadAcrossHosts,
    WritersAtOnce,
)
from clients.lab.checking.sometimes.links import (
    ClientLost,
    ConnectInGrace,
    HandleReclaimed,
    LinkLostInFlight,
    LogoffCutShort,
    OlderUsesFreed,
    RestartedUnderSessions,
    WriteAtKill,
)
from clients.lab.checking.sometimes.sight import Sight
from clients.lab.checking.sometimes.slots import (
    LastSlotContended,
    LeftBehind,
    LimitReached,
    QuickReturn,
    RefusedForResidue,
    RefusedGenuinely,
    SlotRecalled,
    VanishedFreed,
)

__all__ = ["SOMETIMES", "Sight"]

KINDS: tuple[type[Sight], ...] = (
    LimitReached,
    LastSlotContended,
    RefusedGenuinely,
    RefusedForResidue,
    SlotRecalled,
    LeftBehind,
    QuickReturn,
    VanishedFreed,
    BatchRacedReopen,
    LogoffDuringBatch,
    KilledInBatch,
    Revived,
    DormantBroken,
    LeaseBroken,
    RenamedWhileDormant,
    RemovedWhileDormant,
    WritersAtOnce,
    ReadAcrossHosts,
    LockContended,
    FileBusy,
    DiskFailed,
    ClientLost,
    LinkLostInFlight,
    WriteAtKill,
    HandleReclaimed,
    OlderUsesFreed,
    ConnectInGrace,
    RestartedUnderSessions,
    LogoffCutShort,
)
SOMETIMES: dict[str, type[Sight]] = {kind.name: kind for kind in KINDS}
