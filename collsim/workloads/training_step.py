"""The step of a rank in data-parallel training: times of computing and updating, bytes to sum, and their buckets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

from collsim.collectives.schedule import Schedule
from collsim.errors import InvalidValue
from collsim.units import FS_PER_SECOND, MAX_TIME
from collsim.workloads.accelerators.accelerator import ACCELERATORS
from collsim.workloads.layers import NETWORKS
from collsim.workloads.layerwise import Training, training_iteration
from collsim.workloads.transformers.shape import TRANSFORMERS

__all__ = ["StepRequest", "TrainingStep"]


@dataclass(frozen=True, slots=True)
class TrainingStep:
    """`compute`: forward and backward, fs; `update`: fs; `size`: bytes of all gradients, `buckets` of them (bytes, share of
    computing after which they are there).
    """

    compute: int
    update: int
    size: int
    buckets: tuple[tuple[int, Fraction], ...]


@dataclass(frozen=True, slots=True)
class StepRequest:
    """How a rank trains. `samples` of a mini-batch a rank; `word` bytes a gradient; `bucket` bytes from which one is full.

    An update reads and writes `streams` vectors as large as the model, at the bandwidth of the accelerator's memory or at
    `memory_bandwidth` bytes/s. `compute` (fs), `update` (fs) and `size` (bytes) replace what follows from model and
    accelerator. Raises InvalidValue for numbers that make no sense.
    """

    model: str = "resnet50"
    accelerator: str = "a100"
    samples: int = 64
    word: int = 4
    bucket: int = 25 * 2**20
    streams: int = 9
    memory_bandwidth: int | None = None
    compute: int | None = None
    update: int | None = None
    size: int | None = None

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise InvalidValue(f"A mini-batch of {self.samples} samples a rank does not train; take 1 or more.")
        if not 1 <= self.word <= 8:
            raise InvalidValue(f"A gradient of {self.word} bytes does not exist; take 4 for fp32 or 2 for bf16.")
        if not 0 <= self.streams <= 1000:
            raise InvalidValue(f"An update of {self.streams} memory streams does not exist; SGD takes 5, DC-S3GD 8 to 10.")
        if self.compute is not None and self.compute < 1:
            raise InvalidValue("Computing takes no time; give a time above zero.")
        if self.size is not None and self.size < 1:
            raise InvalidValue("There are no gradients to sum; give a payload of 1 byte or more.")

    def step(self, plan: Callable[[int], Schedule]) -> TrainingStep:
        """Return the step, its buckets by `training_iteration`, which takes `plan`. Raises UnknownName and InvalidValue."""
        if self.model not in NETWORKS and self.model in TRANSFORMERS:
            raise InvalidValue(
                f"'{self.model}' is a transformer, whose step 'collsim workload tp' times; here networks layer by layer are "
                f"trained: {', '.join(sorted(NETWORKS))}."
            )
        network, accelerator = NETWORKS.get(self.model), ACCELERATORS.get(self.accelerator)
        chosen = Training(self.samples, self.word, bucket=self.bucket, first_input_gradient=False, others=True)
        iteration = training_iteration(network, accelerator, plan, chosen)
        own = iteration.gradient_bytes
        size = own if self.size is None else self.size
        ends = [sum(b.size for b in iteration.buckets[: k + 1]) * size // own for k in range(len(iteration.buckets))]
        sizes = [end - begin for begin, end in zip([0, *ends], ends, strict=False)]
        shares = [Fraction(b.ready, iteration.compute) for b in iteration.buckets]
        buckets = tuple((s, share) for s, share in zip(sizes, shares, strict=True) if s)
        compute = iteration.compute if self.compute is None else self.compute
        return TrainingStep(compute, self.update_time(size), size, buckets)

    def update_time(self, size: int) -> int:
        """Return fs of an update of `size` bytes of weights."""
        if self.update is not None:
            return self.update
        accelerator = ACCELERATORS.get(self.accelerator)
        known: int = getattr(accelerator, "memory_bandwidth", 0)
        rate = Fraction(self.memory_bandwidth or known)
        if not rate and self.streams:
            raise InvalidValue(
                f"The memory bandwidth of '{self.accelerator}' is not known; give --memory-bandwidth or --update-time."
            )
        if self.memory_bandwidth is None:
            rate *= Fraction(str(getattr(accelerator, "memory_efficiency", 1)))
        time = -(-self.streams * size * FS_PER_SECOND // rate) if self.streams else 0
        if time > MAX_TIME:
            raise InvalidValue("An update takes longer than the clock counts; give more bandwidth or fewer streams.")
        return int(time)

    def for_ranks(self, ranks: int, whole: int | None) -> StepRequest:
        """Return the request of one of `ranks` that share `whole` samples; the same for all where `whole` is None."""
        if whole is None:
            return self
        if whole % ranks or whole < ranks:
            raise InvalidValue(
                f"A global batch of {whole} samples does not divide among {ranks} ranks; take a multiple of {ranks}."
            )
        return replace(self, samples=whole // ranks)
