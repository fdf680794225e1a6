"""What a study of training across sites is about and what it finds: the setting, and one row a way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from collsim.network.config import NetworkConfig
from collsim.network.link_changes import LinkChange, changes_digest, describe_changes
from collsim.topology.graph import Topology
from collsim.units import FS_PER_SECOND, PER_BILLION
from collsim.workloads.multi_site import Job, Plant, Site

if TYPE_CHECKING:
    import pandas as pd

    from collsim.sweep.multi_site_late import Late

__all__ = ["Setting", "Way", "frame", "to_dict"]


@dataclass(frozen=True, eq=False)
class Setting:
    """What stays the same between ways; made by `setting`. `compute`: fs of a GPU's own work in a step.

    `rendezvous`: late exchanges begin on all hosts at once. `faults`: how links were altered, in words; `changes`: how they
    change during the step (rule 27), times from its start.
    """

    topology: Topology
    job: Job
    plant: Plant
    network: NetworkConfig
    engine: str
    seed: int
    compute: int
    wide: tuple[Site, ...]
    rendezvous: bool = True
    faults: tuple[str, ...] = ()
    changes: tuple[LinkChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Way:
    """One way: bytes that leave a site in a step (`sent`, the most of any site; `sent_law` by formula), and times in fs.

    `communication` from the end of computing to the last gradient (the whole step for a pipeline across sites less that
    of one inside), `step`, the time of a step, each with its law; `exposed` of the step is not computing; `near`: the step
    if the wide area took no time. `rate`: bytes/s that a site needs to send `sent` in the time of computing. `packet`: bytes
    of a packet in the run; `wall` seconds; `late`: the steps of an exchange that is late.
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
    near: int
    rate: float
    packet: int
    wall: float
    late: Late | None = None

    @property
    def across(self) -> int:
        """What of the step goes away with the time that the wide area takes, fs."""
        return max(self.step - self.near, 0)

    @property
    def inside(self) -> int:
        """What of the step is neither computing nor the wide area's, fs: sums, sends and waits of the pipeline in a site."""
        return self.exposed - self.across

    def to_dict(self) -> dict[str, Any]:
        """Return the row that files hold: bytes, seconds, bytes/s."""
        times = ("communication", "communication_law", "step", "step_law", "exposed", "inside", "across")
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
    settings |= {"faults": list(at.faults), "link_changes": list(describe_changes(at.topology, at.changes))}
    settings["provenance"] = {"topology": at.topology.digest, **changes_digest(at.changes)}
    rows = [{**way.to_dict(), **({"late": way.late.to_dict()} if way.late else {})} for way in ways]
    return {**_asked(at), **settings, "ways": rows, "collsim_version": __version__}


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
