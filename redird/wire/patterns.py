"""Which names an NT pattern means: `*` `?` and their DOS forms `<` `>` `"`.

The rules are FsRtlIsNameInExpression's (MS-FSA 2.1.4.4), but for one shortcut: `*.*` asks for a
dot. A caller that means everything by it, as DOS did, writes it in the DOS forms: `<"*`.
Every place a match may have reached in the pattern is one bit of an integer and all of them
move at once, so that no pattern takes more than one pass over the name.
"""

from collections.abc import Callable
from functools import lru_cache

from redird.wire.errors import Refused
from redird.wire.status import Status

PATTERN_CHARACTERS_MAX = 1024
STAR, ONE, DOS_STAR, DOS_QM, DOS_DOT = '*?<>"'
WILDCARDS = frozenset((STAR, ONE, DOS_STAR, DOS_QM, DOS_DOT))


@lru_cache(maxsize=256)
def compiled(pattern: str, ignore_case: bool = False) -> Callable[[str], bool]:
    """Return the test whether a name is meant by `pattern`.

    No pattern but the empty one means the empty name. Raises Refused with STATUS_NAME_TOO_LONG
    for a pattern over PATTERN_CHARACTERS_MAX.
    """
    if len(pattern) > PATTERN_CHARACTERS_MAX:
        raise Refused(Status.STATUS_NAME_TOO_LONG, pattern[:32] + "...")
    if not ignore_case:
        return _test(pattern)
    test = _test(_upcased(pattern))
    return lambda name: test(_upcased(name))


def _test(pattern: str) -> Callable[[str], bool]:
    tail = pattern[1:]
    if WILDCARDS.isdisjoint(pattern):
        return lambda name: name == pattern
    if pattern == STAR:
        return bool
    if pattern[0] == STAR and WILDCARDS.isdisjoint(tail):
        return lambda name: name.endswith(tail)
    return _Walk(pattern).matches


def _upcased(text: str) -> str:
    if text.isascii():
        return text.upper()
    # NT's upcase table maps one character to one, so what would become two stays as it is.
    return "".join(up if len(up := one.upper()) == 1 else one for one in text)


class _Walk:
    """The places of one pattern, as sets of bits: bit n stands before its nth character."""

    def __init__(self, pattern: str) -> None:
        star, one, dos_star, dos_qm, dos_dot = (_places(pattern, wild) for wild in '*?<>"')
        literals = {char: _places(pattern, char) for char in set(pattern) - WILDCARDS}
        self._end = 1 << len(pattern)
        self._takes_any = one | dos_qm
        self._takes = {char: places | one | dos_qm for char, places in literals.items()}
        self._takes_dot = literals.get(".", 0) | one | dos_dot
        self._stays = star | dos_star
        self._stays_at_last_dot = star
        self._skips = star | dos_star
        self._skips_before_dot = self._skips | dos_qm
        self._skips_at_end = self._skips | dos_qm | dos_dot

    def matches(self, name: str) -> bool:
        """Walk every place at once over `name`."""
        if not name:
            return False
        places, takes, last_dot = 1, self._takes, name.rfind(".")
        for at, char in enumerate(name):
            stays = self._stays
            if char != ".":
                places = _skipped(places, self._skips)
                taking = takes.get(char, self._takes_any)
            else:
                places = _skipped(places, self._skips_before_dot)
                taking = self._takes_dot
                if at == last_dot:
                    stays = self._stays_at_last_dot
            places = (places & taking) << 1 | places & stays
            if not places:
                return False
        return bool(_skipped(places, self._skips_at_end) & self._end)


def _places(pattern: str, char: str) -> int:
    return sum(1 << at for at, found in enumerate(pattern) if found == char)


def _skipped(places: int, skips: int) -> int:
    """Add every place that can be reached by taking nothing at the places in `skips`.

    Adding the lowest place in a run of skips carries through the run to the place behind it;
    the bits that the carry changed are those reached.
    """
    return places | (skips + (places & skips)) ^ skips
