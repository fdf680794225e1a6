"""What an algorithm is to collsim: a function to a Schedule, with its facts on board, found by name.

Adding one costs one file in collsim/collectives/algorithms (or an entry point in the group "collsim.algorithms"): a
function decorated with `algorithm`. The conformance suite then tests it on every suitable topology unasked.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from collsim.collectives.collective import PARTIAL, Collective
from collsim.collectives.partial import partially
from collsim.collectives.schedule import Schedule
from collsim.errors import AlgorithmUnsuitable, CollsimError, InvalidValue, RunError, UnknownName
from collsim.registry import Registry
from collsim.topology.graph import Topology

__all__ = ["ALGORITHMS", "Algorithm", "Formula", "Hint", "algorithm", "parse_algorithm"]


@dataclass(frozen=True, slots=True)
class Hint:
    """What a caller knows of the run: buffer `size` in bytes, `alpha` fs a message, `beta` fs a byte of one link.

    It may set only the number of segments and the variant of an algorithm, never what is computed.
    """

    size: int
    alpha: int
    beta: Fraction


@dataclass(frozen=True, slots=True)
class Formula:
    """A law of an algorithm: `text` to read and `value(topology, collective, ranks)` to test, None where it holds not."""

    text: str
    value: Callable[[Topology, Collective, int], Fraction | int | None]


@dataclass(frozen=True, slots=True)
class Algorithm:
    """An algorithm and its facts.

    `function(topology, collective, hosts, hint, **options)`; `title` one line; `source` paper and section; `needs` its
    constraint in words; `collectives` served; `steps`: steps of the schedule; `volume`: bytes that the busiest rank sends
    as a fraction of the size; `size_free`: ignores the hint; `suits`: registered names of topologies that serve as
    examples for the message of a refusal and for the conformance suite; `variants`: options worth a try beside the defaults,
    as in "parts=4", each where a topology takes it; `costly`: a schedule may take
    seconds to build, which no report does unasked.
    """

    name: str
    function: Callable[..., Schedule]
    title: str
    source: str
    needs: str
    collectives: tuple[str, ...]
    steps: Formula
    volume: Formula
    size_free: bool
    suits: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    costly: bool = False

    @property
    def ways(self) -> tuple[str, ...]:
        """What `--algo` takes to run it: the name alone, then the name with each variant."""
        return self.name, *(f"{self.name}:{variant}" for variant in self.variants)

    @property
    def options(self) -> Mapping[str, inspect.Parameter]:
        """Keyword-only parameters of the function by name: the options of `--algo name:key=value`."""
        parameters = inspect.signature(self.function).parameters
        return {k: p for k, p in parameters.items() if p.kind is inspect.Parameter.KEYWORD_ONLY}

    def serves(self, collective: Collective) -> bool:
        """Tell whether this algorithm does `collective`; who does all-reduce does it partially too."""
        return collective.whole.name in self.collectives

    def schedule(
        self,
        topology: Topology,
        collective: Collective,
        hosts: Sequence[int] | None = None,
        hint: Hint | None = None,
        **options: object,
    ) -> Schedule:
        """Return the schedule of `collective` among `hosts` (rank -> host node; default: all, in order).

        A partial all-reduce is the algorithm's all-reduce of the part that is summed, hint included.
        Raises AlgorithmUnsuitable (collective not served, topology or rank count unfit), UnknownName (an option), RunError
        (the function fails, or returns something else).
        """
        if collective.name == PARTIAL:
            part = None if hint is None else replace(hint, size=max(collective.communicated(hint.size), 1))
            return partially(self.schedule(topology, collective.whole, hosts, part, **options), collective)
        if not self.serves(collective):
            others = sorted(a.name for _, a in ALGORITHMS.items() if a.serves(collective))
            raise AlgorithmUnsuitable(
                f"{self.name} does not do {collective.name}; it does {', '.join(self.collectives)} (--collective "
                f"{self.collectives[0]}). For {collective.name} use {', '.join(others)}."
            )
        for key in options:
            if key not in self.options:
                raise UnknownName(f"option of {self.name}", key, self.options)
        ranks = list(range(topology.hosts)) if hosts is None else list(hosts)
        _check_group(topology, ranks)
        return self._built(topology, collective, ranks, hint, options)

    def _built(
        self, topology: Topology, collective: Collective, hosts: list[int], hint: Hint | None, options: dict[str, object]
    ) -> Schedule:
        """Return what the function makes; RunError, with its line, where it fails and is not one of collsim's own."""
        try:
            made: object = self.function(topology, collective, hosts, hint, **options)
        except (CollsimError, MemoryError):
            raise
        except Exception as fault:
            if str(getattr(self.function, "__module__", "")).startswith("collsim."):
                raise
            last = traceback.extract_tb(fault.__traceback__)[-1]
            where = f"{type(fault).__name__} in {Path(last.filename).name}, line {last.lineno}"
            raise RunError(" ".join(f"{self.name} failed with {where}: {fault}".split())) from fault
        if not isinstance(made, Schedule):
            cure = "end it with 'return builder.finish()'"
            raise RunError(f"{self.name} returned a {type(made).__name__}, not a Schedule; {cure}.")
        return made

    def refuse(self, topology: Topology, reason: str) -> AlgorithmUnsuitable:
        """Return the error that says why this algorithm cannot serve `topology` and what it needs."""
        return AlgorithmUnsuitable(
            f"{self.name} cannot run on {topology.name}: {reason} It needs {self.needs}, such as "
            f"{', '.join(self.suits)}. On {topology.name} any of ring, bidirectional-ring, double-binary-tree, direct "
            "and multitree runs."
        )


