"""What must always hold. Each checker hears the history once and can fail by itself."""

from clients.lab.checking.always.access import LocksExclude, NobodyInTheWay, RefusalsExplained
from clients.lab.checking.always.answers import (
    AnsweredInTime,
    EverySortSucceeds,
    NothingHangs,
    OneOutcome,
    ProgressAfterHeal,
)
from clients.lab.checking.always.attributes import StatShowsWrites
from clients.lab.checking.always.contents import (
    ClosedWritesReadable,
    DiskHoldsWrites,
    ReadsInOrder,
    ValuesWereWritten,
)
from clients.lab.checking.always.identities import NumbersNeverReused, OldNumbersFenced
from clients.lab.checking.always.leftovers import DormancyEnds, FaultsHealed, NothingLeft
from clients.lab.checking.always.limits import LedgerWithinLimit, SureHolders
from clients.lab.checking.always.refusals import NoSpuriousRefusal, ReceiptsAgree
from clients.lab.checking.always.releases import (
    LogoffLeavesNothing,
    LogoffReleases,
    OneReleaseEach,
    VanishedRelease,
)
from clients.lab.checking.checker import Checker

KINDS: tuple[type[Checker], ...] = (
    SureHolders,
    LedgerWithinLimit,
    NoSpuriousRefusal,
    ReceiptsAgree,
    OneReleaseEach,
    LogoffReleases,
    VanishedRelease,
    LogoffLeavesNothing,
    NumbersNeverReused,
    OldNumbersFenced,
    ValuesWereWritten,
    ReadsInOrder,
    ClosedWritesReadable,
    DiskHoldsWrites,
    StatShowsWrites,
    LocksExclude,
    NobodyInTheWay,
    RefusalsExplained,
    NothingLeft,
    DormancyEnds,
    OneOutcome,
    NothingHangs,
    AnsweredInTime,
    EverySortSucceeds,
    FaultsHealed,
    ProgressAfterHeal,
)
CHECKERS: dict[str, type[Checker]] = {kind.name: kind for kind in KINDS}
