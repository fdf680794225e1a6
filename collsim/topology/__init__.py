"""Topologies: the graph, one pure builder per family, and the files and machines it is read from."""
