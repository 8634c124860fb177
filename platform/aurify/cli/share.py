"""A share on the command line: 5% or 0.05."""

from __future__ import annotations

import click


class Share(click.ParamType[float]):
    """A share like 5% or 0.05."""

    name = "share"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The share as a number between 0 and 1."""
        text = str(value)
        try:
            number = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            self.fail(f"'{text}' is no share, like 5% or 0.05", param, ctx)
        if not 0 < number < 1:
            self.fail(f"'{text}' is not above 0 % and below 100 %", param, ctx)
        return number
