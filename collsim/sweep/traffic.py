"""Open-loop traffic over loads on one machine: the latency-load curve, and the makespan of a batch.

Loads come one by one from `runs`, so that whoever stops early keeps what is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from collsim.engines.engine import ENGINES
from collsim.errors import InvalidValue
from collsim.network.config import NetworkConfig
from collsim.simulate import DEFAULT_ENGINE, machine_of
from collsim.topology.graph import Topology
from collsim.units import FS_PER_SECOND
from collsim.workloads.open_loop import OpenLoop, TrafficCase, batch_program, load_program, traffic_case
from collsim.workloads.open_loop_measures import BatchPoint, Expectation, LoadPoint, expect, measure, measure_batch

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Curve", "parse_loads", "run_batch", "runs", "traffic"]

MAX_LOADS = 1000


@dataclass(frozen=True, eq=False)
class Curve:
    """Points of one latency-load curve, in the order of the loads, with what paths alone let `expect` of it."""

    case: TrafficCase
    engine: str
    points: tuple[LoadPoint, ...]
    expected: Expectation

    @property
    def saturation(self) -> float | None:
        """The least load at which the network fell behind; None when it kept up with all of them."""
        return min((p.load for p in self.points if p.saturated), default=None)

    @property
    def best(self) -> float:
        """The most that was delivered at any load, flits a cycle and sending host."""
        return max((p.accepted for p in self.points), default=0.0)

    def frame(self) -> pd.DataFrame:
        """Return one row a load: rates in flits a cycle and sending host, latencies in cycles."""
        import pandas as pd

        return pd.DataFrame([p.to_dict() for p in self.points], columns=[*LoadPoint.__slots__, "saturated"])

    def to_dict(self) -> dict[str, Any]:
        """Return what `collsim traffic --json` writes."""
        bound, link = self.expected.bound, self.expected.link
        return {
            **describe(self.case, self.engine),
            "zero_load_cycles": self.expected.zero_load,
            "channel_bound": bound,
            "channel_bound_link": None if link is None else self.case.topology.link_name(link),
            "saturation_load": self.saturation,
            "loads": [p.to_dict() for p in self.points],
        }

    def plot(self, path: str | Path) -> None:
        """Draw latency and accepted load over offered load into the image file `path`; OutputError if impossible."""
        from collsim.report.latency_load import plot_latency_load

        traffic, machine = self.case.traffic, self.case.topology
        title = f"{traffic.pattern} traffic of {traffic.packet}-flit packets on {machine.name}"
        plot_latency_load([p.to_dict() for p in self.points], path, title, self.expected.zero_load, self.expected.bound)

    def __str__(self) -> str:
        return "\n".join(
            f"load {p.load:<6.4g} accepted {p.accepted:.4f}  latency {p.latency_mean:.1f} cycles{' saturated' * p.saturated}"
            for p in self.points
        )

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from collsim.report.picture import html_table

        heads = ["load", "accepted", "latency (cycles)", "saturated"]
        rows = [
            [f"{p.load:.4g}", f"{p.accepted:.4f}", f"{p.latency_mean:.1f}", "yes" if p.saturated else "no"]
            for p in self.points
        ]
        return html_table(heads, rows, note="Accepted: flits a cycle and sending host.")


def describe(case: TrafficCase, engine: str) -> dict[str, Any]:
    """Return what was run but for the loads, with cycles in seconds, for JSON."""
    from collsim import __version__

    traffic = case.traffic
    return {
        "topology": case.topology.name,
        "hosts": case.topology.hosts,
        "senders": case.senders,
        "pattern": traffic.pattern,
        "packet_flits": traffic.packet,
        "flit_bytes": traffic.flit,
        "cycle_s": case.cycle / FS_PER_SECOND,
        "warmup_cycles": traffic.warmup,
        "measure_cycles": traffic.measure,
        "drain_cycles": traffic.drain,
        "engine": engine,
        "changed_settings": case.network.changed(),
        "seed": case.seed,
        "collsim_version": __version__,
    }


def traffic(
    topology: str | Path | Topology,
    loads: str | float | Sequence[float] = 0.3,
    *,
    pattern: str = "uniform",
    bandwidth: str | int | None = None,
    latency: str | int | None = None,
    network: NetworkConfig | Mapping[str, object] | None = None,
    engine: str = DEFAULT_ENGINE,
    seed: int = 0,
    **sizes: int,
) -> Curve:
    """Return the latency-load curve of `pattern` on `topology` at `loads` (0.3, [0.1, 0.2] or "0.05:0.9:0.05").

    `sizes`: packet (flits), flit (bytes), warmup, measure and drain (cycles), see `OpenLoop`. Raises UsageError.

    >>> from collsim.sweep.traffic import traffic
    >>> curve = traffic("switch4", 0.2, packet=4, engine="simpy", measure=2000)
    >>> curve.points[0].saturated
    False
    """
    machine, _ = machine_of(topology, bandwidth, latency, (), {})
    case = traffic_case(machine, OpenLoop(pattern, **sizes), network or {}, seed)
    return Curve(case, engine, tuple(runs(case, engine, parse_loads(loads))), expect(case))


def runs(
    case: TrafficCase,
    engine: str,
    loads: Sequence[Fraction],
    observers: Callable[[Fraction], Sequence[object]] = lambda load: (),
) -> Iterator[LoadPoint]:
    """Yield the point of each load, run on `engine` with `observers(load)`. Raises UsageError and RunError."""
    run = ENGINES.get(engine)
    for load in loads:
        program = load_program(case, load)
        started = perf_counter()
        result = run(case.topology, program, case.network, seed=case.seed, observers=observers(load))
        yield measure(case, load, program, result, perf_counter() - started)


def run_batch(case: TrafficCase, engine: str, packets: int, observers: Sequence[object] = ()) -> BatchPoint:
    """Return how long `packets` packets a sending host take, all there at once. Raises UsageError and RunError."""
    program = batch_program(case, packets)
    started = perf_counter()
    result = ENGINES.get(engine)(case.topology, program, case.network, seed=case.seed, observers=observers)
    return measure_batch(case, packets, result, perf_counter() - started)


def parse_loads(loads: str | float | Sequence[float]) -> tuple[Fraction, ...]:
    """Return the loads of 0.3, of a list, of "0.1,0.2" or of "0.05:0.9:0.05" (the end included when a step meets it).

    Raises InvalidValue for a load outside (0, 1] and for a range that is empty, endless or over 1,000 long.
    """
    if isinstance(loads, str):
        values = [load for part in loads.split(",") for load in _expand(part.strip())]
    else:
        values = [_number(str(load)) for load in ([loads] if isinstance(loads, int | float) else loads)]
    for load in values:
        if not 0 < load <= 1:
            raise InvalidValue(
                f"The load {float(load):g} is not in (0, 1]: it is flits a cycle and host, of which a link carries one."
            )
    if not values:
        raise InvalidValue("There is no load; name at least one, like 0.3.")
    return tuple(dict.fromkeys(values))


def _expand(text: str) -> list[Fraction]:
    parts = [_number(part) for part in text.split(":")]
    if len(parts) == 1:
        return parts
    if len(parts) != 3 or parts[2] <= 0 or parts[0] > parts[1]:
        raise InvalidValue(f"Cannot read the loads '{text}'; write a rising range as LOW:HIGH:STEP, like 0.05:0.9:0.05.")
    low, high, step = parts
    count = (high - low) // step + 1
    if count > MAX_LOADS:
        raise InvalidValue(f"The loads '{text}' are more than {MAX_LOADS:,}; take a larger step.")
    return [low + k * step for k in range(count)]


def _number(text: str) -> Fraction:
    try:
        return Fraction(text)
    except (ValueError, ZeroDivisionError):
        raise InvalidValue(
            f"Cannot read the load '{text}'; write a number like 0.3, or a range like 0.05:0.9:0.05."
        ) from None
