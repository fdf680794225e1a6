"""Topology families, one pure builder a file; each registers itself under its name."""
