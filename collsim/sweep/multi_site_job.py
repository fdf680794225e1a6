"""Training across sites from words: what `collsim workload sites` and sweeps of it are given, checked and joined."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collsim.errors import InvalidValue
from collsim.topology.graph import Topology
from collsim.units import parse_bandwidth, parse_loss, parse_number, parse_time
from collsim.workloads.load_transformer import load_transformer
from collsim.workloads.multi_site import Job, half_of_a_site, shape_of, wide_area, with_wide_area

__all__ = ["job_of", "with_wide_area_of"]


def with_wide_area_of(machine: Topology, options: Mapping[str, Any]) -> Topology:
    """Return the machine with the wide area that `wan_rate`, `round_trip` and `loss` ask for. Raises InvalidValue."""
    rate = None if options["wan_rate"] is None else parse_bandwidth(options["wan_rate"])
    trip = None if options["round_trip"] is None else parse_time(options["round_trip"])
    if trip is not None and trip % 2:
        raise InvalidValue(f"The round trip {trip} fs is odd; half of it is the latency one way.")
    loss = None if options["loss"] is None else parse_loss(options["loss"])
    return machine if rate is trip is loss is None else with_wide_area(machine, rate, trip, loss)


def job_of(options: Mapping[str, Any], machine: Topology) -> Job:
    """Return the job that the options of `collsim workload sites` ask for, by name. Raises InvalidValue and UnknownName."""
    if (options["model"] is None) == (options["parameters"] is None):
        raise InvalidValue("Say which model is trained, in one of two ways: --model gpt3-175b or --parameters 50T.")
    wide_area(machine)
    if options["model"] is not None:
        shape = load_transformer(options["model"])
        size, layers, hidden = shape.parameters, shape.layers, shape.hidden
    else:
        size = int(parse_number(options["parameters"], "number of parameters", example="50T"))
        layers, hidden = shape_of(size)
    tensor, pipeline = half_of_a_site(machine, options["tensor"])
    used = parse_number(options["utilisation"], "utilisation", example="0.4")
    if not 0 < used <= 1:
        raise InvalidValue(f"The utilisation {float(used):g} is a share of the peak above 0 and up to 1.")
    return Job(
        parameters=size,
        layers=layers,
        hidden=hidden,
        tokens=int(parse_number(options["tokens"], "number of tokens", example="60M")),
        tensor=tensor,
        pipeline=pipeline if options["pipeline"] is None else options["pipeline"],
        micro_batches=options["micro_batches"],
        gradient=options["gradient_bytes"],
        throughput=int(parse_number(options["peak"], "peak", "FLOP/s", "2.5PFLOP/s") * used),
    )
