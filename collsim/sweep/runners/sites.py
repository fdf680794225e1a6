"""Points of a sweep that are what `collsim workload sites` times: one way to train across sites."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from collsim.network.link_changes import changes_digest, parse_changes
from collsim.sweep.fields import AT, MACHINE, TOPOLOGY, number_field, switch_field, words_field
from collsim.sweep.inputs import case_inputs, case_of, machine_label, network_of, stated
from collsim.sweep.multi_site import WAYS, runs, setting
from collsim.sweep.multi_site_job import job_of, with_wide_area_of
from collsim.sweep.multi_site_way import Setting
from collsim.sweep.runner import RUNNERS, Call, Kept, Prepared, Runner
from collsim.sweep.runners.tp import one_of
from collsim.units import parse_bandwidth, parse_loss, parse_number, parse_time
from collsim.workloads.load_transformer import load_transformer

__all__: list[str] = []


def run(given: tuple[Setting, str], kept: Kept) -> dict[str, Any]:
    """Return what one way takes, beside its laws."""
    at, name = given
    (way,) = runs(at, (name,))
    row = {key: value for key, value in way.to_dict().items() if key not in ("way", "algorithm")}
    return {"time_fs": way.step, "compute_fs": at.compute, **row, "sums_by": way.algorithm}


def _prepare(parameters: Mapping[str, Any], kept: Kept) -> Prepared:
    # Shares of links that change are of their rates on the machine as its wide area is altered.
    case = case_of({name: value for name, value in parameters.items() if name != "at"}, kept)
    machine = with_wide_area_of(case.topology, parameters)
    job = job_of(parameters, machine)
    compute = None if parameters["compute"] is None else parse_time(parameters["compute"])
    changes = parse_changes(machine, parameters["at"])
    at = setting(
        machine,
        job,
        network=network_of(parameters),
        engine=case.engine,
        seed=case.seed,
        compute=compute,
        rendezvous=parameters["rendezvous"],
        faults=case.faults,
        changes=changes,
    )
    inputs = {
        **case_inputs(case, kept),
        **stated(parameters, FIELDS, (TOPOLOGY, *MACHINE, AT)),
        **changes_digest(changes),
        "topology_digest": machine.digest,
        "model_digest": sha256(repr(job).encode()).hexdigest(),
    }
    group = f"sites {machine.digest} {job}"
    return Prepared(
        inputs, Call(group, run, (at, parameters["way"])), {"topology": machine_label(parameters["topology"], kept)}
    )


def _number(what: str, example: str) -> Any:
    return lambda text: parse_number(text, what, example=example)


FIELDS = (
    TOPOLOGY,
    *MACHINE,
    AT,
    words_field("wan_rate", "wan_rates", parse_bandwidth, None),
    words_field("round_trip", "round_trips", parse_time, None),
    words_field("loss", "losses", parse_loss, None),
    words_field("model", "models", load_transformer, None),
    words_field("parameters", "parameter_counts", _number("number of parameters", "50T"), None),
    words_field("tokens", "token_counts", _number("number of tokens", "60M"), "60M"),
    number_field("tensor", "tensors", None, least=1),
    number_field("pipeline", "pipelines", None, least=1),
    number_field("micro_batches", "micro_batch_counts", 16, least=1),
    number_field("gradient_bytes", "gradient_sizes", 2, least=1),
    words_field("peak", "peaks", None, "2.5P"),
    words_field("utilisation", "utilisations", _number("utilisation", "0.4"), "0.4"),
    words_field("compute", "computes", parse_time, None),
    switch_field("rendezvous", "rendezvouses", default=True),
    one_of("way", tuple(WAYS), "hierarchical", "ways"),
)
RUNNERS.add("sites", Runner("sites", "a way to train across sites, as collsim workload sites times it", FIELDS, _prepare))
