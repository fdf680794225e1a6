"""What an engine returns, and the explained outcome that reports read: times, link loads, bounds, critical path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from collsim.collectives.schedule import OP_NAMES
from collsim.display import html_of
from collsim.link_table import link_columns
from collsim.units import FS_PER_SECOND, format_bandwidth, format_size, format_time

if TYPE_CHECKING:
    import pandas as pd

    from collsim.collectives.bounds import Bound
    from collsim.collectives.closed_forms import ClosedForm
    from collsim.collectives.schedule import Schedule
    from collsim.collectives.verify import Proof
    from collsim.crossings import Crossings
    from collsim.network.config import NetworkConfig
    from collsim.topology.graph import Topology

__all__ = ["CRITICAL_PARTS", "Outcome", "Result"]

CRITICAL_PARTS = (
    "serialisation",
    "latency",
    "router",
    "overhead",
    "reduction",
    "link_wait",
    "credit_wait",
    "port_wait",
    "step_wait",
    "loss_wait",
    "compute",
)
"""Names of the parts of a critical path, in report order. Injection and ejection latency count as latency."""


@dataclass(frozen=True, eq=False)
class Result:
    """Times of one run of a program, in fs.

    `time`: completion of the last operation. `operation_finish`: int64[operations]. `message_ready`,
    `message_finish`: int64[messages], complete(m) of the model. `link_busy` (fs) and `link_bytes` (headers included):
    int64[links]. `host_exposed`: int64[hosts], time a host spent with communication unfinished and no computation
    running. `critical_path`: {part: fs}, summing to `time`, see CRITICAL_PARTS; None from engines that cannot tell.
    `critical_links`: {link id: fs} of the path spent serialising on or waiting for each link.
    `provenance`: engine, inputs' hash, versions, seed. `train_fraction`: the share of packet-hops that were simulated as
    whole messages; times do not depend on it.
    `message_started`: int64[messages], the first grant of a message on its first link, -1 where it crosses none; None from
    engines that cannot tell. `packets_lost`: by links; `packets_repeated`: grants of packets at a NIC that had granted them
    before; `packets_discarded`: arrivals that a receiver under go-back-n threw away. `reorder_peak`: int64[hosts], the most
    payload bytes that had arrived at a host and waited for earlier ones of their message (delivery = in-order; None from
    engines that cannot tell).
    """

    engine: str
    time: int
    operation_finish: NDArray[np.int64]
    message_ready: NDArray[np.int64]
    message_finish: NDArray[np.int64]
    link_busy: NDArray[np.int64]
    link_bytes: NDArray[np.int64]
    host_exposed: NDArray[np.int64]
    packets: int
    packet_hops: int
    critical_path: Mapping[str, int] | None = None
    critical_links: Mapping[int, int] = field(default_factory=dict)
    provenance: Mapping[str, str] = field(default_factory=dict)
    train_fraction: float = 0.0
    message_started: NDArray[np.int64] | None = None
    packets_lost: int = 0
    packets_repeated: int = 0
    packets_discarded: int = 0
    reorder_peak: NDArray[np.int64] | None = None


@dataclass(frozen=True, eq=False)
class Outcome:
    """One run and everything that explains it: machine, proved schedule, measured result, bound, closed form, baseline.

    `algorithm` is the text that chose it (with options), `legality` why it may run there; `size` bytes of a buffer;
    `closed_form` is None where contention leaves none; `wall` seconds the engine took; `placement` and `faults` say
    how ranks and links were altered, `changes` how links changed during the run; `request` are the command-line words for
    the same machine; `warnings` are sentences a reader must know; `crossings`: when messages held links, None unless asked
    for and known.
    """

    topology: Topology
    schedule: Schedule
    algorithm: str
    legality: str
    size: int
    network: NetworkConfig
    proof: Proof
    bound: Bound
    closed_form: ClosedForm | None
    result: Result
    wall: float
    seed: int = 0
    placement: str = "linear"
    faults: tuple[str, ...] = ()
    request: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    baseline: Outcome | None = None
    crossings: Crossings | None = None

    @property
    def time_s(self) -> float:
        """Completion of the collective in seconds."""
        return self.result.time / FS_PER_SECOND

    @property
    def algbw(self) -> float:
        """Size over time, bytes/s, as nccl-tests defines it; 0 for a run that took no time."""
        return self.size * FS_PER_SECOND / self.result.time if self.result.time else 0.0

    @property
    def busbw(self) -> float:
        """algbw times the bus factor of the collective, bytes/s, as nccl-tests defines it."""
        return self.algbw * float(self.schedule.collective.bus_factor(self.schedule.ranks))

    @property
    def percent_of_bound(self) -> float:
        """100 bound / time: 100 means that no algorithm is faster on this topology."""
        return 100 * self.bound.time / self.result.time if self.result.time else 100.0

    @property
    def speedup(self) -> float | None:
        """Time of the baseline over the time of this run; None without a baseline."""
        return self.baseline.result.time / self.result.time if self.baseline and self.result.time else None

    @cached_property
    def link_use(self) -> NDArray[np.float64]:
        """float64[links]: share of the run during which each link was sending."""
        return np.asarray(self.result.link_busy / max(self.result.time, 1), dtype=np.float64)

    @property
    def bottleneck(self) -> int:
        """Id of the link that was busy longest; ties go to the lowest id."""
        return int(np.argmax(self.result.link_busy))

    @cached_property
    def usable_links(self) -> NDArray[np.int64]:
        """Ids of the links between switches, of all links where there are none, that the schedule's messages could cross.

        They lie on a shortest path of a message, on one that routing permits it, or on the path that the schedule fixes.
        """
        from collsim.network.usable_links import usable_links

        return usable_links(self.topology, self.schedule, self.size, self.network)

    @property
    def link_imbalance(self) -> float:
        """Largest over mean busy time of the `usable_links`; 1 is even."""
        from collsim.network.usable_links import load_imbalance

        return load_imbalance(self.result.link_busy, self.usable_links)

    def critical_shares(self) -> dict[str, float]:
        """Return {part: share of the critical path}, largest first, parts of no time left out; {} where unknown."""
        parts = self.result.critical_path or {}
        total = max(self.result.time, 1)
        return {k: v / total for k, v in sorted(parts.items(), key=lambda item: -item[1]) if v}

    def to_dict(self) -> dict[str, Any]:
        """Return what `collsim run --json` writes: times in seconds, sizes in bytes, rates in bytes/s.

        "link_table" is what `collsim.link_table` tells of each link; None for more than 4,000 links and in a baseline.
        """
        link, path = self.bottleneck, self.result.critical_path
        return {
            "topology": self.topology.name,
            "hosts": self.topology.hosts,
            "switches": self.topology.switches,
            "links": self.topology.links,
            "ranks": self.schedule.ranks,
            "algorithm": self.algorithm,
            "legality": self.legality,
            "collective": self.schedule.collective.name,
            "root": self.schedule.collective.root,
            "size_bytes": self.size,
            **self.schedule.collective.channel_facts(self.size),
            "engine": self.result.engine,
            "time_s": self.time_s,
            "time_fs": self.result.time,
            "algbw_bytes_per_s": self.algbw,
            "busbw_bytes_per_s": self.busbw,
            "bound_s": self.bound.time / FS_PER_SECOND,
            "bound_kind": self.bound.kind,
            "bound_exact": self.bound.exact,
            "bound_detail": self.bound.detail,
            "percent_of_bound": self.percent_of_bound,
            "closed_form_s": None if self.closed_form is None else self.closed_form.time / FS_PER_SECOND,
            "closed_form": None if self.closed_form is None else self.closed_form.text,
            "closed_form_exact": None if self.closed_form is None else self.closed_form.exact,
            "closed_form_without": None if self.closed_form is None else list(self.closed_form.without),
            "speedup": self.speedup,
            "baseline": None if self.baseline is None else {**self.baseline.to_dict(), "link_table": None},
            "critical_path": None if path is None else {k: v / FS_PER_SECOND for k, v in path.items()},
            "bottleneck_link": {
                "link": link,
                "name": self.topology.link_name(link),
                "use": float(self.link_use[link]),
                "bytes": int(self.result.link_bytes[link]),
            },
            "mean_link_use": float(self.link_use.mean()),
            "link_load_max_over_mean": self.link_imbalance,
            "link_load_links": len(self.usable_links),
            "link_table": link_columns(self.topology, self.result.link_busy, self.result.link_bytes),
            "verified": True,  # an outcome exists only after its proof
            "verification": self.proof.method,
            "steps": self.schedule.steps,
            "transfers": self.schedule.transfers,
            "packets": self.result.packets,
            "packet_hops": self.result.packet_hops,
            "train_fraction": self.result.train_fraction,
            "packets_lost": self.result.packets_lost,
            "packets_repeated": self.result.packets_repeated,
            "packets_discarded": self.result.packets_discarded,
            "reorder_peak_bytes": None if self.result.reorder_peak is None else int(self.result.reorder_peak.max(initial=0)),
            "placement": self.placement,
            "faults": list(self.faults),
            "link_changes": list(self.changes),
            "changed_settings": self.network.changed(),
            "warnings": list(self.warnings),
            "wall_s": self.wall,
            "seed": self.seed,
            "provenance": dict(self.result.provenance),
            "collsim_version": _version(),
        }

    def links(self) -> pd.DataFrame:
        """Return one row a link: name, source, target, bandwidth (bytes/s), latency_s, busy_s, use (0 to 1), bytes."""
        import pandas as pd

        machine = self.topology
        return pd.DataFrame(
            {
                "name": [machine.link_name(link) for link in range(machine.links)],
                "source": [machine.names[node] for node in machine.source.tolist()],
                "target": [machine.names[node] for node in machine.target.tolist()],
                "bandwidth": machine.bandwidth,
                "latency_s": machine.latency / FS_PER_SECOND,
                "busy_s": self.result.link_busy / FS_PER_SECOND,
                "use": self.link_use,
                "bytes": self.result.link_bytes,
            },
            index=pd.RangeIndex(machine.links, name="link"),
        )

    def transfers(self) -> pd.DataFrame:
        """Return one row a transfer: step, src, dst (ranks), chunk, count, op, bytes, ready_s, finish_s."""
        import pandas as pd

        plan = self.schedule
        return pd.DataFrame(
            {
                "step": plan.step,
                "src": plan.src,
                "dst": plan.dst,
                "chunk": plan.chunk,
                "count": plan.count,
                "op": [OP_NAMES[op] for op in plan.op.tolist()],
                "bytes": plan.message_bytes(self.size),
                "ready_s": self.result.message_ready / FS_PER_SECOND,
                "finish_s": self.result.message_finish / FS_PER_SECOND,
            },
            index=pd.RangeIndex(plan.transfers, name="transfer"),
        )

    def summary(self) -> dict[str, str]:
        """Return {what: value with unit}, the few lines that `print` and notebooks show."""
        what = f"{self.schedule.collective.name} of {format_size(self.size)}"
        rows = {
            "run": f"{what} on {self.topology.name} by {self.algorithm}",
            "time": format_time(self.result.time),
            "algbw": format_bandwidth(self.algbw),
            "busbw": format_bandwidth(self.busbw),
            "bound": f"{format_time(self.bound.time)} ({self.percent_of_bound:.1f} % reached)",
        }
        if self.closed_form is not None:
            rows["closed form"] = format_time(self.closed_form.time)
        if self.baseline is not None and self.speedup is not None:
            rows["speedup"] = f"{self.speedup:.2f}x over {self.baseline.algorithm}"
        if self.warnings:
            rows["note"] = " ".join(self.warnings)
        return rows

    def __str__(self) -> str:
        return "\n".join(f"{what:<12} {value}" for what, value in self.summary().items())

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return html_of("outcome", self)


def _version() -> str:
    from collsim import __version__

    return __version__
