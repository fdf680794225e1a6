"""Points of a sweep that are what `collsim workload tp` times: one scheme of tensor parallelism, beside its baselines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from collsim.network.config import NetworkConfig
from collsim.network.link_changes import LinkChange
from collsim.simulate import Case
from collsim.sweep.fields import (
    AT,
    MACHINE,
    PLACEMENT,
    TOPOLOGY,
    Field,
    algorithm_field,
    number_field,
    switch_field,
    text_field,
    words_field,
)
from collsim.sweep.inputs import algorithm_once, case_inputs, case_of, check_algorithm, hash_of, machine_label, stated
from collsim.sweep.runner import RUNNERS, Call, Kept, Prepared, Runner
from collsim.sweep.tensor_parallel import TensorParallel
from collsim.sweep.tensor_parallel_plans import AUTO, NATURAL
from collsim.sweep.tensor_parallel_point import Point
from collsim.sweep.tensor_parallel_setting import MODES, scheme_of, setting
from collsim.sweep.tensor_parallel_study import parse_shares
from collsim.topology.graph import Topology
from collsim.units import FS_PER_SECOND
from collsim.workloads.accelerators.roofline import roofline
from collsim.workloads.load_transformer import load_transformer
from collsim.workloads.tensor_parallel import COPIES, SCHEMES, Scheme, stock, wire_bits
from collsim.workloads.tensor_parallel_stages import exchanges
from collsim.workloads.transformers.shape import TransformerShape

__all__: list[str] = []

CHECKED = 2**20
"""Bytes for which it is asked whether an algorithm suits; none depends on them."""


@dataclass(frozen=True, eq=False)
class Given:
    """What a point is made of: the machine, its `changes` and network, the `model`, the `setting` and the `scheme`."""

    topology: Topology
    hosts: tuple[int, ...]
    changes: tuple[LinkChange, ...]
    network: NetworkConfig
    engine: str
    seed: int
    model: TransformerShape
    setting: Mapping[str, Any]
    scheme: Scheme
    sequence_parallel: bool


def run(given: Given, kept: Kept) -> dict[str, Any]:
    """Return the point of a scheme, with its speedups over stock Megatron and over its own p = 1."""
    at = _setting(given, kept)
    point, base, own = (_point(at, scheme, kept) for scheme in _schemes(given))
    return {
        "time_fs": point.time,
        **point.to_dict(),
        "bound_fs": point.bound,
        "speedup_over_stock_megatron": point.over(base),
        "speedup_over_own_p1": point.over(own),
        "speedup": point.over(base),
        "exposed_share_of_time": point.exposed / max(point.time, 1),
        "stock_time_s": base.time / FS_PER_SECOND,
        "accelerator": at.accelerator.name,
    }


def check(given: Given, kept: Kept) -> None:
    """Raise the UsageError of groups that do not fit, or of an algorithm that does not serve their collectives."""
    at = _setting(given, kept)
    if at.plans.algorithm in (AUTO, NATURAL):
        return
    for name in {exchange.collective for scheme in _schemes(given) for exchange in exchanges(at.stages(scheme))}:
        for group in range(len(at.plans.cases)):
            check_algorithm(at.plans.case(group, name), at.plans.algorithm, CHECKED, kept)


def _schemes(given: Given) -> tuple[Scheme, Scheme, Scheme]:
    """Return the scheme of a point, stock Megatron and its own p = 1."""
    return given.scheme, stock(given.sequence_parallel), replace(given.scheme, p=1.0)


def _setting(given: Given, kept: Kept) -> TensorParallel:
    if "setting" not in kept:
        place: dict[str, Any] = {"placement": given.hosts, "network": given.network, "at": given.changes}
        chosen = {**given.setting, **place, "engine": given.engine, "seed": given.seed}
        kept["setting"] = setting(given.topology, given.model, **chosen)
    found: TensorParallel = kept["setting"]
    return found


def _point(at: TensorParallel, scheme: Scheme, kept: Kept) -> Point:
    if scheme not in kept:
        kept[scheme] = at.run(scheme)
    found: Point = kept[scheme]
    return found


def _prepare(parameters: Mapping[str, Any], kept: Kept) -> Prepared:
    case: Case = case_of(parameters, kept)
    shape = load_transformer(parameters["model"])
    scheme = replace(scheme_of(parameters, shape.layers), p=parameters["p"])
    algorithm = parameters["algorithm"]
    chosen = {"algorithm": algorithm} if algorithm in (AUTO, NATURAL) else algorithm_once(algorithm, "algorithm", kept)
    digest = sha256(repr(shape).encode()).hexdigest()
    inputs = {
        **case_inputs(case, kept),
        **stated(parameters, FIELDS, (TOPOLOGY, *MACHINE, AT, PLACEMENT)),
        "model": shape.name,
        "model_digest": digest,
        **chosen,
    }
    at = {name: parameters[name] for name in SETTING}
    machine = case.topology, case.hosts, case.changes, case.network, case.engine, case.seed
    given = Given(*machine, shape, at, scheme, parameters["sequence_parallel"])
    group = hash_of({name: value for name, value in inputs.items() if name not in OF_SCHEME})
    shown = {"topology": machine_label(parameters["topology"], kept), "model": shape.name}
    return Prepared(inputs, Call(f"tp {group}", run, given, check), shown)


def one_of(what: str, names: tuple[str, ...], default: str, plural: str) -> Field:
    """Return a field that takes some names."""
    from collsim.errors import UnknownName

    def check(text: str) -> None:
        if text not in names:
            raise UnknownName(what, text, names)

    return text_field(what, plural, check, (default,))


SETTING = ("tp", "dp", "mode", "batch", "sequence", "micro_batches", "accelerator", "algorithm")
OF_SCHEME = ("p", "scheme", "forward_wire", "backward_wire", "ladder", "copies", "sequence_parallel", "drop")
FIELDS = (
    TOPOLOGY,
    *MACHINE,
    AT,
    PLACEMENT,
    text_field("model", "models", load_transformer, None),
    number_field("tp", "tps", 8, least=2),
    number_field("dp", "dps", 1, least=1),
    one_of("mode", MODES, MODES[0], "modes"),
    number_field("batch", "batches", None, least=1),
    number_field("sequence", "sequences", None, least=1),
    number_field("micro_batches", "micro_batch_counts", None, least=1),
    words_field("accelerator", "accelerators", roofline, None),
    algorithm_field("algorithm", "algorithms", (NATURAL,), extra=(NATURAL, AUTO)),
    one_of("scheme", SCHEMES, "caatnet", "schemes"),
    words_field("forward_wire", "forward_wires", wire_bits, "bf16"),
    words_field("backward_wire", "backward_wires", wire_bits, None),
    switch_field("sequence_parallel", "sequence_parallels"),
    words_field("drop", "drops", None, None),
    switch_field("ladder", "ladders"),
    one_of("copies", COPIES, "needed", "copies_kinds"),
    Field("p", "ps", parse_shares, (1.0,)),
)
RUNNERS.add("tp", Runner("tp", "a scheme of tensor parallelism, as collsim workload tp times it", FIELDS, _prepare))
