"""Machines and plans as values of a notebook's cells: a topology draws itself, a schedule shows its steps.

Both lie below reports and know nothing of drawings, so IPython is told here which function shows which type. It is told by
name, so that nothing is imported before something is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collsim.collectives.schedule import Schedule
    from collsim.topology.graph import Topology

__all__ = ["drawing", "register", "steps_table"]

MOST_NODES = 4096
"""Machines with more nodes are told in words alone: drawing them takes long, and nothing can be made out."""
MOST_STEPS = 40


def register(shell: Any) -> None:
    """Tell an IPython shell how to show topologies and schedules."""
    formatters = shell.display_formatter.formatters
    formatters["image/png"].for_type_by_name("collsim.topology.graph", "Topology", drawing)
    formatters["text/html"].for_type_by_name("collsim.collectives.schedule", "Schedule", steps_table)


def drawing(topology: Topology) -> tuple[bytes, dict[str, int]] | None:
    """Return the drawing of `topology` and how wide to show it; None for a machine too large."""
    if topology.nodes > MOST_NODES:
        return None
    from collsim.report.picture import picture
    from collsim.report.plot import plot_topology

    drawn = picture(lambda place: plot_topology(topology, place), None)
    return None if drawn is None else drawn._repr_png_()


def steps_table(schedule: Schedule) -> str:
    """Return the steps of `schedule` as an HTML table: transfers, how many add up, who sends, and bytes for 1 MiB."""
    from collsim.collectives.schedule import REDUCE
    from collsim.report.picture import html_table
    from collsim.units import format_size

    rows, sizes = [], schedule.message_bytes(2**20)
    for step in range(min(schedule.steps, MOST_STEPS)):
        own = schedule.step == step
        adding = int((own & (schedule.op == REDUCE)).sum())
        senders = len(set(schedule.src[own].tolist()))
        many = int(own.sum())
        rows.append(
            [str(step), f"{many:,}", f"{adding:,}", f"{many - adding:,}", f"{senders:,}", format_size(int(sizes[own].sum()))]
        )
    heads = ["step", "transfers", "reduces", "copies", "ranks that send", "bytes sent (buffers of 1 MiB)"]
    more = f"; {schedule.steps - MOST_STEPS:,} more steps" if schedule.steps > MOST_STEPS else ""
    return html_table(heads, rows, left=0, note=f"{schedule!r}{more}")
