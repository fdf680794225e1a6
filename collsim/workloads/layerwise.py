"""One iteration of data-parallel training, layer by layer: forward, both gradients backwards, all-reduce of the gradients.

Every node trains the same network on its own samples, so all nodes compute alike. Gradients travel in buckets: layers are
put together from the last one backwards until a bucket is full. Without overlap the all-reduces begin when all gradients
are there; with overlap each begins on a node when its bucket is complete there, while layers before it still compute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from collsim.collectives.schedule import Schedule
from collsim.errors import InvalidValue
from collsim.program import Call, Compute, Operation, Program
from collsim.result import Result
from collsim.workloads.accelerators.accelerator import Accelerator, PassTimes, pass_times
from collsim.workloads.layers import Network

__all__ = ["Breakdown", "Bucket", "Iteration", "Training", "distinct_buckets", "training_iteration"]

Plan = Callable[[int], Schedule]


@dataclass(frozen=True, slots=True)
class Training:
    """How a network is trained. `samples` of a mini-batch a node; `word` bytes a gradient; `others`: gradients of biases and
    normalisation travel with those of the weights of their layer.

    `overlap`: all-reduces begin during back-propagation. `bucket`: bytes from which a bucket is full, 0 for every layer by
    itself, None for one bucket of everything. `serial`: the all-reduces of a node take turns, in the order in which they
    get ready; else all that are ready run side by side. `first_input_gradient`: compute the gradient with respect to the
    network's own input as well, as MULTITREE's simulator does; nobody needs it. `by_layer`: one computation a pass of a
    layer, for traces, instead of one between two all-reduces; the times are the same.
    """

    samples: int = 16
    word: int = 4
    overlap: bool = True
    bucket: int | None = 0
    serial: bool = True
    first_input_gradient: bool = True
    by_layer: bool = False
    others: bool = False

    def __post_init__(self) -> None:
        if min(self.samples, self.word) < 1:
            raise InvalidValue(f"Training takes {self.samples} samples and {self.word} B a gradient; both are at least 1.")
        if self.bucket is not None and self.bucket < 0:
            raise InvalidValue(f"A bucket of {self.bucket} B does not exist; use 0 for every layer by itself.")


@dataclass(frozen=True, slots=True)
class Bucket:
    """Gradients that travel together: `layers` (indices, from the last), `size` bytes, `ready` fs on every node.

    `ready` counts from the start of the iteration and is when its all-reduce may begin for all that computing knows.
    """

    layers: tuple[int, ...]
    size: int
    ready: int


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Where the time of an iteration went, fs.

    `compute`: computing of a node, the same on all. `communication`: time in which an all-reduce was ready and not complete
    on every node. `exposed`: what of the iteration computing does not cover, `time - compute`, on the node that ends last.
    """

    time: int
    compute: int
    communication: int
    exposed: int

    @property
    def hidden(self) -> int:
        """Communication that computing covered."""
        return self.communication - self.exposed


@dataclass(frozen=True, slots=True, eq=False)
class Iteration:
    """A program and what is needed to read its result.

    `forward`, `backward`: fs that a node computes. `buckets` in the order of their all-reduces; `calls`: the operation of
    each. `times`: of each layer, with the first input gradient left out where `Training` says so.
    """

    program: Program
    network: Network
    training: Training
    times: tuple[PassTimes, ...]
    buckets: tuple[Bucket, ...]
    calls: tuple[int, ...]

    @property
    def forward(self) -> int:
        """Time of the forward pass, fs."""
        return sum(t.forward for t in self.times)

    @property
    def backward(self) -> int:
        """Time of back-propagation, fs."""
        return sum(t.backward for t in self.times)

    @property
    def compute(self) -> int:
        """Time that a node computes, fs; no iteration is shorter."""
        return self.forward + self.backward

    @property
    def gradient_bytes(self) -> int:
        """Bytes of all gradients."""
        return sum(bucket.size for bucket in self.buckets)

    def breakdown(self, result: Result) -> Breakdown:
        """Return where the time of `result`, a run of this program, went."""
        spans = [
            (bucket.ready, int(result.operation_finish[call])) for bucket, call in zip(self.buckets, self.calls, strict=True)
        ]
        return Breakdown(result.time, self.compute, _covered(spans), int(result.host_exposed.max(initial=0)))


def training_iteration(
    network: Network, accelerator: Accelerator, plan: Schedule | Plan, training: Training | None = None
) -> Iteration:
    """Return one iteration of `network` on nodes that are `accelerator`s each.

    `plan`: the all-reduce of all buckets, or a function from bytes to one, asked once for each size (a schedule that it
    returns again is shared). All schedules run among the same hosts, which are those that compute.
    """
    chosen = training or Training()
    times = [pass_times(accelerator, layer, chosen.samples) for layer in network.layers]
    if not chosen.first_input_gradient:
        times[0] = PassTimes(times[0].forward, 0, times[0].weight_gradient)
    if not network.parameters:
        raise InvalidValue(
            f"The network '{network.name}' holds no weights, so no gradients are summed; give a trained layer."
        )
    sizes = [(layer.all_parameters if chosen.others else layer.parameters) * chosen.word for layer in network.layers]
    buckets = _ready(_fill(sizes, chosen.bucket), times, chosen.overlap)
    schedules = _schedules(plan, buckets)
    groups = {tuple(sorted(schedule.ranks_to_hosts.tolist())) for schedule in schedules}
    if len(groups) > 1:
        raise InvalidValue("The all-reduces of an iteration run among different hosts; plan all of them for one group.")
    writer = _Writer(groups.pop(), chosen.by_layer)
    calls = _write(writer, network, times, buckets, schedules, chosen)
    return Iteration(Program(tuple(writer.operations)), network, chosen, tuple(times), buckets, calls)


