"""What `collsim workload dp` says: the machine and the step, a row a scheme, and what to make of it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from collsim.report.describe import Rows
    from collsim.sweep.data_parallel import Place, SchemeRun, Study

__all__ = ["head_rows", "tail_rows"]


def head_rows(where: Place, runs: Sequence[SchemeRun]) -> Rows:
    """Return the machine, the step of a rank, the all-reduce of its gradients and what no scheme here gets below."""
    from collsim.network.link_changes import describe_changes
    from collsim.report.describe import machine_text
    from collsim.units import format_size, format_time

    case, step, job = where.case, where.step, where.job
    request, ranks = job.step, len(case.hosts)
    used = "" if ranks == case.topology.hosts else f", of which {ranks} hold ranks"
    model = f"{request.model} on {request.accelerator}, {runs[0].samples} samples a rank"
    update = "" if request.update is not None else f" ({request.streams} streams of the model through memory)"
    size = f"{step.size / 1e6:.1f} MB" if step.size >= 10**5 else format_size(step.size)
    rows = [
        ("Machine", machine_text(case.topology) + used),
        ("Model", model if request.compute is None else f"{model}, T_c as given"),
        (
            "Gradients",
            f"{size} of {request.word} B each; {len(step.buckets)} buckets of {format_size(request.bucket)} or more overlap",
        ),
        ("T_c", f"{format_time(step.compute)} forward and backward{_noise(where)}"),
        ("T_ar", f"{format_time(where.all_reduce(step.size))}, {where.algorithm} all-reduce alone"),
        ("T_u", f"{format_time(step.update)} update{update}"),
    ]
    rows += _bound(where, runs)
    if case.changes:
        rows.insert(1, ("Links change", "; ".join(describe_changes(case.topology, case.changes))))
    if case.faults:
        rows.insert(1, ("Faults", ", ".join(case.faults)))
    if job.eta != 1:
        rows.append(("Overlap", f"communication makes progress during {float(job.eta):g} of computing"))
    if job.rendezvous:
        rows.append(("All-reduce", "begins when the last rank is there and ends everywhere at once"))
    for run in runs:
        if run.scheme.asynchronous:
            names = ", ".join(case.topology.names[host] for host in where.servers[:4])
            apart = "beside the ranks" if where.servers[0] not in case.hosts else "on hosts of ranks"
            rows.append(("Servers", f"{len(where.servers)} {apart}: {names}"))
    return rows


def _bound(where: Place, runs: Sequence[SchemeRun]) -> Rows:
    from collsim.units import format_time

    found = [run.least for run in runs if run.least is not None]
    if not found:
        return []
    bound = min(found)
    rest = "T_c + T_u with nothing to wait for"
    if bound != where.step.compute + where.step.update:
        rest = "what the rank with the most to do computes and updates in this run"
    asynchronous = "; asgd waits for nobody and has none" if len(found) < len(runs) else ""
    return [("Bound", f"{format_time(float(bound))} an iteration, {rest}{asynchronous}")]


def _noise(where: Place) -> str:
    from collsim.units import format_time

    noise = where.job.jitter
    words = [f"varying by {noise.variation:g} ({noise.distribution})"] if noise.variation else []
    words += [f"rank {rank} {float(factor):g} times as long" for rank, factor in noise.slow]
    words += [f"rank {rank} {format_time(time)} late in iteration {k}" for rank, k, time in noise.late]
    return "".join(f", {word}" for word in words)


def tail_rows(study: Study) -> Rows:
    """Return laws, settings, engine, notes and what to try."""
    first = study.runs[0].place
    job, case = first.job, first.case
    laws = {run.scheme.name: run.scheme.law_text for run in study.runs}
    hops, wall = sum(run.packet_hops for run in study.runs), sum(run.wall for run in study.runs)
    measured = f"{job.iterations} iterations, those from {job.warmup} on measured"
    rows = [("Law", f"{name}: {text}") for name, text in laws.items()]
    if not job.jitter.deterministic:
        rows.append(("", "with noise: the recurrence of docs/data-parallel.md, on the same draws"))
    rows.append(("Bottleneck", _bottleneck(study)))
    rows.append(("Settings", ", ".join(case.network.describe_changes()) or "all at their defaults"))
    rows.append(("Engine", f"{case.engine}, {measured}, {hops:,} packet-hops in {wall:.2f} s, seed {case.seed}"))
    return [*rows, *_notes(study), ("Try next", _next(study))]


def _bottleneck(study: Study) -> str:
    """Return what the fastest scheme waits for most."""
    from collsim.units import format_time

    best = min(study.runs, key=lambda run: run.mean)
    step, name = best.place.step, best.scheme.name
    parts = {"computing": best.computing, "the update": float(step.update), "communication and others": best.exposed}
    most = max(parts, key=lambda part: parts[part])
    return f"{most}, {format_time(parts[most])} of {format_time(float(best.mean))} under {name}, the fastest here"


def _notes(study: Study) -> Rows:
    from collsim.simulate import unknown_to_engine
    from collsim.units import format_size

    case = study.runs[0].place.case
    rows = [("Note", text) for text in unknown_to_engine(case.engine, case.network, case.topology)]
    for run in study.runs:
        payload = run.place.server_case.network.packet.packet_payload if run.scheme.asynchronous else 0
        if payload > run.place.case.network.packet.packet_payload:
            rows.append(
                (
                    "Note",
                    f"asgd: packets of {format_size(payload)}, as they meet at servers; --set packet_payload=... chooses.",
                )
            )
            break
    if case.changes:
        rows.append(
            (
                "Note",
                "TIME of a change counts from the start of each scheme's run; T_ar and the laws are of links as they are "
                "before any changes.",
            )
        )
    elif any(not run.exact and run.predicted is not None for run in study.runs):
        rows.append(
            (
                "Note",
                "The law takes an all-reduce as a meeting of all ranks: --rendezvous makes it one, else ranks come and go.",
            )
        )
    return rows


def _next(study: Study) -> str:
    first = study.runs[0].place
    words = ["collsim", "workload", "dp", "--model", first.job.step.model, "--ranks", str(study.runs[0].ranks)]
    topo = [*first.case.request, *(["--algo", first.algorithm] if first.algorithm != "ring" else [])]
    tail = ["--jitter", "0.1"] if first.job.jitter.deterministic else ["--rendezvous"]
    return shlex.join([*words, *topo, "--scheme", "ssgd,dcs3gd", *tail])
