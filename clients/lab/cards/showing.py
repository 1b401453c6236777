"""Cards for people: a table of all, and one card's story as it went, within 80 columns.

Presets under which everything went alike, moment by moment, share one telling.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from textwrap import wrap

from rich import box
from rich.style import Style
from rich.table import Table
from rich.text import Text

from clients.lab.cards import vocabulary
from clients.lab.cards.card import DEFAULT, WORLD, Card
from clients.lab.cards.outcome import (
    DONE,
    SUCCESS,
    Happening,
    Played,
    differences,
    went_well,
)

WIDTH = 80
TITLE = 46
_TIME = 10  # columns of a step's time
_OUTCOME = 42  # where its outcome begins, if both have room in one line
_BELOW = " " * (_TIME + 4)
_TIED = "\N{NO-BREAK SPACE}"  # a space that no line is broken at


# --- all cards --------------------------------------------------------------------------------


def cards_table(results: Mapping[str, tuple[Card, Sequence[Played]]]) -> Table:
    """One row for each card, the last column pass, FAIL or that it cannot be played.

    Below its title stand the presets under which it goes otherwise than by default.
    """
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("card", no_wrap=True)
    table.add_column("title", width=TITLE)
    table.add_column("", no_wrap=True)
    for name, (card, played) in results.items():
        told = Text(card.title)
        if others := [presets for presets in card.expected if presets != DEFAULT]:
            told.append(f"\notherwise under {', '.join(' '.join(others).split())}", "dim")
        table.add_row(Text(name, "bold"), told, _result(card, played))
    return table


def _result(card: Card, played: Sequence[Played]) -> Text:
    if card.cannot:
        return Text("cannot", "yellow")
    failed = [one.preset for one in played if differences(card, one)]
    return Text("\n".join(["FAIL", *failed]), "bold red") if failed else Text("pass", "green")


# --- one card ---------------------------------------------------------------------------------


def told(card: Card, played: Sequence[Played]) -> Iterator[Text]:
    """Tell a card: what it is about, then what happened under each preset."""
    yield from _lines(f"{card.name}: {card.title}", style="bold")
    yield from _lines("; ".join(card.sources), style="dim")
    yield Text()
    yield from _lines(card.story)
    if card.cannot:
        yield Text()
        yield from _lines(f"It cannot be played: {card.cannot}", style="yellow")
        yield from _lines(f"Nearest is {card.nearest}.")
        return
    if world := list(_world(card)):
        yield Text()
        yield from _lines(f"With {', '.join(world)}.")
    for alike in _alike(card, played):
        yield Text()
        yield from _one_telling(card, alike)


def _world(card: Card) -> Iterator[str]:
    if card.hosts > 1:
        yield f"{card.hosts} hosts"
    for section in WORLD:
        for key, value in getattr(card, section).items():
            yield f"{section}.{key}{_TIED}={_TIED}{value}"


def _alike(card: Card, played: Sequence[Played]) -> list[list[Played]]:
    groups: dict[tuple[object, ...], list[Played]] = {}
    for one in played:
        key = (one.happenings, one.trouble, tuple(card.expects(one.preset).items()))
        groups.setdefault(key, []).append(one)
    return list(groups.values())


def _one_telling(card: Card, alike: Sequence[Played]) -> Iterator[Text]:
    first = alike[0]
    presets = ", ".join(one.preset for one in alike)
    different = differences(card, first)
    verdict = Text("FAIL", "bold red") if different else Text("as expected", "green")
    yield Text(f"{presets}: ", "bold").append_text(verdict)
    expected, before = card.expects(first.preset), -1.0
    for one in first.happenings:
        time = "" if one.began_s == before else f"{one.began_s:,.1f} s"
        yield from _happening(card, one, expected, time)
        before = one.began_s
    if first.trouble:
        yield from _lines(f"FAIL: {first.trouble}", style="bold red", begins="  ", then=_BELOW)


def _happening(
    card: Card, one: Happening, expected: Mapping[str, str], time: str
) -> Iterator[Text]:
    step = card.steps[one.step - 1]
    outcome = _compared(card, one, expected)
    text = f"{time:>{_TIME - 1}} {vocabulary.render(step)}"
    if not outcome and len(text) < WIDTH:
        yield Text(text)
    elif len(text) < _OUTCOME and _OUTCOME + len(outcome) < WIDTH:
        yield Text(f"{text:{_OUTCOME}}").append_text(outcome)
    else:
        yield from _lines(text.strip(), begins=text[: -len(text.strip())], then=_BELOW)
        yield from _lines(outcome.plain, style=outcome.style, begins=_BELOW, then=_BELOW)
    if one.detail:
        yield from _lines(one.detail, style="dim", begins=_BELOW, then=_BELOW)


def _compared(card: Card, one: Happening, expected: Mapping[str, str]) -> Text:
    """The outcome of a step, as far as it is worth telling."""
    label = card.steps[one.step - 1].label
    if label and one.outcome == expected[label]:
        return Text(f"ok: {one.outcome}", "green")
    if label or not went_well(one.outcomes):
        wanted = expected[label] if label else SUCCESS
        return Text(f"FAIL: {one.outcome}, expected {wanted}", "bold red")
    return Text("" if {*one.outcomes} <= {SUCCESS, DONE} else one.outcome)


def _lines(
    text: str, *, style: str | Style = "", begins: str = "", then: str = ""
) -> Iterable[Text]:
    lines = wrap(
        text,
        WIDTH - 1,
        initial_indent=begins,
        subsequent_indent=then,
        break_on_hyphens=False,
    )
    return [Text(line.replace(_TIED, " "), style) for line in lines]
