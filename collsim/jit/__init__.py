"""Compiled kernels: how numba is asked for them and where they are kept. Only `collsim.jit.compile` imports numba."""
