"""One user who does one of everything, to see that everything works: after faults, say."""

from typing import Any

from clients.lab.exercising.actions import LOCK_FROM, Action, UserPlan

PROBE = "probe"


def probe(host: str, first: int, user: str = PROBE) -> UserPlan:
    """Return what to do: each operation once, on files of the user's own.

    Its actions are numbered, and its writes valued, from `first`, above all of a plan's.
    """
    path, other = f"{user}-{host}", f"{user}-{host}-name"
    locks = {"path": path, "offset": LOCK_FROM, "exclusive": True}
    steps: tuple[tuple[str, dict[str, Any]], ...] = (
        ("logon", {}),
        ("connect", {}),
        ("open", {"path": path}),
        ("write", {"path": path, "value": first}),
        ("read", {"path": path}),
        ("lock", locks),
        ("unlock", locks),
        ("fsync", {"path": path}),
        ("close", {"path": path}),
        ("stat", {"path": path}),
        ("open", {"path": other + ".a"}),
        ("close", {"path": other + ".a"}),
        ("rename", {"path": other + ".a", "target": other + ".b"}),
        ("unlink", {"path": other + ".b"}),
        ("disconnect", {}),
        ("logoff", {}),
    )
    numbered = enumerate(steps, first)
    actions = tuple(Action(number, do, **more) for number, (do, more) in numbered)
    return UserPlan(host, user, actions)
