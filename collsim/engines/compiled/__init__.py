"""The network model as numba kernels: the rules of engines/reference over arrays, tick for tick the same answers."""
