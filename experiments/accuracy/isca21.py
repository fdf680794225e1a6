"""Rows about the MULTITREE paper (ISCA 2021), its machine and its baselines: bandwidth for large data, the ring's step.

The compiled engine runs them: packets of 256 B over machines of 64 hosts are millions of packet-hops.
"""

from __future__ import annotations

from collections.abc import Iterator

from row import Row

import collsim
from collsim.topology import load

NS = 10**6
LINK = 16
"""Bytes a nanosecond of one link."""
PACKETS = {"packet_payload": 256, "header": 16}
NIC = {"injection_latency": "1ns", "ejection_latency": "1ns"}
ORACLE = {"nic_scheduler": "lockstep", "lockstep_estimate": "oracle"}


def rows() -> Iterator[Row]:
    """Yield every row, group by group."""
    yield from asymptotes()
    yield from later_studies()
    yield from ring_steps()
    yield from simulator()


def time_ns(topology: str, algorithm: str, size: int, **network: object) -> float:
    """Return the compiled engine's time in ns over links of 16 GB/s and 150 ns."""
    run = collsim.simulate(
        topology, algorithm, size=size, network=network, bandwidth="16GB/s", latency="150ns", engine="compiled"
    )
    return run.result.time / NS


def slope(topology: str, algorithm: str, **network: object) -> float:
    """Return bytes a nanosecond between two sizes of whole packets: what large data near."""
    size = load(topology).hosts * 2**16
    less, more = (time_ns(topology, algorithm, k * size, **network) for k in (1, 2))
    return size / (more - less)


def asymptotes() -> Iterator[Row]:
    """Bandwidth of large data, 256 B payload and 16 B head: (16/17) 16 N / (2 S) GB/s, without 16/17 for messages."""
    for side, steps in ((4, 5), (8, 17)):
        n, topology = side * side, f"torus{side}x{side}"
        message = {"flow_control": "message"}
        for scheme, algorithm, theirs, extra in (
            ("RING", "ring:order=isca21", 16 / 17 * LINK * n / (2 * (n - 1)), {}),
            ("2D-RING", "2d-ring-isca21", 16 / 17 * LINK * side / (side - 1), {}),
            ("MULTITREE", "multitree", 16 / 17 * LINK * n / (2 * steps), ORACLE),
            ("MULTITREE, message-based", "multitree", LINK * n / (2 * steps), {**ORACLE, **message}),
        ):
            yield Row(
                "MULTITREE paper, bandwidth of large data, GB/s",
                f"{scheme}, {topology}",
                theirs,
                lambda t=topology, a=algorithm, e=extra: slope(t, a, **PACKETS, **e),
                "GB/s",
                0,
                "engine, slope between two sizes, exact",
            )


def later_studies() -> Iterator[Row]:
    """Bandwidth of MULTITREE is link N / (2 S) for large data without headers, as three later studies found."""
    for topology, steps in (("torus4x4", 5), ("torus8x8", 17), ("mesh4x4", 8), ("mesh8x8", 32)):
        size = 64 * 2**20
        yield Row(
            "MULTITREE in lockstep, 64 MiB, header 0, against link N/(2S), GB/s",
            topology,
            LINK * load(topology).hosts / (2 * steps),
            lambda t=topology, s=size: s / time_ns(t, "multitree", s, **ORACLE),
            "GB/s",
            0.01,
            "engine",
        )


def ring_steps() -> Iterator[Row]:
    """A step of RING on the 4x4 torus takes 17 cycles a packet and 167.5 more in the authors' simulator."""
    group = "MULTITREE paper, a step of RING on the 4x4 torus, cycles of 1 ns"

    def step(packets: int) -> float:
        return time_ns("torus4x4", "ring:order=isca21", 16 * packets * 256, **PACKETS, **NIC) / 30

    slope_of = "engine, exact"
    yield Row(group, "each packet of a chunk", 17, lambda: step(64) - step(63), "cycles", 1e-9, slope_of)
    about = "engine; what the 15.5 cycles are: multitree.md"
    yield Row(group, "beside the packets", 167.5, lambda: step(64) - 17 * 64, "cycles", 0.10, about)


def simulator() -> Iterator[Row]:
    """All-reduce bandwidth of the baselines that share no links, from the authors' simulator."""
    published = [
        ("RING", "torus4x4", "ring:order=isca21", {32: 3.35, 128: 5.72, 512: 6.95, 2048: 7.34}, NIC),
        ("RING", "bigraph4x8", "ring:order=isca21", {32: 0.92, 512: 5.07, 2048: 6.54}, {}),
        ("HDRM", "bigraph4x8", "hdrm", {32: 3.39, 512: 6.76, 2048: 7.11}, {}),
    ]
    for scheme, topology, algorithm, figures, extra in published:
        for kibibytes, theirs in figures.items():
            yield Row(
                "MULTITREE paper, authors' simulator, baselines without shared links, GiB/s",
                f"{scheme}, {topology}, {kibibytes} KiB",
                theirs,
                lambda t=topology, a=algorithm, k=kibibytes, e=extra: gibibytes(t, a, k, **PACKETS, **e),
                "GiB/s",
                0.10,
                "engine",
            )


def gibibytes(topology: str, algorithm: str, kibibytes: int, **network: object) -> float:
    """Return all-reduce bandwidth in GiB/s."""
    return kibibytes / 2**20 * 1e9 / time_ns(topology, algorithm, kibibytes * 1024, **network)
