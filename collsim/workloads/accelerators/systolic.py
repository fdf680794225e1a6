"""Output-stationary systolic arrays in closed form: the accelerator of MULTITREE (ISCA 2021), of any shape and number.

A pass is a product of matrices, (m x depth) times (depth x n). An array of R rows and C columns holds R x C of its results;
operands enter at the left and top edge, one step later in each further row and column, and a result is complete after
`depth` steps. The next fold of results follows at once behind the last one, so filling and emptying the array (R + C - 2
cycles) is paid once a pass. Results leave each column at its lower edge, one a cycle, behind one another: a fold of r rows
therefore takes max(depth, r) cycles, which is what embeddings and gradients of single pixels cost. Folds go through the
rows first. Reading and writing keep up: on-chip memory and its bandwidth are taken to suffice.
"""

from __future__ import annotations

from dataclasses import dataclass

from collsim.errors import InvalidValue
from collsim.units import FS_PER_SECOND
from collsim.workloads.accelerators.accelerator import ACCELERATORS
from collsim.workloads.layers import Layer

__all__ = ["SystolicArrays", "fold_cycles"]


def fold_cycles(m: int, n: int, depth: int, rows: int, columns: int) -> int:
    """Return the cycles of (m x depth) times (depth x n) on one array, from the first operand in to the last result out."""
    whole, rest = divmod(m, rows)
    last_rows = rest or rows
    strip = whole * max(depth, rows) + (max(depth, rest) if rest else 0)
    strips = -(-n // columns)
    last_columns = n - (strips - 1) * columns
    last_starts = strips * strip - max(depth, last_rows)
    end = last_starts + depth + last_rows + last_columns - 2
    # A narrow last strip of little work can be done before the wide one ahead of it has emptied.
    before = last_starts - strip + depth + last_rows + columns - 2 if strips > 1 else 0
    return max(end, before)


@dataclass(frozen=True, slots=True)
class SystolicArrays:
    """`arrays` arrays of `rows` x `columns` multiply-accumulators at `clock` Hz; each takes whole samples, one at a time.

    Summing the weight gradients of the arrays of one node is not charged.
    """

    name: str
    about: str
    source: str
    rows: int
    columns: int
    arrays: int
    clock: int

    def __post_init__(self) -> None:
        if min(self.rows, self.columns, self.arrays, self.clock) < 1:
            raise InvalidValue(f"The accelerator '{self.name}' has a shape, number or clock below 1; give positive numbers.")

    def forward_cycles(self, layer: Layer) -> int:
        """Return the cycles of one sample's outputs: a row for each output pixel, a column for each filter."""
        return self._cycles(layer, layer.outputs, layer.filters // layer.groups, layer.taps)

    def input_gradient_cycles(self, layer: Layer) -> int:
        """Return the cycles of one sample's input gradient: a row for each input pixel, a column for each channel.

        A convolution with the filters turned round; where it strides, zeros are multiplied like other numbers.
        """
        depth = layer.filter_height * layer.filter_width * layer.filters // layer.groups
        return self._cycles(layer, layer.height * layer.width, layer.channels // layer.groups, depth)

    def weight_gradient_cycles(self, layer: Layer) -> int:
        """Return the cycles of one sample's weight gradient: a row for each weight of a filter, a column for each filter."""
        return self._cycles(layer, layer.taps, layer.filters // layer.groups, layer.outputs)

    def forward(self, layer: Layer, samples: int) -> int:
        """Return fs for `samples` samples, dealt evenly to the arrays."""
        return self._time(self.forward_cycles(layer), samples)

    def input_gradient(self, layer: Layer, samples: int) -> int:
        """Return fs for `samples` samples, dealt evenly to the arrays."""
        return self._time(self.input_gradient_cycles(layer), samples)

    def weight_gradient(self, layer: Layer, samples: int) -> int:
        """Return fs for `samples` samples, dealt evenly to the arrays."""
        return self._time(self.weight_gradient_cycles(layer), samples)

    def _cycles(self, layer: Layer, m: int, n: int, depth: int) -> int:
        return 0 if layer.is_lookup else layer.groups * fold_cycles(m, n, depth, self.rows, self.columns)

    def _time(self, cycles: int, samples: int) -> int:
        turns = -(-samples // self.arrays)
        return -(-cycles * turns * FS_PER_SECOND // self.clock)


ACCELERATORS.add(
    "multitree-isca21",
    SystolicArrays(
        name="multitree-isca21",
        about="16 output-stationary systolic arrays of 32 x 32 fp32 multiply-accumulators at 1 GHz",
        source="Huang et al., MULTITREE, ISCA 2021: the accelerator of its evaluation",
        rows=32,
        columns=32,
        arrays=16,
        clock=10**9,
    ),
)
