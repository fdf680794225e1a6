"""The network model as an executable specification in SimPy: one rule, one place; see docs/network-model.md."""
