"""The executable specification of docs/network-model.md, in SimPy; the command line calls it `simpy`."""
