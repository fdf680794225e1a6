"""What holds of every run of the SimPy engine, whatever the case: conservation, causality, and indifference to order."""

from __future__ import annotations

import random
from dataclasses import replace
from unittest.mock import patch

import simpy.core
from agreement.cases import Bursts, Case, Rows, Send, parts
from agreement.compare import Run, differences, run
from oracles.lone_message import tails
from oracles.packet_audit import Audit

from collsim.engines.reference.link import Link, buffer_bytes
from collsim.errors import StallError
from collsim.result import Result
from collsim.topology.routing import route
from collsim.units import serialisation_fs

__all__ = ["broken"]


def broken(case: Case) -> list[str]:
    """Run `case` on the SimPy engine and return what should not be, a sentence each."""
    audit = Audit()
    plain = run(case, "simpy", [audit])
    rng = random.Random(1)
    with patch.object(simpy.core, "count", lambda: iter(rng.random, None)):
        found = [f"depends on the order of events: {text}" for text in differences(plain, run(case, "simpy"))]
    if isinstance(plain.error, StallError):
        return found + _stalled(case, plain.error)
    if plain.result is None:
        return found
    return found + _result(case, plain.result, audit) + _alone(case)


def _stalled(case: Case, error: StallError) -> list[str]:
    if case.settings.get("allow_deadlock"):
        return []
    waits_for_steps = case.network.nic.nic_scheduler == "lockstep" and not error.cycle
    if waits_for_steps and any(isinstance(item, Rows) for item in case.items):
        return []
    return [f"stalls: {error}"]


def _result(case: Case, result: Result, audit: Audit) -> list[str]:
    found = []
    assert result.critical_path is not None
    if sum(result.critical_path.values()) != result.time:
        found.append(f"the critical path {result.critical_path} does not sum to {result.time}")
    if min(result.critical_path.values()) < 0:
        found.append(f"negative parts in {result.critical_path}")
    if result.time != result.operation_finish.max(initial=0):
        found.append("the run ends at another time than its operations")
    messages = parts(case.program())
    if result.packets_repeated or result.packets_lost:
        return found + _repeats(case, result, audit)
    try:
        ends, sizes = [m[:2] for m in messages], [m[2] for m in messages]
        audit.check(case.topology, case.network, result, sizes, ends, lambda link: _capacity(case, link))
    except AssertionError as error:
        found.append(f"audit: {error!r}")
    found += _too_early(case, result, audit)
    per_packet = route(case.topology, case.network.router.routing, case.network.router.virtual_channels).per_packet
    if not per_packet and not any(isinstance(item, Bursts) for item in case.items):
        other = run(case, "analytic").result
        if other is None or other.link_bytes.tolist() != result.link_bytes.tolist():
            found.append("other bytes on links than the analytic engine")
    return found


def _repeats(case: Case, result: Result, audit: Audit) -> list[str]:
    """What holds of a run with losses: packets are sent again because they were lost or thrown away."""
    first = [grant for grant in audit.grants if case.topology.source[grant[1]] == parts(case.program())[grant[3]][0]]
    found = []
    if result.packets_lost + result.packets_discarded != result.packets_repeated:
        found.append(
            f"{result.packets_repeated} repeats of {result.packets_lost} lost and {result.packets_discarded} discarded"
        )
    if case.network.transport.recovery == "selective-repeat" and result.packets_discarded:
        found.append(f"selective repeat throws {result.packets_discarded} packets away")
    if len(first) < result.packets + result.packets_repeated:
        found.append(f"{len(first)} grants at NICs for {result.packets} packets and {result.packets_repeated} repeats")
    try:
        audit._links(result, case.topology.bandwidth.tolist())
    except AssertionError as error:
        found.append(f"audit: {error!r}")
    return found


def _capacity(case: Case, link: int) -> int:
    t = case.topology
    return buffer_bytes(Link(link, 0, 0, int(t.bandwidth[link]), int(t.latency[link])), case.network)


def _lone(case: Case, links: list[int], size: int, *, reduces: bool = False) -> int:
    """From ready to complete of a message with the network for itself."""
    t, n = case.topology, case.network
    last, _ = tails(
        size,
        [(int(t.bandwidth[link]), int(t.latency[link])) for link in links],
        payload=n.packet.packet_payload,
        header=n.packet.header,
        router_delay=n.router.router_delay,
        store=n.router.switching == "store-and-forward",
        message_mode=n.transport.flow_control == "message",
    )
    reduction = 0
    if reduces and n.nic.reduction_rate is not None:
        reduction = serialisation_fs(-(-size // n.nic.reduction_quantum) * n.nic.reduction_quantum, n.nic.reduction_rate)
    return last + n.nic.ejection_latency + reduction


def _too_early(case: Case, result: Result, audit: Audit) -> list[str]:
    ways: dict[int, dict[int, list[int]]] = {}
    for _, link, _, message, packet, *_ in audit.grants:
        ways.setdefault(message, {}).setdefault(packet, []).append(link)
    found = []
    for message, (_, _, size, reduces, _) in enumerate(parts(case.program())):
        packets = ways.get(message, {})
        if packets and all(way == packets[0] for way in packets.values()):
            took = int(result.message_finish[message] - result.message_ready[message])
            least = _lone(case, packets[0], size, reduces=reduces)
            if took < least:
                found.append(f"message {message} takes {took} fs, less than the {least} fs it takes alone")
    return found


def _alone(case: Case) -> list[str]:
    """The largest message alone takes what the formula of a lone message says."""
    routing = route(case.topology, case.network.router.routing, case.network.router.virtual_channels)
    messages = [m for m in parts(case.program()) if m[0] != m[1] and m[2]]
    if routing.per_packet or not messages:
        return []
    source, target, size, *_ = max(messages, key=lambda m: m[2])
    settings = {k: v for k, v in case.settings.items() if k not in ("buffer", "overhead_mode", "loss")} | {
        "allow_deadlock": True
    }
    single = replace(case, items=(Send(source, target, size),), settings=settings, machine=replace(case.machine, loss=()))
    path = [link for link, _ in routing.path(source, target, (case.seed, 0, 0))]
    alone: Run = run(single, "simpy")
    assert alone.result is not None, alone.error
    took, least = int(alone.result.message_finish[0] - alone.result.message_ready[0]), _lone(single, path, size)
    return [] if took == least else [f"{size} bytes from {source} to {target} take {took} fs alone, not {least}"]
