"""The machine of so many data-parallel ranks: a name as it is, a family sized by the ranks, or one switch."""

from __future__ import annotations

from collsim.errors import InvalidValue

__all__ = ["machine_name"]

DEFAULT = "switch"
SIZED = ("full", "hypercube", "mesh", "ring", "switch", "torus")


def machine_name(topology: str | None, ranks: int, hosts: int) -> str:
    """Return the name of the machine that `topology` means for `ranks` ranks.

    None is one switch with `hosts` hosts (ranks and parameter servers). A family without numbers is as large as there are
    ranks, torus and mesh two-dimensional and as square as possible; "{ranks}" in a name is replaced. Raises InvalidValue
    where a family cannot be sized so.
    """
    if topology is None:
        return f"{DEFAULT}{hosts}"
    if "{ranks}" in topology:
        return topology.replace("{ranks}", str(ranks))
    if topology in ("torus", "mesh"):
        short = next(side for side in range(int(ranks**0.5), 0, -1) if ranks % side == 0)
        if short == 1:
            raise InvalidValue(f"{ranks} ranks do not form a {topology} of two dimensions; take a number with a divisor.")
        return f"{topology}{ranks // short}x{short}"
    if topology in SIZED:
        return f"{topology}{hosts if topology == 'switch' else ranks}"
    return topology
