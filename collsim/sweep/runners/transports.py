"""Points of a sweep that are what `collsim workload transports` compares: one transport under one impairment and loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from collsim.errors import StallError
from collsim.simulate import Case
from collsim.sweep.fields import (
    AT,
    COLLECTIVE,
    MACHINE,
    PLACEMENT,
    SIZE,
    TOPOLOGY,
    algorithm_field,
    count_field,
    words_field,
)
from collsim.sweep.inputs import algorithm_once, case_inputs, case_of, check_algorithm, machine_label, stated
from collsim.sweep.runner import RUNNERS, Call, Kept, Prepared, Runner
from collsim.sweep.runners.tp import one_of
from collsim.sweep.transports import TRANSPORTS, Condition, checked_plan, conditions, study
from collsim.units import FS_PER_SECOND, parse_loss

__all__: list[str] = []

Given = tuple[Case, str, int, str, Condition]


def run(given: Given, kept: Kept) -> dict[str, Any]:
    """Return one run, held against an ideal fabric."""
    case, algorithm, size, transport, state = given
    (found,) = study(case, algorithm, size, [transport], [state])
    (point,) = found.points
    if point.time_s is None:
        raise StallError(point.stalled)
    row = {name: value for name, value in asdict(point).items() if name not in ("transport", "seed", "wall_s", "stalled")}
    return {"time_fs": round(point.time_s * FS_PER_SECOND), "ideal_fs": found.ideal, "bound_fs": found.bound, **row}


def check(given: Given, kept: Kept) -> None:
    """Raise the UsageError of an algorithm that does not suit, or that fixes its paths."""
    case, algorithm, size, transport, _ = given
    check_algorithm(case, algorithm, size, kept)
    if ("paths", algorithm) not in kept:
        checked_plan(case, algorithm, size, [transport])
        kept["paths", algorithm] = True


def _prepare(parameters: Mapping[str, Any], kept: Kept) -> Prepared:
    case, loss = case_of(parameters, kept), parameters["loss"]
    # The machine as it is comes first, then as it is impaired, then with losses.
    state = conditions(case.topology, parameters["impair"] or "none", [] if loss in (None, "0") else [loss])[-1]
    if parameters["impair"] and state.loss:
        (slow, lossy) = conditions(case.topology, parameters["impair"], [loss])[1:]
        state = replace(lossy, name=f"{slow.name}, {lossy.name}", topology=slow.topology, changes=slow.changes)
    inputs = {
        **case_inputs(case, kept),
        **stated(parameters, FIELDS, (TOPOLOGY, *MACHINE, AT, PLACEMENT, COLLECTIVE)),
        **algorithm_once(parameters["algorithm"], "algorithm", kept),
    }
    given = case, parameters["algorithm"], parameters["size"], parameters["transport"], state
    group = f"transports {case.topology.digest} {case.collective.text} {parameters['algorithm']} {parameters['size']}"
    shown = {"topology": machine_label(parameters["topology"], kept), "algorithm": inputs["algorithm"]}
    return Prepared(inputs, Call(group, run, given, check), shown)


FIELDS = (
    TOPOLOGY,
    *MACHINE,
    AT,
    PLACEMENT,
    COLLECTIVE,
    count_field("root", "roots", (0,)),
    SIZE,
    algorithm_field("algorithm", "algorithms", ("direct",)),
    words_field("impair", "impairs", None, None),
    words_field("loss", "losses", parse_loss, None),
    one_of("transport", TRANSPORTS, TRANSPORTS[0], "transports"),
)
TITLE = "a transport under an impairment, as collsim workload transports compares them"
RUNNERS.add("transports", Runner("transports", TITLE, FIELDS, _prepare))
