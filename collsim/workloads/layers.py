"""Layers and networks: the shapes from which computing time and gradient bytes follow.

Every layer is written as a convolution, the form in which accelerators count: a dense layer is a convolution of 1 x 1 over
as many pixels as a sample has rows, a product of two activations is one whose filters are activations. Counted are weights,
as in the studies that these are compared with; a layer states its biases and normalisation apart, some thousandths of a
network, where totals are published with them.
Adding a network costs one file in collsim/workloads/networks (or an entry point in the group "collsim.networks").
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from collsim.errors import InvalidValue
from collsim.registry import Registry

__all__ = ["NETWORKS", "Layer", "Network", "convolution", "dense", "lookup", "product"]


@dataclass(frozen=True, slots=True)
class Layer:
    """`filters` filters of `filter_height` x `filter_width` over `height` x `width` pixels of `channels`, for one sample.

    `padding` pixels are added on every side. `groups` divide channels and filters into as many independent convolutions.
    `trained`: whether it holds weights of its own; products of activations and layers that share another's weights hold
    none. `is_lookup`: rows of the weights are picked, nothing is multiplied. `others`: trained parameters beside the
    weights, its biases or the gains and shifts of the normalisation behind it; 0 also where they are not counted.
    Raises InvalidValue for shapes that do not fit.
    """

    name: str
    height: int
    width: int
    channels: int
    filters: int
    filter_height: int = 1
    filter_width: int = 1
    stride: int = 1
    padding: int = 0
    groups: int = 1
    trained: bool = True
    is_lookup: bool = False
    others: int = 0

    def __post_init__(self) -> None:
        sizes = (self.height, self.width, self.channels, self.filters, self.filter_height, self.filter_width)
        if min(*sizes, self.stride, self.groups) < 1 or min(self.padding, self.others) < 0:
            raise InvalidValue(
                f"The layer '{self.name}' has a size below 1, or a padding or other parameters below 0; give larger numbers."
            )
        if self.channels % self.groups or self.filters % self.groups:
            raise InvalidValue(
                f"The layer '{self.name}' divides {self.channels} channels and {self.filters} filters into {self.groups} "
                "groups; take a number of groups that divides both."
            )
        if self.filter_height > self.height + 2 * self.padding or self.filter_width > self.width + 2 * self.padding:
            raise InvalidValue(f"The filter of the layer '{self.name}' is larger than its padded input; add padding.")

    @property
    def out_height(self) -> int:
        """Rows of output pixels."""
        return (self.height + 2 * self.padding - self.filter_height) // self.stride + 1

    @property
    def out_width(self) -> int:
        """Columns of output pixels."""
        return (self.width + 2 * self.padding - self.filter_width) // self.stride + 1

    @property
    def outputs(self) -> int:
        """Output pixels E of one filter."""
        return self.out_height * self.out_width

    @property
    def taps(self) -> int:
        """Multiplications that one output pixel of one filter takes: the weights of a filter."""
        return self.filter_height * self.filter_width * self.channels // self.groups

    @property
    def parameters(self) -> int:
        """Weights that this layer holds and whose gradient is summed over the nodes."""
        return self.taps * self.filters if self.trained else 0

    @property
    def all_parameters(self) -> int:
        """Weights and `others`."""
        return self.parameters + self.others

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the forward pass of one sample; either gradient takes as many."""
        return 0 if self.is_lookup else self.outputs * self.filters * self.taps

    @property
    def flops(self) -> int:
        """Floating-point operations of the forward pass of one sample: two a multiply-accumulate."""
        return 2 * self.macs


@dataclass(frozen=True, slots=True)
class Network:
    """Layers in the order of the forward pass, which is taken to be a chain.

    `title` one line; `source`: where the architecture is published; `reading`: what is counted, and where a study counts
    otherwise.
    """

    name: str
    title: str
    source: str
    reading: str
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        if not self.layers:
            raise InvalidValue(f"The network '{self.name}' has no layers; give at least one.")

    @property
    def parameters(self) -> int:
        """Weights of all layers."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def all_parameters(self) -> int:
        """Weights of all layers with their biases and normalisation, as totals are published."""
        return sum(layer.all_parameters for layer in self.layers)

    @property
    def flops(self) -> int:
        """Floating-point operations of the forward pass of one sample."""
        return sum(layer.flops for layer in self.layers)

    def unpadded(self) -> Network:
        """Return the network with the same inputs and filters but no padding, as SCALE-Sim's layer tables are computed."""
        return replace(self, layers=tuple(replace(layer, padding=0) for layer in self.layers))


NETWORKS: Registry[Network] = Registry("network", "collsim.workloads.networks", "collsim.networks")


def convolution(
    name: str, size: int, channels: int, filters: int, kernel: int, *, stride: int = 1, padding: int = 0, others: int = 0
) -> Layer:
    """Return a convolution with `filters` of kernel x kernel over `channels` square maps of `size` pixels a side."""
    return Layer(name, size, size, channels, filters, kernel, kernel, stride, padding, others=others)


def dense(name: str, inputs: int, outputs: int, *, rows: int = 1, trained: bool = True, others: int = 0) -> Layer:
    """Return a fully connected layer that takes `rows` vectors of `inputs` to vectors of `outputs` for each sample."""
    return Layer(name, rows, 1, inputs, outputs, trained=trained, others=others)


def product(name: str, rows: int, depth: int, columns: int, *, heads: int = 1) -> Layer:
    """Return `heads` products of activations, (rows x depth) times (depth x columns) each; it holds no weights."""
    return Layer(name, rows, 1, heads * depth, heads * columns, groups=heads, trained=False)


def lookup(name: str, entries: int, width: int, *, rows: int = 1) -> Layer:
    """Return an embedding from which each sample picks `rows` of `entries` vectors of `width`; its gradient is dense."""
    return Layer(name, rows, 1, entries, width, is_lookup=True)
