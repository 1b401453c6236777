"""Of a share's limit: it is never passed, as clients saw it and as the server counted it."""

from clients.lab.checking.checker import Checker, Listeners, Run
from clients.lab.checking.counting import Steps
from clients.lab.checking.history import Event


class SureHolders(Checker):
    """Never do more connections surely hold a slot than the limit allows."""

    name = "holders_within_limit"
    _most = 0

    def listeners(self) -> Listeners:
        return {}

    def finish(self) -> None:
        share = self.setting.share
        limit = self.setting.limit(share)
        if limit is not None:
            steps = Steps(self.run.holders.sure(share))
            self._most = max(self._most, *steps.counts)
            place = steps.first_above(limit)
            if place is not None:
                self._tell(share, limit, place)
            self._look_at_admissions(share, limit, steps)

    def _look_at_admissions(self, share: str, limit: int, steps: Steps) -> None:
        """Whoever was admitted held a slot at one instant at least, beside all others."""
        admitted = [one for one in self.run.holders.all if one.share == share and one.admitted]
        lows = steps.lows([one.admission for one in admitted])
        for held, others in zip(admitted, lows, strict=True):
            if others >= limit:
                why = f"{held.who} was admitted to {share} while {others} of {limit} slots were"
                self.broken(f"{why} surely held by others", int(held.admission[1][0]), held.who)

    def _tell(self, share: str, limit: int, place: tuple[float, float]) -> None:
        spans = [
            (one, [*one.surely, (one.since or one.last, one.last)])
            for one in self.run.holders.all
            if one.share == share
        ]
        who = [one.who for one, held in spans if any(a <= place < b for a, b in held)]
        shown = ", ".join(who[:8])
        why = f"{len(who)} surely held a slot of {share}, which has {limit}: {shown}"
        self.broken(why, int(place[0]), share, *who[:8])

    def passed(self) -> str:
        limit = self.setting.uses_max
        if limit is None:
            return "the share has no limit"
        return f"at most {self._most} at once surely held one of {limit} slots"


class LedgerWithinLimit(Checker):
    """The server's own count never passes the limit and is what its facts add up to."""

    name = "ledger_within_limit"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._shares: dict[str, dict[int, str]] = {}
        self._facts = 0
        self._most = 0

    def listeners(self) -> Listeners:
        return {
            "fact use_admitted": self._admitted,
            "fact use_released": self._released,
            "server started": self._started,
        }

    def _started(self, event: Event) -> None:
        self._shares.clear()  # all uses ended with the server; those taken up again are new

    def _admitted(self, event: Event) -> None:
        share = self._shares.setdefault(event["share"], {})
        share[event["tree"]] = event["user"]
        self._hold(event, share)

    def _released(self, event: Event) -> None:
        share = self._shares.setdefault(event["share"], {})
        share.pop(event["tree"], None)
        self._hold(event, share)

    def _hold(self, event: Event, share: dict[int, str]) -> None:
        self._facts += 1
        name, uses = event["share"], event["uses"]
        limit = self.setting.limit(name)
        held = len(share)
        self._most = max(self._most, held, uses)
        if limit is not None and max(uses, held) > limit and event.what == "use_admitted":
            user, most = event["user"], max(uses, held)
            why = f"the server let {user} have slot {most} of {limit} of {name}"
            self.broken(why, event.at_ns, name, user)
        if uses != held:
            why = f"the server counted {uses} uses of {name}; admitted less released are {held}"
            self.broken(why, event.at_ns, name)

    def unsure(self) -> str:
        return "" if self._facts else "the history has no facts of the server's ledger"

    def passed(self) -> str:
        return f"{self._facts:,} changes of the ledger, at most {self._most} uses at once"
