"""What a set of cases covers: which choices of which settings, and what happened in the runs, read from the grants."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from agreement.cases import Bursts, Case, Machine, Named, Rows
from agreement.compare import Run

from collsim.collectives.algorithm import ALGORITHMS
from collsim.engines.reference.link import Link, buffer_bytes
from collsim.errors import CollsimError, StallError
from collsim.network.config import CHOICES
from collsim.network.schedulers import SCHEDULERS
from collsim.program import Compute, Send
from collsim.units import serialisation_fs

__all__ = ["Coverage", "Grants", "POLICIES", "features", "trains"]

POLICIES = {f"{key}={value}" for key, values in CHOICES.items() for value in values}
POLICIES |= {f"nic_scheduler={name}" for name in SCHEDULERS}
POLICIES |= {f"lockstep_estimate={kind}" for kind in ("schedule", "oracle", "multitree-isca21", "a time")}
POLICIES |= {f"buffer={room}" for room in ("one packet", "a few packets", "auto")}
POLICIES |= {f"virtual_channels={count}" for count in ("auto", "one", "several")}
POLICIES |= {f"{key}>0" for key in ("router_delay", "header", "injection_latency", "ejection_latency", "ports")}
POLICIES |= {"loss>0", "links that lose packets", "retransmit_timeout=auto", "retransmit_timeout=a time"}
POLICIES |= {f"{key}>0" for key in ("message_overhead", "reduction_rate", "reduction_units", "reduction_quantum")}
POLICIES |= {
    "links=equal",
    "links=unequal",
    "latency=0",
    "items=calls",
    "items=several calls",
    "items=sends",
    "items=arrivals",
}
POLICIES |= {"items=computations", "items=dependencies", "items=explicit paths", "allow_deadlock=True"}
"""What is to be in at least 5 % of the cases."""


class Grants:
    """An observer that keeps every grant: (time, link, channel, message, packet, size, end, final)."""

    def __init__(self):
        self.seen = []

    def on_grant(self, link, message, packet, time, *, channel, size, end, final):
        self.seen.append((time, link, channel, message, packet, size, end, final))


def features(case: Case, run: Run, grants: Grants) -> set[str]:
    """The names of everything that a case covers; `run` and `grants` are of the SimPy engine."""
    try:
        found = _settings(case) | _machine(case) | _items(case)
    except CollsimError as error:
        # Settings that are refused before any engine sees them.
        return {f"outcome={type(error).__name__}"}
    if run.error is not None:
        return (
            found | {f"outcome={type(run.error).__name__}"} | ({"deadlock"} if isinstance(run.error, StallError) else set())
        )
    found.add("outcome=result")
    assert run.result is not None
    if run.result.critical_path:
        found |= {f"critical={part}" for part, time in run.result.critical_path.items() if time}
    for name in ("lost", "repeated", "discarded"):
        if getattr(run.result, f"packets_{name}"):
            found.add(f"packets {name}")
    if run.result.reorder_peak is not None and run.result.reorder_peak.any():
        found.add("packets held for order")
    if not run.result.packets_repeated:
        found |= _waits(case, grants, run.result.message_ready.tolist())
    if "critical=credit_wait" in found:
        found.add("credit stall")
    return found


def trains(run: Run) -> set[str]:
    """How much of a run was simulated as whole messages."""
    if run.result is None or not run.result.packet_hops:
        return set()
    share = run.result.train_fraction
    return {f"trains={'none' if not share else 'all' if share == 1 else 'some'}"}


def _settings(case: Case) -> set[str]:
    leaves = case.network.leaves()
    found = {f"{key}={leaves[key]}" for key in (*CHOICES, "nic_scheduler")}
    found |= {f"{key}>0" for key in ("router_delay", "header", "injection_latency", "ejection_latency", "ports")
              if leaves[key]}  # fmt: skip
    if leaves["message_overhead"]:
        found.add("message_overhead>0")
    else:
        found.discard("overhead_mode=serial")
    if leaves["reduction_rate"]:
        found |= {f"{key}>0" for key in ("reduction_rate", "reduction_units") if leaves[key]}
        found |= {"reduction_quantum>0"} if leaves["reduction_quantum"] > 1 else set()
    if leaves["nic_scheduler"] == "lockstep":
        estimate = leaves["lockstep_estimate"]
        found.add(f"lockstep_estimate={'a time' if isinstance(estimate, int) else estimate}")
    if leaves["flow_control"] != "none":
        largest = leaves["packet_payload"] + leaves["header"]
        room = leaves["buffer"]
        size = "auto" if room == "auto" else "one packet" if room < 2 * largest else "a few packets"
        found.add(f"buffer={size}")
    if leaves["loss"]:
        found.add("loss>0")
    found.add(f"retransmit_timeout={'auto' if leaves['retransmit_timeout'] == 'auto' else 'a time'}")
    channels = leaves["virtual_channels"]
    found.add(f"virtual_channels={channels if channels == 'auto' else 'one' if channels == 1 else 'several'}")
    return found | ({"allow_deadlock=True"} if leaves["allow_deadlock"] else set())


def _machine(case: Case) -> set[str]:
    t = case.topology
    unequal = len(set(zip(t.bandwidth.tolist(), t.latency.tolist(), strict=True))) > 1
    return {
        f"links={'unequal' if unequal else 'equal'}",
        f"family={t.family}",
        *(["latency=0"] if not t.latency.all() else []),
        *(["links that lose packets"] if t.loss.any() else []),
    }


@lru_cache(maxsize=4096)
def _has_paths(machine: Machine, item: Named | Rows) -> bool:
    return len(item.schedule(machine.topology).path_links) > 0


def _items(case: Case) -> set[str]:
    calls = [item for item in case.items if isinstance(item, Named | Rows)]
    found = {f"algorithm={call.algorithm.partition(':')[0]}" for call in calls if isinstance(call, Named)}
    for name, holds in (
        ("calls", calls),
        ("several calls", len(calls) > 1),
        ("sends", any(isinstance(item, Send) for item in case.items)),
        ("arrivals", any(isinstance(item, Bursts) for item in case.items)),
        ("computations", any(isinstance(item, Compute) for item in case.items)),
        ("dependencies", any(item.deps for item in case.items)),
        ("explicit paths", any(_has_paths(case.machine, call) for call in calls)),
    ):
        if holds:
            found.add(f"items={name}")
    return found


def _waits(case: Case, grants: Grants, ready: list[int]) -> set[str]:
    """Which packets waited for what, worked out from the grants alone.

    A credit stall: a packet asked for a link, and the link was idle, just before the grant, but there was no room. Multi-hop
    contention: past its first link a packet asked for one that another message's packet was on.
    """
    t, network = case.topology, case.network
    latency, rate = t.latency.tolist(), t.bandwidth.tolist()
    store = network.router.switching == "store-and-forward"
    lockstep = network.nic.nic_scheduler == "lockstep"
    asked: dict[int, int] = {}
    before: dict[tuple[int, int], int] = {}
    left: dict[tuple[int, int], int] = defaultdict(int)
    first: dict[int, int] = {}
    room = {link: buffer_bytes(Link(link, 0, 0, rate[link], latency[link]), network) for link in range(t.links)}
    entered: dict[tuple[int, int], list[int]] = defaultdict(list)
    gone: dict[int, int] = {}
    busy: dict[int, tuple[int, int]] = {}
    found: set[str] = set()
    # In the order of grants; a packet-hop is known by its number in it.
    for number, (time, link, channel, message, packet, size, end, final) in enumerate(grants.seen):
        previous = before.get((message, packet))
        if previous is None:
            asked[number] = time if lockstep else max(ready[message], first.get(message, 0))
            first[message] = end
        else:
            came = grants.seen[previous]
            wire, ser = latency[came[1]], serialisation_fs(size, rate[link])
            head = came[6] if store else came[0] + max(1, serialisation_fs(min(network.packet.header, size), rate[came[1]]))
            ask = max(head + wire, came[6] + wire - ser) + network.router.router_delay
            asked[number] = max(ask, left[came[1], came[2]])
            left[came[1], came[2]] = end
            gone[previous] = end
        busy_until, by = busy.get(link, (0, -1))
        if previous is not None and asked[number] < busy_until and by != message:
            found.add("multi-hop contention")
        if not final:
            held = sum(
                grants.seen[other][5] for other in entered[link, channel] if gone.get(other, time) + latency[link] >= time
            )
            if max(asked[number], busy_until) < time and held + size > room[link]:
                found.add("credit stall")
            entered[link, channel].append(number)
        busy[link] = (end, message)
        before[message, packet] = number
    return found


@dataclass
class Coverage:
    """Counts features over cases."""

    cases: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, found: Iterable[str]) -> None:
        self.cases += 1
        self.counts.update(found)

    def share(self, name: str) -> float:
        """Percent of the cases with a feature."""
        return 100 * self.counts[name] / max(self.cases, 1)

    def gaps(self, choices: float = 5.0) -> list[str]:
        """What is too rare for the set to prove anything, choices of settings below so many percent; [] if nothing is."""
        wanted = dict.fromkeys(sorted(POLICIES), choices) | {"credit stall": 30.0, "multi-hop contention": 30.0}
        wanted |= {"deadlock": 2.0, "packets repeated": 10.0, "packets discarded": 4.0, "packets held for order": 2.0}
        wanted |= {"outcome=result": 80.0, "trains=all": 5.0, "trains=some": 5.0, "trains=none": 50.0}
        wanted |= {f"algorithm={name}": 0.3 for name in ALGORITHMS}
        return [
            f"{name}: {self.share(name):.1f} % of {least:.0f} %"
            for name, least in wanted.items()
            if self.share(name) < least
        ]

    def table(self) -> str:
        """A line a feature: its name and the percent of the cases that have it."""
        names = sorted(POLICIES | set(self.counts))
        return "\n".join(f"{self.share(name):6.1f} %  {name}" for name in names)