def distinct_buckets(network: Network, sizes: Iterable[int], word: int = 4) -> list[int]:
    """Return those of `sizes` (bytes) that lead to different buckets, ascending; of equals the smallest."""
    layers = [layer.parameters * word for layer in network.layers]
    found: dict[tuple[tuple[int, ...], ...], int] = {}
    for size in sorted(set(sizes)):
        found.setdefault(tuple(layers for layers, _ in _fill(layers, size)), size)
    return list(found.values())


@dataclass(slots=True, eq=False)
class _Writer:
    """Writes operations. What every host computes gathers in `pending` until something else depends on it or all is told.

    `last`: of each host, the operation that computed there last.
    """

    hosts: tuple[int, ...]
    by_layer: bool
    operations: list[Operation] = field(default_factory=list)
    last: tuple[int, ...] = ()
    pending: int = 0
    labels: list[str] = field(default_factory=list)

    def compute(self, duration: int, label: str) -> None:
        """Let every host compute for `duration`, after what it has computed before."""
        self.pending += duration
        self.labels.append(label)
        if self.by_layer:
            self.flush()

    def flush(self) -> None:
        """Write what is pending as one computation a host."""
        if not self.labels:
            return
        label = self.labels[0] if len(self.labels) == 1 else f"{self.labels[0]} .. {self.labels[-1]}"
        before: list[tuple[int, ...]] = [(op,) for op in self.last]
        before = before or [()] * len(self.hosts)
        begin = len(self.operations)
        for host, deps in zip(self.hosts, before, strict=True):
            self.operations.append(Compute(host, self.pending, deps, label))
        self.last = tuple(range(begin, len(self.operations)))
        self.pending, self.labels = 0, []

    def call(self, schedule: Schedule, size: int, after: Sequence[int], label: str) -> int:
        """Write a call that waits for what each host has computed so far and for `after`; return its index."""
        self.flush()
        self.operations.append(Call(schedule, size, (*self.last, *after), label))
        return len(self.operations) - 1


def _write(
    writer: _Writer,
    network: Network,
    times: Sequence[PassTimes],
    buckets: Sequence[Bucket],
    schedules: Sequence[Schedule],
    training: Training,
) -> tuple[int, ...]:
    """Write the iteration and return the operations of its calls."""
    calls: list[int] = []

    def send(bucket: Bucket) -> None:
        names = [network.layers[index].name for index in (bucket.layers[0], bucket.layers[-1])]
        label = "all-reduce " + " .. ".join(dict.fromkeys(names))
        after = calls[-1:] if training.serial else []
        calls.append(writer.call(schedules[len(calls)], bucket.size, after, label))

    for layer, time in zip(network.layers, times, strict=True):
        writer.compute(time.forward, f"{layer.name} forward")
    closes = {bucket.layers[-1]: bucket for bucket in buckets} if training.overlap else {}
    for index in reversed(range(len(times))):
        name = network.layers[index].name
        if index or training.first_input_gradient:
            writer.compute(times[index].input_gradient, f"{name} input gradient")
        writer.compute(times[index].weight_gradient, f"{name} weight gradient")
        if index in closes:
            send(closes[index])
    writer.flush()
    if not training.overlap:
        for bucket in buckets:
            send(bucket)
    return tuple(calls)


def _fill(sizes: Sequence[int], full: int | None) -> list[tuple[tuple[int, ...], int]]:
    """Return (layers, bytes) of each bucket, from the last layer backwards; layers without gradients are passed over."""
    buckets: list[tuple[tuple[int, ...], int]] = []
    layers: list[int] = []
    held = 0
    for index in reversed(range(len(sizes))):
        if not sizes[index]:
            continue
        layers.append(index)
        held += sizes[index]
        if full is not None and held >= full:
            buckets.append((tuple(layers), held))
            layers, held = [], 0
    return [*buckets, (tuple(layers), held)] if layers else buckets


def _ready(filled: Iterable[tuple[tuple[int, ...], int]], times: Sequence[PassTimes], overlap: bool) -> tuple[Bucket, ...]:
    forward = sum(t.forward for t in times)
    return tuple(
        Bucket(layers, size, forward + sum(t.backward for t in (times[layers[-1] :] if overlap else times)))
        for layers, size in filled
    )


def _schedules(plan: Schedule | Plan, buckets: Sequence[Bucket]) -> list[Schedule]:
    """Return the schedule of each bucket, the same object for the same size."""
    if isinstance(plan, Schedule):
        return [plan] * len(buckets)
    known = {size: plan(size) for size in dict.fromkeys(bucket.size for bucket in buckets)}
    return [known[bucket.size] for bucket in buckets]


def _covered(spans: Iterable[tuple[int, int]]) -> int:
    """Return the length of the union of (begin, end)."""
    total = reached = 0
    for begin, end in sorted(spans):
        total += max(end - max(begin, reached), 0)
        reached = max(reached, end)
    return total
