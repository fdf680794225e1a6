"""What the report of `collsim workload tp` says, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collsim.report.describe import Rows
    from collsim.sweep.tensor_parallel_study import Study

__all__ = ["head_rows", "tail_rows"]


def head_rows(study: Study) -> Rows:
    """Return what is run where."""
    from collsim.network.link_changes import describe_changes
    from collsim.report.describe import machine_text

    at, device = study.setting, study.setting.accelerator
    shape, case = at.shape, at.plans.cases[0]
    weights = f"{shape.parameters / 1e6:,.0f} M parameters"
    reached = f"{device.compute_efficiency:.0%} of the peak, {device.memory_efficiency:.0%} of the memory's rate"
    rows = [
        ("Machine", machine_text(case.topology)),
        *([("Faults", ", ".join(case.faults))] if case.faults else []),
        *([("Links change", "; ".join(describe_changes(case.topology, case.changes)))] if case.changes else []),
        ("Model", f"{shape.name}: {shape.layers} layers, {shape.hidden} channels, {weights} ({shape.title})"),
        ("Accelerator", f"{device.about}; products reach {reached}"),
        *(at.layout.rows() if at.layout else []),
        ("Work", _work(study)),
        ("Scheme", _scheme(study)),
        ("Algorithm", _algorithm(study)),
    ]
    line = at.plans.proof(study.own.message).line
    split = [(p.scheme.p, p.message) for p in study.points if 0 < p.summed < shape.hidden]
    local = [f"p = {p:g}: {at.plans.proof(size, p, shape.hidden).local}" for p, size in split]
    return [*rows, ("Verified", line), *([("Private", f"{'; '.join(local)}, proved out of reach")] if local else [])]


def _work(study: Study) -> str:
    work, at = study.setting.work, study.setting
    many = f"{work.samples} sequence{'s' * (work.samples > 1)}"
    if study.mode == "train":
        count = f"{at.repeats:,} micro-batch{'es' * (at.repeats > 1)} of {many} of {work.tokens:,} tokens a group"
        return f"a training step: {count}, forward and back, then the optimiser"
    if study.mode == "prefill":
        return f"prompts of {work.tokens:,} tokens, {many} a group, up to the first token"
    return f"one token of each of {many} a group behind {work.cached:,} others"


def _scheme(study: Study) -> str:
    scheme = study.own.scheme
    wires = f"forward {scheme.forward_wire} bits a number"
    wires += f", backward {scheme.backward_wire}" if study.mode == "train" else ""
    words = [f"{scheme.name}, {wires}"]
    words += [f"no all-reduce behind attention in {len(scheme.dropped)} layers (Sync-Point Drop)"] if scheme.dropped else []
    words += ["Ladder-Residual: the last all-reduce runs beside the next block"] if scheme.ladder else ["blocking"]
    words += [f"copies {scheme.copies}"] if scheme.name == "caatnet" else []
    stock = "reduce-scatter and all-gather" if study.stock.scheme.sequence_parallel else "all-reduce"
    return f"{'; '.join(words)}. Stock Megatron: every channel, 16 bits both ways, {stock}, blocking"


def _algorithm(study: Study) -> str:
    from collsim.units import format_size

    chosen = study.setting.plans.chosen
    names = list(dict.fromkeys(chosen.values()))
    if len(names) == 1:
        return f"{names[0]} for every size"
    return ", ".join(f"{way} ({name} of {format_size(size)})" for (name, size), way in sorted(chosen.items()) if size)


def tail_rows(study: Study) -> Rows:
    """Return how to read the table, and what to know of it."""
    case = study.setting.plans.cases[0]
    return [
        ("Columns", _columns(study)),
        ("Law", f"1 / (1 - f (1 - p)) with f = {study.share:.4f}, the share of its own p = 1 that a block's bytes take"),
        ("Alpha", _alpha(study)),
        *_copies(study),
        ("Bound", _bound(study)),
        ("Exact", _exact(study)),
        ("Engine", f"{case.engine}, {_hops(study)}"),
        ("Settings", ", ".join(case.network.describe_changes()) or "all at their defaults"),
        *(("Note", text) for text in notes(study)),
    ]


def _columns(study: Study) -> str:
    training = study.mode == "train"
    passes = "forward and backward are bytes" if training else "forward is bytes"
    unit = "micro-batch" if training else "pass"
    return (
        f"{passes} that a rank hands to all-reduces in a {unit} of so many collectives; alpha is the share of communication "
        "that does not depend on bytes"
    )


def _alpha(study: Study) -> str:
    from collsim.units import format_size, format_time

    message = study.own.message
    alpha = study.setting.plans.alone("all-reduce", message, hollow=True)
    text = f"an all-reduce of next to no bytes takes {format_time(alpha)}"
    if study.even_message is None:
        return text
    least = min((p for p in study.points if p.message), key=lambda p: p.message, default=study.own)
    even = round(study.even_message)
    gone = " (at p = 0 those of blocks are gone, alpha with them)" * any(not p.message for p in study.points)
    wins = "alpha decides" if least.message < even else "bytes decide"
    return (
        f"{text}, as long as the bytes of one of {format_size(even)} beyond that; a block's at p = {least.scheme.p:g} holds "
        f"{format_size(least.message)}, so {wins} and their number, {least.collectives}, does not fall with p{gone}"
    )


def _copies(study: Study) -> Rows:
    """Return what would be without packing and joining; nothing where there are none, or a ladder hides some."""
    if study.own.scheme.ladder or not any(point.copies for point in study.points):
        return []
    own = study.own.time - study.own.copies
    rest = [
        f"{own / max(p.time - p.copies, 1):.3f}x ({study.stock.time / max(p.time - p.copies, 1):.3f}x over stock) at p = "
        f"{p.scheme.p:g}"
        for p in study.points
        if p.copies
    ]
    return [("Copies", f"fused into their neighbours (--copies none) they would leave {', '.join(rest)} over its own p = 1")]


def _bound(study: Study) -> str:
    from collsim.sweep.tensor_parallel_table import NAMES
    from collsim.units import format_time

    least = study.points[-1]
    reached = f" ({least.bound / least.exposed:.1%} of it reached)" if least.exposed > 0 else ""
    whole = format_time(least.compute + least.copies + least.bound)
    return (
        f"communication of p = {least.scheme.p:g} exposes at least {format_time(least.bound)} with any algorithm{reached}; "
        f"{NAMES[study.mode]} at least {whole}"
    )


def _exact(study: Study) -> str:
    from collsim.units import format_time

    points = [study.stock, study.own, *study.points]
    count = study.setting.repeats
    if count == 1 or all(point.whole for point in points):
        return "all of it was simulated"
    if all(point.exact for point in points):
        same = "as all ranks end it at the same tick and no messages met"
        return f"one micro-batch was simulated; {count:,} take {count:,} times as long, {same}"
    apart = max(point.apart for point in points)
    why = f"ranks end it up to {format_time(apart)} apart" if apart else "messages may meet otherwise in the next"
    return f"one micro-batch was simulated and taken {count:,} times, an estimate, as {why}"


def _hops(study: Study) -> str:
    points = [study.stock, *study.points]
    hops, wall = sum(p.packet_hops for p in points), sum(p.wall for p in points)
    share = min(p.trains for p in points)
    trains = (
        ", all as message trains" if share >= 1 else f", at least {share:.0%} of each run as message trains" * (share > 0)
    )
    return f"{hops:,} packet-hops in {wall:.2g} s{trains}"


def notes(study: Study) -> list[str]:
    """Return what a reader must know: unequal wires, memory, ways of messages."""
    at, case = study.setting, study.setting.plans.cases[0]
    found = []
    scheme = study.own.scheme
    if study.mode == "train" and scheme.backward_wire > study.stock.scheme.backward_wire:
        found.append(
            f"Its own p = 1 sends gradients in {scheme.backward_wire} bits, stock Megatron in 16, and is "
            f"{study.own.time / study.stock.time:.2f} times as slow; speedups over it make good for that first."
        )
    if case.changes:
        found.append(
            "TIME of a change counts from the start of each scheme's step; alpha and the choice of algorithms are of links "
            "as they are before any changes, and the bound of each link at its fastest."
        )
    need, there = at.memory(), at.accelerator.memory
    if need > there:
        found.append(
            f"Weights and what belongs to them take {need / 1e9:,.0f} GB of each rank, more than the {there / 1e9:,.0f} GB "
            f"of {at.accelerator.name}, activations not counted; times are as if they fitted."
        )
    if len(at.groups) > 1 and study.mode == "train":
        share = 4 * at.shape.parts(at.degree).total
        hosts = ", ".join(case.topology.names[group[0]] for group in at.groups[:4]) + (", ..." if len(at.groups) > 4 else "")
        found.append(
            "The groups' gradients are not summed between them, which is the same for all rows: an all-reduce of "
            f"{share / 1e9:,.2f} GB in fp32 among {hosts}, and among each of the other places of a group at the same time. "
            f"'collsim run --size {share} --placement FILE' times one of them, FILE naming these hosts."
        )
    size = max(study.own.message, 1)
    return [*found, *case.run(at.plans.choice("all-reduce", size), size).warnings]


def next_words(study: Study) -> dict[str, str]:
    """Return which option to change, by name: what stands most in the way of a speedup."""
    scheme, least = study.own.scheme, min(study.points, key=lambda p: p.time)
    if least.alpha_share > 0.5:
        return {"batch": str(8 * study.setting.work.samples)}
    if least.copies > 0.05 * least.time:
        return {"copies": "none"}
    if study.mode == "train" and scheme.backward_wire > study.stock.scheme.backward_wire:
        return {"backward_wire": "bf16"}
    return {"mode": "decode"} if study.mode != "decode" else {"algo": "auto"}
