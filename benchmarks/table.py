"""The table that a run ends with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A bound on a measurement, or on its ratio to the reference."""

    bound: float
    #: Whether more is better: then the bound is a lower one.
    at_least: bool = False
    #: Whether the bound is on the ratio.
    of_ratio: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One line. `reference` is the same thing done by what the service stands on, in the same run and unit."""

    what: str
    measured: float
    unit: str
    reference: float | None = None
    reference_is: str = ""
    goal: Goal | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return self.measured / self.reference if self.reference else None

    @property
    def is_met(self) -> bool | None:
        value = self.ratio if self.goal is not None and self.goal.of_ratio else self.measured
        if self.goal is None or value is None:
            return None
        return value >= self.goal.bound if self.goal.at_least else value <= self.goal.bound

    def cells(self) -> tuple[str, ...]:
        goal = ""
        if self.goal is not None:
            goal = f"{'>=' if self.goal.at_least else '<='} {self.goal.bound:g}{' x' if self.goal.of_ratio else ''}"
        return (
            self.what,
            f"{_short(self.measured)} {self.unit}",
            f"{_short(self.reference)} {self.reference_is}" if self.reference is not None else "",
            f"{self.ratio:.2f} x" if self.ratio is not None else "",
            goal,
            {True: "met", False: "NOT MET", None: ""}[self.is_met],
            self.note,
        )


_TITLES = ("what", "measured", "reference", "ratio", "goal", "", "note")


def render(measurements: list[Measurement]) -> str:
    """The table as text."""
    lines = [_TITLES, *(measurement.cells() for measurement in measurements)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([text[0], "-" * max(map(len, text)), *text[1:]])


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"
