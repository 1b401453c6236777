"""A number that an option takes."""

import math
from typing import Any

import click


class Quantity(click.FloatRange):
    """One in a range, and finite: of `nan` no comparison says that it is outside."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read it."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number
