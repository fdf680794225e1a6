"""collsim: how a collective communication algorithm behaves on a machine, exactly, with proof and bound."""

__version__ = "0.1.0"
