"""The planner as one call: what was asked, what follows, and every number with its formula."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collsim.errors import UnknownName
from collsim.workloads import planner
from collsim.workloads.plan_figures import Figure, Given, figures, given
from collsim.workloads.plan_request import Request, request

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Planned", "plan"]


@dataclass(frozen=True)
class Planned:
    """A plan beside its `request`; `plan` has the numbers exactly (collsim.workloads.planner.Plan)."""

    request: Request
    plan: planner.Plan

    @property
    def given(self) -> tuple[Given, ...]:
        """What the plan rests on, each input with its source."""
        return given(self.request)

    @property
    def figures(self) -> tuple[Figure, ...]:
        """What follows, each number with its formula."""
        return figures(self.request, self.plan)

    @property
    def notes(self) -> tuple[str, ...]:
        """What does not go together, one sentence each."""
        return self.plan.notes(self.request)

    def __getitem__(self, name: str) -> Figure:
        """Return the figure called `name`, such as "wan_rate". Raises UnknownName."""
        for figure in self.figures:
            if figure.name == name:
                return figure
        raise UnknownName("figure of a plan", name, [figure.name for figure in self.figures])

    def frame(self) -> pd.DataFrame:
        """Return one row a figure: name, value (a pair for a range), unit, text, formula."""
        import pandas as pd

        rows = [(f.name, _number(f.value), f.unit, f.text, f.formula) for f in self.figures]
        return pd.DataFrame(rows, columns=["name", "value", "unit", "text", "formula"])

    def to_dict(self) -> dict[str, Any]:
        """Return what `collsim plan --json` writes."""
        return {
            "inputs": {g.name: {"value": _number(g.value), "unit": g.unit, "source": g.source} for g in self.given},
            "outputs": {f.name: {"value": _number(f.value), "unit": f.unit, "formula": f.formula} for f in self.figures},
            "notes": list(self.notes),
        }

    def __str__(self) -> str:
        lines = [f"{figure.label:<13} {figure.line}" for figure in self.figures]
        return "\n".join([*lines, *(f"{'Note':<13} {note}" for note in self.notes)])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from collsim.report.picture import html_table

        rows = [[figure.label, figure.text, figure.formula] for figure in self.figures]
        return html_table(["figure", "value", "formula"], rows, left=3, note=" ".join(self.notes))


def plan(**asked: Any) -> Planned:
    """Plan a training machine: inputs by the names of the options of `collsim plan`, as texts or numbers.

    Without any it is the machine of Gherghescu et al. (arXiv 2407.12819). Nothing is simulated. Raises InvalidValue for what
    cannot be read or bought, UnknownName for another input.

    >>> from collsim.sweep.planning import plan
    >>> plan(gpus=1_000)["racks"].text
    '14'
    """
    wanted = request(**asked)
    return Planned(wanted, planner.plan(wanted))


def _number(value: Any) -> Any:
    """Return a value that JSON can hold: whole numbers whole, ranges as lists."""
    if isinstance(value, tuple):
        return [_number(part) for part in value]
    if isinstance(value, str):
        return value
    return int(value) if value == int(value) and value < 2**53 else float(value)
