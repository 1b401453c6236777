"""The slots of a share as its server's views have them, however many redirectors hold them."""

from clients.lab.swarming.slots import SlotWatch
from redird.wire.messages import Enumerated


class Views:
    """A link to a share server that has these rows to show."""

    def __init__(self):
        self.facts, self.slots = [], []

    async def request(self, request):
        rows = {"facts": self.facts, "slots": self.slots}[request.view]
        return Enumerated(tuple(row for row in rows if row["number"] > request.since))

    def happened(self, kind, tree, at_s, share="docs"):
        number = len(self.facts) + 1
        at_ns = round(at_s * 1e9)
        fact = {"number": number, "at_ns": at_ns, "kind": kind, "tree": tree, "share": share}
        self.facts.append(fact)

    def holds(self, tree, state, dormant=0, share="docs"):
        row = {"number": tree, "share": share, "state": state, "dormant_files": dormant}
        self.slots = [one for one in self.slots if one["number"] != tree] + [row]


async def seen(monkeypatch, at_s, watch, views):
    monkeypatch.setattr("clients.lab.swarming.slots.time.time_ns", lambda: round(at_s * 1e9))
    await watch._look(views)


async def test_slots_are_taken_and_given_back_when_the_server_says(monkeypatch):
    watch, views = SlotWatch("unix:/nowhere", "DOCS", {}), Views()
    views.happened("use_admitted", 1, 1.0)
    views.happened("use_admitted", 2, 1.25)
    views.happened("use_admitted", 3, 1.5, share="other")
    views.holds(1, "orphan", dormant=3)
    views.holds(2, "unknown")
    views.holds(3, "live", share="other")
    views.holds(4, "live")  # admitted after the facts were asked for
    await seen(monkeypatch, 2.0, watch, views)
    assert {"connections": 3, "dormant": 3} == watch.status
    views.happened("use_released", 1, 2.5)
    await seen(monkeypatch, 3.0, watch, views)

    timeline = watch.timeline(0.0)
    assert timeline is not None
    assert [(0.0, 0, 0), (1.0, 1, 0), (1.25, 2, 0), (2.0, 2, 1), (2.5, 1, 0)] == [
        (step.at_s, step.held, step.ghosts) for step in timeline.steps
    ]


async def test_what_was_seen_at_the_asking_stands_before_what_happened_then(monkeypatch):
    watch, views = SlotWatch("unix:/nowhere", "docs", {}), Views()
    views.happened("use_admitted", 1, 1.0)
    views.happened("use_released", 1, 2.5)  # between the answers to the two questions
    views.holds(1, "orphan")
    await seen(monkeypatch, 2.0, watch, views)

    timeline = watch.timeline(0.0)
    assert timeline is not None
    assert 0.5 == timeline.ghost_slot_seconds()
    assert 0 == timeline.steps[-1].held
