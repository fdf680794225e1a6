"""Points of a sweep that are what `collsim workload dp` runs: one scheme of data-parallel training on so many ranks."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from collsim.errors import InvalidValue
from collsim.sweep.data_parallel import BASELINE, run_scheme
from collsim.sweep.data_parallel_job import WORDS, job_of, parse_eta
from collsim.sweep.data_parallel_machine import SIZED, machine_name
from collsim.sweep.data_parallel_place import Job, Place, place
from collsim.sweep.data_parallel_run import SchemeRun
from collsim.sweep.fields import AT, MACHINE, Field, algorithm_field, number_field, switch_field, text_field, words_field
from collsim.sweep.inputs import algorithm_once, case_inputs, case_of, check_algorithm, hash_of, network_of, stated
from collsim.sweep.runner import RUNNERS, Call, Kept, Prepared, Runner
from collsim.sweep.runners.tp import one_of
from collsim.topology import load
from collsim.units import parse_bandwidth, parse_size, parse_time
from collsim.workloads.accelerators.accelerator import ACCELERATORS
from collsim.workloads.data_parallel import SCHEMES
from collsim.workloads.jitter import DISTRIBUTIONS, parse_late, parse_straggler
from collsim.workloads.layers import NETWORKS

__all__: list[str] = []

Given = tuple[Job, str, Mapping[str, Any]]


def run(given: Given, kept: Kept) -> dict[str, Any]:
    """Return what a scheme gave, with its speedup over synchronous SGD on the same ranks."""
    at = _place(given, kept)
    own, base = _run(at, given[1], kept), _run(at, BASELINE, kept)
    row = {name: value for name, value in own.record(base).items() if name != "wall_s"}
    return {"time_fs": round(own.mean), **row, "speedup": row["speedup_over_ssgd"], "packet_hops": own.packet_hops}


def check(given: Given, kept: Kept) -> None:
    """Raise the UsageError of ranks that do not fit, or of an algorithm that does not suit them."""
    at = _place(given, kept)
    check_algorithm(at.case, at.algorithm, at.step.size, kept)


def _place(given: Given, kept: Kept) -> Place:
    job, scheme, where = given
    if "place" not in kept:
        kept["place"] = place(job, schemes=[scheme], **where)
    found: Place = kept["place"]
    return found


def _run(at: Place, scheme: str, kept: Kept) -> SchemeRun:
    if ("run", scheme) not in kept:
        kept["run", scheme] = run_scheme(at, scheme)
    found: SchemeRun = kept["run", scheme]
    return found


def _prepare(parameters: Mapping[str, Any], kept: Kept) -> Prepared:
    job, scheme = job_of(parameters), SCHEMES.get(parameters["scheme"])
    ranks, topology = parameters["ranks"], parameters["topology"]
    name = machine_name(topology, ranks, ranks + job.servers * scheme.asynchronous)
    case = case_of({**parameters, "topology": name}, kept)
    inputs = {
        **case_inputs(case, kept),
        **stated(parameters, FIELDS, (MACHINES, *MACHINE, AT)),
        **algorithm_once(parameters["algorithm"], "algorithm", kept),
    }
    where = {"ranks": ranks, "topology": case.topology, "algorithm": parameters["algorithm"]}
    where |= {"network": network_of(parameters), "engine": case.engine, "seed": case.seed, "at": case.changes}
    group = hash_of({name: value for name, value in inputs.items() if name != "scheme"})
    shown = {"topology": case.topology.name, "algorithm": inputs["algorithm"]}
    return Prepared(inputs, Call(f"dp {group}", run, (job, scheme.name, where), check), shown)


def _machine(text: str) -> None:
    if text not in SIZED and "{ranks}" not in text:
        load(text)


def _texts(parse: Any) -> Any:
    """Return the reader of items that are one text, a list of texts, or none."""

    def read(item: Any) -> list[list[str]]:
        texts = [] if item in (None, "none") else [str(one) for one in (item if isinstance(item, list) else [item])]
        for text in texts:
            parse(text)
        return [texts]

    return read


def _variation(item: Any) -> list[float]:
    if isinstance(item, bool) or not isinstance(item, int | float) or not isfinite(item):
        raise InvalidValue(f"The jitter '{item}' is no coefficient of variation; write a number like 0.1.")
    return [float(item)]


MACHINES = words_field("topology", "topologies", _machine, None, files=True)
FIELDS = (
    MACHINES,
    *MACHINE,
    AT,
    text_field("model", "models", NETWORKS.get, ("resnet50",)),
    number_field("ranks", "rank_counts", 64, least=2),
    algorithm_field("algorithm", "algorithms", ("ring",)),
    text_field("accelerator", "accelerators", ACCELERATORS.get, ("a100",)),
    number_field("batch", "batches", None, least=1),
    number_field("global_batch", "global_batches", None, least=1),
    one_of("gradient", tuple(WORDS), "fp32", "gradients"),
    words_field("compute_time", "compute_times", parse_time, None),
    words_field("update_time", "update_times", parse_time, None),
    words_field("payload", "payloads", parse_size, None),
    number_field("streams", "stream_counts", 9),
    words_field("memory_bandwidth", "memory_bandwidths", parse_bandwidth, None),
    words_field("bucket", "buckets", parse_size, "25MiB"),
    words_field("eta", "etas", parse_eta, "1"),
    number_field("iterations", "iteration_counts", 20, least=1),
    number_field("warmup", "warmups", None),
    Field("jitter", "jitters", _variation, (0.0,)),
    one_of("jitter_distribution", tuple(DISTRIBUTIONS), "lognormal", "jitter_distributions"),
    Field("straggler", "stragglers", _texts(parse_straggler), ([],)),
    Field("late", "lates", _texts(parse_late), ([],)),
    number_field("local_steps", "local_step_counts", 4, least=1),
    number_field("delay", "delays", 0),
    number_field("servers", "server_counts", 1, least=1),
    switch_field("rendezvous", "rendezvouses"),
    text_field("scheme", "schemes", SCHEMES.get, (BASELINE,)),
)
RUNNERS.add("dp", Runner("dp", "a scheme of data-parallel training, as collsim workload dp runs it", FIELDS, _prepare))
