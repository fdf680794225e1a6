"""The schemes of the MULTITREE study and the networks it puts them on: what runs, with which settings, and how it is drawn.

Everything runs on the preset of the study. MULTITREE alone works off tables in lockstep; the other schemes send when their
data is there (`nic_scheduler=lowest-step`). What lockstep would do to them is a row of the ablation.
"""

from __future__ import annotations

from dataclasses import dataclass

GRID, SWITCH = "multitree-isca21", "multitree-isca21-switch"
FREE = (("nic_scheduler", "lowest-step"),)


@dataclass(frozen=True)
class Scheme:
    """`settings` on top of the preset; `on` grids (torus, mesh) also `grid_settings`; `where`: families it runs on."""

    name: str
    algorithm: str
    settings: tuple[tuple[str, str], ...]
    colour: str
    marker: str
    where: tuple[str, ...] = ("torus", "mesh", "fattree", "bigraph")
    grid_settings: tuple[tuple[str, str], ...] = ()

    def runs_on(self, topology: str) -> bool:
        """Whether the study (or its mapping) has this scheme on `topology`."""
        return topology.startswith(self.where)

    def settings_on(self, topology: str) -> tuple[tuple[str, str], ...]:
        """Return (leaf, value) on top of the preset of `topology`, sorted."""
        extra = self.grid_settings if preset_of(topology) == GRID else ()
        return tuple(sorted({**dict(self.settings), **dict(extra)}.items()))


RING = Scheme("RING", "ring:order=isca21", FREE, "#7F7F7F", "o")
DBTREE = Scheme("DBTREE", "double-binary-tree:cut=ranks", FREE, "#E69F00", "^", grid_settings=(("ports", "1"),))
RING_2D = Scheme("2D-RING", "2d-ring-isca21", FREE, "#56B4E9", "s", ("torus", "mesh"))
HIERARCHICAL = Scheme("2D ring, hierarchical", "2d-ring:parts=4", FREE, "#009E73", "D", ("torus", "mesh"))
HDRM = Scheme("HDRM", "hdrm", FREE, "#CC79A7", "v", ("bigraph",))
MULTITREE = Scheme("MULTITREE", "multitree", (), "#0072B2", "P")
MESSAGE = Scheme("MULTITREEMSG", "multitree", (("flow_control", "message"),), "#D55E00", "X")
SCHEMES = {s.name: s for s in (RING, DBTREE, RING_2D, HIERARCHICAL, HDRM, MULTITREE, MESSAGE)}

NETWORKS = {
    "torus4x4": "torus 4x4",
    "torus8x8": "torus 8x8",
    "mesh4x4": "mesh 4x4",
    "mesh8x8": "mesh 8x8",
    "fattree4x2": "fat-tree, 16 nodes",
    "fattree8x2": "fat-tree, 64 nodes",
    "bigraph4x8": "BiGraph 4x8, 32 nodes",
    "bigraph4x16": "BiGraph 4x16, 64 nodes",
}
"""Names of collsim and names to print."""


def preset_of(topology: str) -> str:
    """Return the preset that fits `topology`: torus and mesh have an interface a link, switch networks one a node."""
    return GRID if topology.startswith(("torus", "mesh")) else SWITCH
