"""What the checkers say of a trial's history."""

from collections.abc import Mapping, Sequence

from clients.lab.checking import history
from clients.lab.checking.judging import judge
from clients.lab.checking.verdict import FAIL
from clients.lab.simulating.watching import Failure

# A trial is over soon after its faults: that whoever comes then is served is tried instead.
NOT_HERE = ("progress_after_heal",)


def judged(lines: Sequence[str]) -> tuple[Failure | None, Mapping[str, int]]:
    """Return the first thing found, and how often each sometimes-invariant was reached."""
    found = judge(history.read(lines))
    failed = [
        (verdict.at_ns or 0, name)
        for name, verdict in found.verdicts.items()
        if verdict.result == FAIL and name not in NOT_HERE
    ]
    if not failed:
        return None, found.sometimes
    at_ns, name = min(failed)
    verdict = found.verdicts[name]
    return Failure(name, verdict.why, at_ns, tuple(verdict.subjects)), found.sometimes
