"""Schemes beside each other: the speedup of partial synchronisation over p, over stock Megatron and over its own p = 1.

Both baselines are named wherever a speedup stands: CAAT-Net's own p = 1 sends gradients in fp32, stock Megatron in bf16, so
the same run is faster by more over the first. The law is that of a time of which a share f goes with p: 1 / (1 - f (1 - p)).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from collsim.errors import InvalidValue
from collsim.network.link_changes import changes_digest, describe_changes
from collsim.sweep.tensor_parallel import TensorParallel
from collsim.sweep.tensor_parallel_point import Point
from collsim.sweep.tensor_parallel_setting import MODES, scheme_from_words, setting
from collsim.topology.graph import Topology
from collsim.units import FS_PER_SECOND
from collsim.workloads.tensor_parallel import Scheme, stock
from collsim.workloads.transformers.shape import TransformerShape

if TYPE_CHECKING:
    import pandas as pd

    from collsim.report.picture import Picture

__all__ = ["Study", "baselines", "parse_shares", "runs", "tensor_parallel"]


Watch = Callable[[Scheme], Sequence[object]]
"""Scheme -> observers of the engine's run of it."""


@dataclass(frozen=True, eq=False)
class Study:
    """`points` of one `setting` in the order asked for, between the baselines: `stock` Megatron and their `own` p = 1.

    `share`: f, the share of `own` that is gone when the blocks' collectives carry next to nothing.
    """

    setting: TensorParallel
    mode: str
    stock: Point
    own: Point
    share: float
    points: tuple[Point, ...]

    def law(self, p: float) -> float:
        """Return the speedup over the own p = 1 by 1 / (1 - f (1 - p)), which knows neither copies nor truncation."""
        return 1 / (1 - self.share * (1 - p))

    @property
    def even_message(self) -> float | None:
        """Bytes of a block's forward all-reduce at which alpha is half of its time; None where it has none."""
        exchange = self.own.message
        name = "reduce-scatter" if self.own.scheme.sequence_parallel else "all-reduce"
        whole, alpha = (self.setting.plans.alone(name, exchange, hollow) for hollow in (False, True))
        return exchange * alpha / (whole - alpha) if whole > alpha else None

    def records(self) -> list[dict[str, Any]]:
        """Return one flat row a scheme, the stock baseline first."""
        rows = []
        for role, point in (("stock", self.stock), *(("point", point) for point in self.points)):
            row = {"role": role, **point.to_dict(), "speedup_over_stock_megatron": point.over(self.stock)}
            row["speedup_over_own_p1"] = point.over(self.own) if role == "point" else None
            row["law_over_own_p1"] = self.law(point.scheme.p) if role == "point" else None
            rows.append(row)
        return rows

    def frame(self) -> pd.DataFrame:
        """Return `records` as a frame, one row a scheme."""
        import pandas as pd

        return pd.DataFrame(self.records())

    def to_dict(self) -> dict[str, Any]:
        """Return what `collsim workload tp --json` writes: times in seconds, sizes in bytes, rates in tokens/s."""
        from collsim import __version__

        setting, scheme = self.setting, self.own.scheme
        case = setting.plans.cases[0]
        return {
            "topology": case.topology.name,
            "model": setting.shape.name,
            "accelerator": setting.accelerator.name,
            "mode": self.mode,
            "tensor_parallel": setting.degree,
            "groups": [[case.topology.names[host] for host in hosts] for hosts in setting.groups],
            "sequences": setting.work.samples,
            "tokens_a_sequence": setting.work.tokens,
            "context": setting.work.context,
            "micro_batches": setting.repeats,
            "scheme": scheme.name,
            "forward_wire_bits": scheme.forward_wire,
            "backward_wire_bits": scheme.backward_wire,
            "dropped_layers": sorted(scheme.dropped),
            "ladder": scheme.ladder,
            "copies": scheme.copies,
            "stock_sequence_parallel": self.stock.scheme.sequence_parallel,
            "algorithms": {f"{name} {size}": way for (name, size), way in setting.plans.chosen.items()},
            "exposed_share_f": self.share,
            "alpha_equals_bandwidth_at_bytes": self.even_message,
            "own_p1": self.own.to_dict(),
            "rows": self.records(),
            "engine": case.engine,
            "seed": case.seed,
            "changed_settings": case.network.changed(),
            "link_changes": list(describe_changes(case.topology, case.changes)),
            "provenance": {"topology": case.topology.digest, **changes_digest(case.changes)},
            "collsim_version": __version__,
        }

    def plot(self, path: str | Path | None = None) -> Picture | None:
        """Draw speedup over p with both baselines and the law, and where the time goes, into the image file `path`.

        Without a path the picture is returned, which shows itself in a notebook.
        """
        from collsim.report.partial_sync import plot_partial_sync
        from collsim.report.picture import picture

        at = self.setting
        title = f"{at.shape.name}, {self.mode}, TP {at.degree} on {at.plans.cases[0].topology.name}"
        rows = [row for row in self.records() if row["role"] == "point"]
        stock, measure = self.records()[0], MEASURES[self.mode]
        return picture(lambda place: plot_partial_sync(rows, stock, place, title, self.share, measure), path)

    def plot_time(self, path: str | Path | None = None) -> Picture | None:
        """Draw what ranks do over the first layers of a micro-batch or pass, a panel a scheme; runs each once more.

        Into the image file `path`; without one the picture is returned.
        """
        from collsim.report.activity import plot_activity
        from collsim.report.picture import picture

        at = self.setting
        named = {"stock Megatron": self.stock.scheme}
        named |= {f"{point.scheme.name}, p = {point.scheme.p:g}": point.scheme for point in self.points}
        lines = [(name, at.kept(scheme)) for name, scheme in named.items()]
        what = {"train": "a micro-batch and the end of a step", "prefill": "a prompt", "decode": "a token"}[self.mode]
        title = f"{at.shape.name}, {what}, TP {at.degree} on {at.plans.cases[0].topology.name}"
        return picture(lambda place: plot_activity(lines, place, title), path)

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        from collsim.report.picture import html_table
        from collsim.sweep.tensor_parallel_table import table

        return html_table(*table(self))

    def __str__(self) -> str:
        return "\n".join(
            f"p {p.scheme.p:<5g} {p.time / FS_PER_SECOND:.6g} s  {p.over(self.stock):.3f}x over stock Megatron, "
            f"{p.over(self.own):.3f}x over own p = 1 (law {self.law(p.scheme.p):.3f}x)"
            for p in self.points
        )


