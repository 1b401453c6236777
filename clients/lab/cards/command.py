"""`redlab cards` and `redlab card NAME`: scenarios by KB or issue number, told and checked."""

import json
import signal
from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.progress import track

from clients.lab.cards import outcome, shelf, showing, vocabulary, writing
from clients.lab.cards.card import Card
from clients.lab.cards.outcome import Played
from clients.lab.cards.vocabulary import CardError
from redird.presets import PRESETS
from redird.wire.process import fail, leave_quietly, output

PROGRAM = "redlab"
KINDS = {
    "user": "Users (alice, guest#2, user1..user9 each; `meanwhile` in front: do not wait)",
    "host": "Hosts and their links",
    "admin": "The server's administrator",
    "time": "Time, which is virtual",
    "look": "What is seen, always with a name",
}
HOW_TO = """Play a scenario card, by its name or from a file of yours (NAME.toml).

Each preset has a world of its own, in virtual time. Exit status 0 only if every outcome is as
the card expects.

\b
How to write a card: begin with one (redlab card Q248371 --toml > my.toml),
change it, play it (redlab card my.toml). --measured fills in what is
expected of a draft; then read whether it is what you do expect.
  title, sources, story   what it is about
  presets, hosts          all presets and one host, if not given
  steps                   one a line, as below; lines with # are notes
  [share]                 uses_max, users, ... of the one share, docs
  [server] [redirector]   single values of the daemons' configurations
  [policy]                single values that the preset's give way to
  [expected.default]      for each step that ends in `-> NAME`: NAME = "what"
  [expected."sp4 sp5"]    the same for some presets, where it is different
Every other step must succeed. An outcome is an NT status, a receipt's
verdict behind it, and how long it took if it took time; users who act
together are counted: "3 x STATUS_SUCCESS, 1 x STATUS_...". `cannot` and
`nearest` instead of steps say why a scenario is out of reach.
"""


def _vocabulary() -> str:
    lines: list[str] = []
    for kind, heading in KINDS.items():
        lines += ["", "\b", f"{heading}:"]
        for form in vocabulary.FORMS.values():
            if form.kind == kind:
                says = f"  ({form.says})" if form.says else ""
                lines.append(f"  {form.shown}{says}")
    return "\n".join(lines)


_PRESETS = click.option(
    "--preset",
    "presets",
    multiple=True,
    type=click.Choice(list(PRESETS)),
    help="repeatable; default: all that a card is for",
)
_JSON = click.option(
    "--json", "as_object", is_flag=True, help="one JSON object on standard output"
)


@click.command("cards")
@_PRESETS
@_JSON
def cards_command(presets: tuple[str, ...], as_object: bool) -> None:
    """Play every scenario card under every preset, and show a table of them.

    Exit status 0 only if all outcomes are as expected.
    """
    console = Console(stderr=True)
    signals = _note_signals()
    results: dict[str, tuple[Card, list[Played]]] = {}
    for name in track(shelf.names(), "cards", console=console, transient=True):
        card = _load(name)
        chosen = [one for one in card.presets if one in (presets or card.presets)]
        results[name] = card, _played(card, chosen, 0, signals)
    ok = all(_ok(card, played) for card, played in results.values())
    if as_object:
        rows = [_row(card, played) for card, played in results.values()]
        output(PROGRAM, json.dumps({"cards": rows, "ok": ok}))
    else:
        _show_all(results)
    raise SystemExit(0 if ok else 1)


def _show_all(results: dict[str, tuple[Card, list[Played]]]) -> None:
    console = Console()
    console.print(showing.cards_table(results))
    played = sum(len(one) for _, one in results.values())
    cannot = sum(bool(card.cannot) for card, _ in results.values())
    console.print(
        f"\n{len(results)} cards, {played} times played; {cannot} cannot be, and say why."
        "\nOne of them told: redlab card NAME",
        highlight=False,
    )


@click.command("card", help=HOW_TO + _vocabulary())
@click.argument("name")
@_PRESETS
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31),
    default=0,
    show_default=True,
    help="of the schedule: who goes first at the same instant",
)
@click.option("--toml", "as_toml", is_flag=True, help="only print the card itself")
@click.option(
    "--measured",
    is_flag=True,
    help="only print the card, expecting what it gives now; for a draft that expects nothing",
)
@_JSON
def card_command(
    name: str,
    presets: tuple[str, ...],
    seed: int,
    as_toml: bool,
    measured: bool,
    as_object: bool,
) -> None:
    card = _load(name, draft=measured)
    if as_toml or (card.cannot and measured):
        _print(card)
        return
    chosen = tuple(dict.fromkeys(presets)) or card.presets
    if strangers := [one for one in chosen if one not in card.presets]:
        fail(PROGRAM, f"{card.name} is for {', '.join(card.presets)}, not for {strangers[0]}")
    played = _played(card, chosen, seed, _note_signals())
    if measured:
        _print(outcome.expecting(card, played))
        return
    if as_object:
        output(PROGRAM, json.dumps(_details(card, played)))
    else:
        console = Console(highlight=False, soft_wrap=True)
        for line in showing.told(card, played):
            console.print(line)
    raise SystemExit(0 if _ok(card, played) else 1)


def _print(card: Card) -> None:
    output(PROGRAM, writing.render(card).rstrip("\n"))


def _load(name: str, *, draft: bool = False) -> Card:
    try:
        return shelf.load(name, draft=draft)
    except CardError as error:
        fail(PROGRAM, error)


def _played(
    card: Card, presets: Iterable[str], seed: int, signals: Sequence[int]
) -> list[Played]:
    from clients.lab.cards.playing import play  # half of the time a refusal takes to start

    done: list[Played] = []
    for preset in () if card.cannot else presets:
        if signals:
            leave_quietly(signals[0])
        done.append(play(card, preset, seed))
    return done


def _note_signals() -> list[int]:
    """Let a first signal wait for the preset being played; a second one ends the program."""
    noted: list[int] = []

    def note(number: int, frame: object) -> None:
        noted.append(number)
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, note)
    return noted


def _ok(card: Card, played: Iterable[Played]) -> bool:
    return not any(outcome.differences(card, one) for one in played)


def _row(card: Card, played: Iterable[Played]) -> dict[str, Any]:
    return {
        "name": card.name,
        "title": card.title,
        "presets": {one.preset: not outcome.differences(card, one) for one in played},
        "cannot": card.cannot,
        "ok": _ok(card, played),
    }


def _details(card: Card, played: list[Played]) -> dict[str, Any]:
    return {
        "name": card.name,
        "title": card.title,
        "sources": list(card.sources),
        "story": card.story,
        "cannot": card.cannot,
        "nearest": card.nearest,
        "presets": {one.preset: outcome.row(card, one) for one in played},
        "ok": _ok(card, played),
    }
