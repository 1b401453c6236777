"""Where cards are kept: those that come with the program, and files of the user's."""

from importlib.resources import files
from pathlib import Path

from clients.lab.cards import card as cards
from clients.lab.cards import world
from clients.lab.cards.card import Card
from clients.lab.cards.vocabulary import CardError

ENDING = ".toml"


def names() -> list[str]:
    """The names of the cards that come with the program."""
    found = [entry.name for entry in files(__package__).iterdir()]
    return sorted(one.removesuffix(ENDING) for one in found if one.endswith(ENDING))


def load(name: str, *, draft: bool = False) -> Card:
    """Return the card of that name, or of a file; raises CardError.

    A draft need not expect anything yet.
    """
    if name.endswith(ENDING):
        stem = Path(name).name.removesuffix(ENDING)
        return _checked(_read(Path(name)), stem, name, draft)
    known = {one.casefold(): one for one in names()}
    there = known.get(name.casefold())
    if there is None:
        raise CardError(
            f"there is no card {name!r}; see `redlab cards`, or give a file that ends in .toml"
        )
    text = (files(__package__) / f"{there}{ENDING}").read_text()
    return _checked(text, there, f"{there}{ENDING}", draft)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise CardError(f"{path}: {(error.strerror or '').lower()}") from None
    except UnicodeDecodeError:
        raise CardError(f"{path}: not UTF-8") from None


def _checked(text: str, name: str, where: str, draft: bool) -> Card:
    read = cards.parse(text, name, where, draft=draft)
    world.check(read, where)
    return read
