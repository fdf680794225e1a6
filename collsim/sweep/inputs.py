"""All that the results of a point depend on, in words and digests: what its hash is made of and what provenance keeps."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from collsim.collectives.algorithm import parse_algorithm
from collsim.collectives.algorithm_files import is_algorithm_file
from collsim.errors import UsageError
from collsim.network.config import NetworkConfig
from collsim.network.link_changes import changes_digest
from collsim.network.schedulers import SCHEDULERS
from collsim.simulate import Case, prepare
from collsim.sweep.fields import Field
from collsim.sweep.runner import Kept
from collsim.topology import load
from collsim.topology.graph import Topology

__all__ = [
    "DIGESTS",
    "algorithm_inputs",
    "algorithm_once",
    "check_algorithm",
    "case_inputs",
    "case_of",
    "hash_of",
    "machine_label",
    "network_of",
    "source_digest",
    "stated",
]

NETWORK = "network."
DIGESTS = ("collsim", "topology_digest", "model_digest", "nic_source", "algorithm_source", "baseline_source")
"""Inputs that say which state of a program, a machine or a file a point was run with, and not which point it is."""


def hash_of(inputs: Mapping[str, Any]) -> str:
    """Return the SHA-256 of inputs as canonical JSON, hexadecimal."""
    return sha256(json.dumps(inputs, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def network_of(parameters: Mapping[str, Any]) -> NetworkConfig:
    """Return the network of a point: its preset, or the defaults, and its network fields on top. Raises UsageError."""
    name = parameters.get("preset")
    base = NetworkConfig() if name is None else NetworkConfig.preset(name)
    chosen = {key.removeprefix(NETWORK): value for key, value in parameters.items() if key.startswith(NETWORK)}
    return base.with_settings(chosen)


CASE = ("topology", "bandwidth", "latency", "fail", "degrade", "at", "placement", "collective", "root")


def case_of(parameters: Mapping[str, Any], kept: Kept) -> Case:
    """Return the case of a point, each machine built once as long as `kept` lives. Raises UsageError, also from there."""
    rest = [name for name in parameters if name.startswith(NETWORK) or name in ("preset", "engine", "seed")]
    key = _words(parameters, (*CASE, *rest))
    if key not in kept:
        try:
            kept[key] = _prepare(parameters, kept)
        except UsageError as error:
            kept[key] = error
    found = kept[key]
    if isinstance(found, UsageError):
        raise found
    case: Case = found
    return case


def _prepare(parameters: Mapping[str, Any], kept: Kept) -> Case:
    built = ("bandwidth", "latency", "fail", "degrade")
    place = _words(parameters, ("topology", *built))
    machine, over = (kept[place], built) if place in kept else (parameters["topology"], ())
    names = (name for name in (*CASE[1:], "engine", "seed") if name in parameters and name not in over)
    case = prepare(machine, network=network_of(parameters), **{name: parameters[name] for name in names})
    kept[place] = case.topology
    return case


def _words(parameters: Mapping[str, Any], names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{name}={_word(parameters[name])}" for name in names if name in parameters)


def _word(value: Any) -> str:
    return f"{value.name} {value.digest}" if isinstance(value, Topology) else repr(value)


def machine_label(topology: Any, kept: Kept) -> str:
    """Return the name by which tables call a machine that was named, read from a file or made in Python."""
    if isinstance(topology, Topology):
        return topology.name
    label = "label", str(topology)
    if label not in kept:
        kept[label] = load(str(topology)).name
    return str(kept[label])


def case_inputs(case: Case, kept: Kept) -> dict[str, Any]:
    """Return what a run depends on but for its algorithm and size, worked out once as long as `kept` lives."""
    key = "inputs", id(case)  # cases of a plan live as long as what is kept of it
    if key not in kept:
        kept[key] = case, _case_inputs(case)
    found: dict[str, Any] = kept[key][1]
    return found


def _case_inputs(case: Case) -> dict[str, Any]:
    from collsim import __version__

    topology, key = case.topology, SCHEDULERS.get(case.network.nic.nic_scheduler).key
    linear = case.hosts == tuple(range(topology.hosts))
    return {
        "topology": topology.name,
        "topology_digest": topology.digest,
        "hosts": None if linear else sha256(repr(case.hosts).encode()).hexdigest(),
        "collective": case.collective.text,
        "root": case.collective.root,
        **changes_digest(case.changes),
        "network": case.network.changed(),
        "nic_source": source_digest(key),
        "engine": case.engine,
        "seed": case.seed,
        "collsim": __version__,
    }


def algorithm_inputs(text: str | None, name: str = "algorithm") -> dict[str, Any]:
    """Return an algorithm in one spelling, and the digest of the file it is from; None for one that is collsim's own."""
    if text is None:
        return {name: None, f"{name}_source": None}
    entry, options = parse_algorithm(text)
    file = text.partition(":")[0].strip()
    words, source = entry.name, source_digest(entry.function)
    if is_algorithm_file(file):
        path = Path(file).expanduser()
        words, source = f"{path.name}:{entry.name}", sha256(path.read_bytes()).hexdigest()
    chosen = ",".join(f"{key}={value}" for key, value in sorted(options.items()))
    return {name: f"{words}:{chosen}" if chosen else words, f"{name}_source": source}


def algorithm_once(text: str | None, name: str, kept: Kept) -> dict[str, Any]:
    """Return `algorithm_inputs`, read once as long as `kept` lives."""
    if (name, text) not in kept:
        kept[name, text] = algorithm_inputs(text, name)
    found: dict[str, Any] = kept[name, text]
    return found


MOST_HOSTS = 256
"""Schedules that take long to build are not built on more hosts than this only to see whether they can be."""


def check_algorithm(case: Case, text: str | None, size: int, kept: Kept) -> None:
    """Raise the UsageError that says why an algorithm does not suit a case; it is asked once as long as `kept` lives.

    Sizes choose among segments and variants only, so that one size stands for all.
    """
    key = "suits", text, case.topology.digest, case.hosts, case.collective
    if text is None or key in kept:
        return
    entry, options = parse_algorithm(text)
    if not (entry.costly and case.topology.hosts > MOST_HOSTS):
        entry.schedule(case.topology, case.collective, case.hosts, case.hint(size), **options)
    kept[key] = True


def stated(parameters: Mapping[str, Any], fields: Sequence[Field], left_out: Sequence[Field] = ()) -> dict[str, Any]:
    """Return the parameters of `fields` but for those of `left_out`, for which a case stands."""
    without = {field.name for field in left_out}
    return {field.name: parameters[field.name] for field in fields if field.name not in without}


def source_digest(function: Callable[..., Any]) -> str | None:
    """Return the digest of the file or the lines that define a function which is not collsim's; None where none is found."""
    module = getattr(function, "__module__", "") or ""
    if module.partition(".")[0] == "collsim":
        return None
    try:
        path = None if module == "__main__" else inspect.getsourcefile(function)
        text = Path(path).read_bytes() if path is not None else inspect.getsource(function).encode()
    except (OSError, TypeError):
        return None
    return sha256(text).hexdigest()
