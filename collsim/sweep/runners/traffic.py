"""Points of a sweep that are what `collsim traffic` measures: random traffic of one load on one machine."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from collsim.sweep.fields import MACHINE, TOPOLOGY, Field, number_field, text_field
from collsim.sweep.inputs import case_inputs, case_of, machine_label, network_of, stated
from collsim.sweep.runner import RUNNERS, Call, Kept, Prepared, Runner
from collsim.sweep.traffic import parse_loads, runs
from collsim.units import FS_PER_SECOND
from collsim.workloads.open_loop import OpenLoop, TrafficCase, traffic_case
from collsim.workloads.open_loop_measures import expect
from collsim.workloads.traffic_patterns import PATTERNS

__all__: list[str] = []

Given = tuple[TrafficCase, str, Fraction]


def run(given: Given, kept: Kept) -> dict[str, Any]:
    """Return what one load gave: rates in flits a cycle and sending host, times in cycles."""
    case, engine, load = given
    if "expected" not in kept:
        kept["expected"] = expect(case)
    (point,) = runs(case, engine, [load])
    row = {name: value for name, value in point.to_dict().items() if name != "wall"}
    expected = kept["expected"]
    more = {"zero_load_cycles": expected.zero_load, "channel_bound": expected.bound, "cycle_s": case.cycle / FS_PER_SECOND}
    return {**row, **more, "senders": case.senders}


def _prepare(parameters: Mapping[str, Any], kept: Kept) -> Prepared:
    case = case_of(parameters, kept)
    sent = OpenLoop(**{name: parameters[name] for name in ("pattern", "packet", "flit", "warmup", "measure", "drain")})
    traffic = traffic_case(case.topology, sent, network_of(parameters), case.seed)
    inputs = {**case_inputs(case, kept), **stated(parameters, FIELDS, (TOPOLOGY, *MACHINE))}
    group = f"traffic {case.topology.digest} {sent} {case.seed} {case.network.changed()}"
    given = traffic, case.engine, Fraction(str(parameters["load"]))
    return Prepared(inputs, Call(group, run, given), {"topology": machine_label(parameters["topology"], kept)})


USUAL = OpenLoop()
FIELDS = (
    TOPOLOGY,
    *MACHINE,
    text_field("pattern", "patterns", PATTERNS.get, (USUAL.pattern,)),
    number_field("packet", "packets", USUAL.packet, least=1),
    number_field("flit", "flits", USUAL.flit, least=1),
    number_field("warmup", "warmups", USUAL.warmup),
    number_field("measure", "measures", USUAL.measure, least=1),
    number_field("drain", "drains", USUAL.drain),
    Field("load", "loads", lambda item: [float(load) for load in parse_loads(item)], (0.3,)),
)
RUNNERS.add("traffic", Runner("traffic", "random traffic of one load, as collsim traffic measures it", FIELDS, _prepare))