ALGORITHMS: Registry[Algorithm] = Registry("algorithm", "collsim.collectives.algorithms", "collsim.algorithms")


def algorithm(
    name: str,
    *,
    title: str,
    source: str,
    needs: str,
    collectives: tuple[str, ...],
    steps: Formula,
    volume: Formula,
    size_free: bool,
    suits: tuple[str, ...],
    aliases: tuple[str, ...] = (),
    variants: tuple[str, ...] = (),
    costly: bool = False,
) -> Callable[[Callable[..., Schedule]], Algorithm]:
    """Decorator: register a function (topology, collective, hosts, hint, *, options) -> Schedule under `name`."""

    def wrap(function: Callable[..., Schedule]) -> Algorithm:
        facts = (title, source, needs, collectives, steps, volume, size_free, suits, aliases, variants, costly)
        entry = Algorithm(name, function, *facts)
        return ALGORITHMS.add(name, entry, aliases)

    return wrap


def parse_algorithm(text: str) -> tuple[Algorithm, dict[str, object]]:
    """Return (algorithm, options) of "multitree", "multitree:termination=authors,ports=1" or "./mine.py:star:segments=4".

    A file's only algorithm needs no name. Option values take the type of the option's default (bool, int, else str). Raises
    UnknownName, InvalidValue, FileFormatError.
    """
    entry, tail = _named(text)
    options: dict[str, object] = {}
    for item in filter(None, (part.strip() for part in tail.split(","))):
        key, equals, value = (part.strip() for part in item.partition("="))
        if key not in entry.options:
            raise UnknownName(f"option of {entry.name}", key, entry.options)
        if not equals or not value:
            raise InvalidValue(f"Write the option '{key}' of {entry.name} as {key}=VALUE.")
        options[key] = _typed(entry, key, value)
    return entry, options


def _named(text: str) -> tuple[Algorithm, str]:
    """Return the algorithm that `text` begins with and the rest, its options."""
    # Readers of files make algorithms, so they cannot be imported before this module is whole.
    from collsim.collectives.algorithm_files import from_file, is_algorithm_file

    name, _, tail = text.partition(":")
    if not is_algorithm_file(name):
        plain = name.strip()
        if plain not in ALGORITHMS and Path(f"{plain}.py").is_file():
            raise UnknownName("algorithm", plain, ALGORITHMS, f"./{plain}.py")
        if "," in plain and all(part.strip() in ALGORITHMS for part in plain.split(",")):
            raise InvalidValue(f"'{plain}' is several algorithms; name one, or hold them against each other by compare.")
        return ALGORITHMS.get(plain), tail
    first, _, rest = tail.partition(":")
    if "=" in first:
        first, rest = "", tail
    return from_file(name.strip(), first.strip() or None), rest


def _typed(entry: Algorithm, key: str, value: str) -> object:
    annotation = str(entry.options[key].annotation)
    if "int" in annotation:
        try:
            return int(value)
        except ValueError:
            raise InvalidValue(f"The option {key} of {entry.name} is a whole number, not '{value}'.") from None
    return value


def _check_group(topology: Topology, hosts: list[int]) -> None:
    if len(hosts) < 2:
        raise InvalidValue(f"A collective needs at least 2 ranks; {len(hosts)} given.")
    if len(set(hosts)) != len(hosts) or any(not 0 <= h < topology.hosts for h in hosts):
        raise InvalidValue(f"The ranks of a group are distinct hosts between 0 and {topology.hosts - 1}.")
