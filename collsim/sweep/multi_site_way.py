"""What a study of training across sites is about and what it finds: the setting, and one row a way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collsim.network.config import NetworkConfig
from collsim.topology.graph import Topology
from collsim.units import FS_PER_SECOND, PER_BILLION
from collsim.workloads.multi_site import Job, Plant, Site

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Setting", "Way", "frame", "to_dict"]


@dataclass(frozen=True, eq=False)
class Setting:
    """What stays the same between ways; made by `setting`. `compute`: fs of a GPU's own work in a step."""

    topology: Topology
    job: Job
    plant: Plant
    network: NetworkConfig
    engine: str
    seed: int
    compute: int
    wide: tuple[Site, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """One way: bytes that leave a site in a step (`sent`, the most of any site; `sent_law` by formula), and times in fs.

    `communication` from the end of computing to the last gradient (the whole step for a pipeline across sites less that
    of one inside), `step`, the time of a step, each with its law; `exposed` of the step is not computing; `rate`: bytes/s
    that a site needs to send `sent` in the time of computing. `packet`: bytes of a packet in the run; `wall` seconds.
    """

    name: str
    algorithm: str
    sent: int
    sent_law: int
    communication: int
    communication_law: int
    step: int
    step_law: int
    exposed: int
    rate: float
    packet: int
    wall: float

    def to_dict(self) -> dict[str, Any]:
        """Return the row that files hold: bytes, seconds, bytes/s."""
        times = ("communication", "communication_law", "step", "step_law", "exposed")
        return {
            "way": self.name,
            "algorithm": self.algorithm,
            "wan_bytes": self.sent,
            "wan_bytes_law": self.sent_law,
            **{f"{name}_s": getattr(self, name) / FS_PER_SECOND for name in times},
            "wan_rate_needed_bytes_per_s": self.rate,
            "packet_payload": self.packet,
        }


def frame(at: Setting, ways: Sequence[Way]) -> pd.DataFrame:
    """Return one row a way with what was asked of the machine: bytes, seconds, bytes/s."""
    import pandas as pd

    return pd.DataFrame([{**_asked(at), **way.to_dict()} for way in ways])


def to_dict(at: Setting, ways: Sequence[Way]) -> dict[str, Any]:
    """Return what `collsim workload sites --json` writes."""
    from collsim import __version__

    settings = {"engine": at.engine, "seed": at.seed, "changed_settings": at.network.changed()}
    return {**_asked(at), **settings, "ways": [way.to_dict() for way in ways], "collsim_version": __version__}


def _asked(at: Setting) -> dict[str, Any]:
    job, plant, wide = at.job, at.plant, at.wide[0]
    return {
        "topology": at.topology.name,
        "sites": plant.sites,
        "gpus": plant.gpus,
        "wan_links": len(wide.links),
        "wan_bytes_per_s": wide.rate,
        "round_trip_s": 2 * wide.latency / FS_PER_SECOND,
        "loss": wide.loss / PER_BILLION,
        "parameters": job.parameters,
        "tokens": job.tokens,
        "tensor": job.tensor,
        "pipeline": job.pipeline,
        "replicas": plant.replicas * plant.sites,
        "compute_s": at.compute / FS_PER_SECOND,
    }
