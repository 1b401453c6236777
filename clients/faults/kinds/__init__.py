"""The kinds of faults, one file each: `ALL` finds them by their name. README.md: one more."""

from importlib import import_module
from pkgutil import iter_modules

from clients.faults.field import Kind


def _found() -> dict[str, Kind]:
    kinds = {}
    for module in iter_modules(__path__):
        if not module.name.startswith("_"):
            kinds[module.name] = import_module(f"{__name__}.{module.name}").KIND
    return kinds


ALL: dict[str, Kind] = _found()
