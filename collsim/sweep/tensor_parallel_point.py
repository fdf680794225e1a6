"""What one scheme takes: times, bytes and collectives of one training step, one prompt or one token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from collsim.units import FS_PER_SECOND
from collsim.workloads.tensor_parallel import Scheme

__all__ = ["Point"]


@dataclass(frozen=True, slots=True)
class Point:
    """One scheme timed. Times in fs, bytes of one rank; `time` is that of `repeats` micro-batches and the end of a step.

    `compute`, `copies`: what a rank computes and copies in `time`. `communication`: the collectives' times, each by itself,
    added up; `alpha`: the same with next to no bytes. `bound`: what of it is exposed at least, with any algorithm. `tokens`
    of all groups together. Of one micro-batch (or pass): `forward`, `backward` bytes handed to all-reduces, `collectives`,
    `sent` bytes on the wire; at the step's end `step` bytes. `summed` channels; `message`: bytes of a block's forward
    all-reduce. `apart`: how far apart the ranks end a micro-batch; `settled`: no messages met in it, and none
    had a choice of ways. `trains`: share of the packet-hops that were simulated as message trains; `whole`: the
    micro-batches and the end of the step were simulated in a row; `wall` seconds it took.
    """

    scheme: Scheme
    summed: int
    message: int
    repeats: int
    tokens: int
    time: int
    compute: int
    copies: int
    communication: int
    alpha: int
    bound: int
    forward: int
    backward: int
    step: int
    collectives: int
    sent: int
    apart: int
    settled: bool
    packet_hops: int
    trains: float
    wall: float
    whole: bool = False

    @property
    def exposed(self) -> int:
        """Communication that computing does not cover, fs."""
        return self.time - self.compute - self.copies

    @property
    def alpha_share(self) -> float:
        """Share of the communication that does not depend on bytes; 0 where there is none."""
        return self.alpha / self.communication if self.communication else 0.0

    @property
    def tokens_per_s(self) -> float:
        """Tokens of all groups over the time."""
        return self.tokens * FS_PER_SECOND / max(self.time, 1)

    @property
    def exact(self) -> bool:
        """Whether `repeats` times one micro-batch is what `repeats` in a row take, to the tick.

        It is if each begins as the first did: all ranks at one tick, and nothing left in the network that would choose
        otherwise (turns of arbiters, draws among equal ways).
        """
        return self.whole or self.repeats == 1 or (self.apart == 0 and self.settled)

    def over(self, baseline: Point) -> float:
        """Return the speedup over `baseline`: its time over this one."""
        return baseline.time / max(self.time, 1)

    def to_dict(self) -> dict[str, Any]:
        """Return one flat row: times in seconds, bytes of one rank and one micro-batch or pass."""
        times = {
            name: getattr(self, name) for name in ("time", "compute", "copies", "communication", "exposed", "alpha", "bound")
        }
        return {
            "scheme": self.scheme.name,
            "p": self.scheme.p,
            "summed_channels": self.summed,
            "block_message_bytes": self.message,
            "micro_batches": self.repeats,
            "collectives": self.collectives,
            "payload_forward_bytes": self.forward,
            "payload_backward_bytes": self.backward,
            "payload_step_bytes": self.step,
            "sent_bytes": self.sent,
            **{f"{name}_s": value / FS_PER_SECOND for name, value in times.items()},
            "alpha_share": self.alpha_share,
            "tokens": self.tokens,
            "tokens_per_s": self.tokens_per_s,
            "exact": self.exact,
            "settled": self.settled,
            "ranks_end_apart_s": self.apart / FS_PER_SECOND,
            "packet_hops": self.packet_hops,
            "train_fraction": self.trains,
            "wall_s": self.wall,
        }