MEASURES = {"train": "time of a training step", "prefill": "time to the first token", "decode": "time of a token"}
"""What the time of a point is called in each mode."""


def baselines(
    at: TensorParallel, scheme: Scheme, sequence_parallel: bool = False, observers: Watch = lambda _: ()
) -> tuple[Point, Point, float]:
    """Return stock Megatron, the p = 1 of `scheme`, and the share f of the latter; engines get `observers(scheme)`."""
    base, whole = stock(sequence_parallel), replace(scheme, p=1.0)
    own = at.run(whole, observers(whole))
    return at.run(base, observers(base)), own, at.exposed_share(own)


def runs(
    at: TensorParallel, scheme: Scheme, shares: Sequence[float], own: Point, observers: Watch = lambda _: ()
) -> Iterator[Point]:
    """Yield the point of each p of `shares`. Raises UsageError and RunError."""
    for p in shares:
        chosen = replace(scheme, p=p)
        yield own if p == own.scheme.p else at.run(chosen, observers(chosen))


def tensor_parallel(
    topology: str | Path | Topology,
    model: str | Path | TransformerShape,
    p: str | float | Sequence[float] = (1.0, 0.75, 0.5, 0.25),
    *,
    scheme: Scheme | Mapping[str, Any] | None = None,
    sequence_parallel: bool = False,
    **settings: Any,
) -> Study:
    """Return the study of `model` on `topology` over `p`: `settings` are those of `setting`, `scheme` all but p.

    `scheme`: a `Scheme`, or words by the names of the options of `collsim workload tp`, such as {"copies": "none"}.
    `sequence_parallel`: stock Megatron with it. Raises UsageError and RunError.

    >>> from collsim.sweep.tensor_parallel_study import tensor_parallel
    >>> study = tensor_parallel("gaudi3", "llama2-7b", [1, 0.5], mode="decode")
    >>> study.points[1].over(study.own) < 1.01
    True
    """
    at, shares = setting(topology, model, **settings), parse_shares(p)
    mode = settings.get("mode", MODES[0])
    chosen = scheme if isinstance(scheme, Scheme) else scheme_from_words(scheme or {}, at.shape.layers, mode)
    base, own, share = baselines(at, chosen, sequence_parallel)
    return Study(at, mode, base, own, share, tuple(runs(at, chosen, shares, own)))


def parse_shares(text: str | float | Sequence[float]) -> tuple[float, ...]:
    """Return the shares of "1,0.75,0.5", of a number or of a list; InvalidValue for others than 0 to 1."""
    words = text.split(",") if isinstance(text, str) else [text] if isinstance(text, int | float) else list(text)
    found = []
    for word in words:
        try:
            found.append(Scheme(p=float(word)).p)
        except ValueError:
            raise InvalidValue(f"Cannot read the share '{word}'; write numbers from 0 to 1, like 1,0.75,0.5.") from None
    if not found:
        raise InvalidValue("There is no share p; write numbers from 0 to 1, like 1,0.75,0.5.")
    return tuple(dict.fromkeys(found))
