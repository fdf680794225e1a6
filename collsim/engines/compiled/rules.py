"""The settings of a run as the numbers that kernels read."""

from __future__ import annotations

import numpy as np

from collsim.engines.compiled import codes
from collsim.engines.compiled.accounts import Accounts
from collsim.engines.compiled.layout import Rules
from collsim.engines.compiled.paths import Ways
from collsim.engines.reference.message import Cut
from collsim.network.config import NetworkConfig
from collsim.topology.graph import Topology

__all__ = ["rules_of"]

ARBITRATIONS = {"round-robin": codes.ROUND_ROBIN, "oldest": codes.OLDEST, "lowest-step": codes.LOWEST_STEP}
ORDERS = {
    "fifo": codes.BY_PLACE,
    "round-robin": codes.BY_PLACE,
    "lowest-step": codes.BY_STEP,
    "lockstep": codes.BY_STEP,
    "shortest-first": codes.BY_SIZE,
}
MULTIPATHS = {
    "single": codes.SINGLE,
    "ecmp": codes.ECMP,
    "spray": codes.SPRAY,
    "least-queued": codes.LEAST_QUEUED,
    "feedback": codes.FEEDBACK,
    "valiant": codes.VALIANT,
    "ugal": codes.UGAL,
}


def rules_of(  # noqa: PLR0917
    topology: Topology, network: NetworkConfig, ways: Ways, seed: int, cut: Cut, trains: bool, accounts: Accounts
) -> Rules:
    """Return the rules of a run; `trains` are refused where ports, losses or the order of a NIC forbid them."""
    nic, routing = network.nic, ways.routing
    table, turns = routing.table, routing.turns
    lockstep = nic.nic_scheduler == "lockstep"
    # Where no host has more links than its NIC may use at once the limit means nothing.
    ports = nic.ports if nic.ports < np.bincount(topology.source)[: topology.hosts].max(initial=0) else 0
    stays = nic.nic_scheduler != "round-robin" or cut.by_message
    return Rules(
        channels=ways.channels,
        full=cut.payload + (0 if cut.by_message else cut.header),
        payload=cut.payload,
        header=cut.header,
        cut_through=int(network.router.switching == "cut-through"),
        router_delay=network.router.router_delay,
        by_message=int(cut.by_message),
        arbitration=ARBITRATIONS[network.router.arbitration],
        scheduler=ORDERS[nic.nic_scheduler],
        stays=int(stays),
        ports=ports,
        watch_sent=int(ports > 0 or lockstep),
        overhead=nic.message_overhead,
        injection=nic.injection_latency,
        ejection=nic.ejection_latency,
        serial=int(nic.overhead_mode == "serial" and nic.message_overhead > 0),
        servers=int(nic.reduction_units > 0 and nic.reduction_rate is not None),
        lockstep=int(lockstep),
        oracle=int(lockstep and nic.lockstep_estimate == "oracle"),
        logging=1,
        trains=int(trains and stays and not ports and not accounts.lossy),
        noting=int(accounts.noted.any()),
        cutting=0,
        go_back=int(network.transport.recovery == "go-back-n"),
        in_order=int(network.transport.delivery == "in-order"),
        timeout=-1 if network.transport.retransmit_timeout == "auto" else network.transport.retransmit_timeout,
        most_room=int(network.router.vc_allocation == "most-room"),
        multipath=MULTIPATHS[routing.multipath],
        seed=_signed(seed),
        nodes=topology.nodes,
        hosts=topology.hosts,
        phases=table.phases,
        bias=table.bias,
        classes=table.classes,
        below=table.classes,
        restarts=int(turns is not None and turns.restarts),
        stops=turns.table.hosts if turns is not None else 0,
        has_turns=int(turns is not None),
    )


def _signed(word: int) -> int:
    word &= 2**64 - 1
    return word - 2**64 if word >= 2**63 else word
