"""The world of a card: what it says of share, daemons and policy, as configurations.

Links are lasting unless a card says otherwise: echoes would only cost time to simulate.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from clients.lab.cards import vocabulary
from clients.lab.cards.card import WORLD, Card, Settings
from clients.lab.cards.vocabulary import SECONDS_MAX, CardError
from redird import config as redird_config
from redird.presets import PRESETS
from redird.wire.config import ConfigError, build
from redird.wire.keepalive import require_sense
from shareserver import config as server_config

C = TypeVar("C", server_config.Config, redird_config.Config, server_config.ShareConfig)
SHARE = "docs"
LASTING = {"echo_s": 600.0, "peer_silence_max_s": 2000.0}
RECALL_WAIT_S = 1.0  # what the server waits under a preset that recalls slots
# The stage's own, or another way to say the same.
_NOT_A_CARDS = frozenset(
    {
        "path",
        "listen",
        "preset",
        "time_scale",
        "instance",
        "instance_key",
        "accounts_file",
        "admins",
    }
)


def check(card: Card, where: str) -> None:
    """Refuse settings that no daemon would start with; raises CardError."""
    try:
        _require_bounds(card)
        for preset in card.presets:
            server(card, preset)
            for host in hosts(card):
                made = redirector(card, preset, host)
                redird_config.preset_of(made)
                require_sense(made.echo_s, made.peer_silence_max_s)
    except (ConfigError, CardError) as error:
        raise CardError(f"{where}: {error}") from None


def _require_bounds(card: Card) -> None:
    """Everybody has left only when the longest of times is over."""
    for section in WORLD:
        for key, value in getattr(card, section).items():
            if key.endswith("_s") and type(value) in (int, float) and value > SECONDS_MAX:
                raise CardError(f"{section}.{key}: at most {SECONDS_MAX:g} s, not {value!r}")


def hosts(card: Card) -> list[str]:
    """The names of the card's hosts, each with a redirector."""
    return [f"host{number}" for number in range(1, card.hosts + 1)]


def server(card: Card, preset: str) -> server_config.Config:
    """The share server's configuration; everybody in the card is a guest."""
    people = {vocabulary.user_of(one) for step in card.steps for one in step.people}
    table: dict[str, Any] = dict(LASTING)
    if PRESETS[preset].policy.slot_recall:
        table["recall_wait_s"] = RECALL_WAIT_S
    share = _build(server_config.ShareConfig, "share", {"path": "/"}, card.share)
    made = _build(server_config.Config, "server", table, card.server)
    require_sense(made.echo_s, made.peer_silence_max_s)
    return replace(
        made,
        shares={SHARE: share},
        accounts={one: server_config.AccountConfig(guest=True) for one in sorted(people)},
    )


def redirector(card: Card, preset: str, host: str) -> redird_config.Config:
    """A host's redirector; started again under the same name it is the same one."""
    table = {"preset": preset, "instance": host, "instance_key": f"the key of {host}"} | LASTING
    table["server_silence_max_s"] = LASTING["peer_silence_max_s"]
    made = _build(redird_config.Config, "redirector", table, card.redirector)
    return replace(made, policy=dict(card.policy))


def _build(kind: type[C], section: str, ours: Mapping[str, Any], theirs: Settings) -> C:
    """Only single values are a card's to set: the rest is the stage's."""
    known = {
        one.name
        for one in fields(kind)
        if one.name not in _NOT_A_CARDS and not str(one.type).startswith(("dict", "tuple"))
    }
    if strangers := [key for key in theirs if key not in known]:
        raise CardError(
            f"{section}: unknown key {strangers[0]!r}; known keys: {', '.join(sorted(known))}"
        )
    return build(kind, {**ours, **theirs}, section)
