"""Foreign formats, one a file; readers register themselves for `--topo PATH`."""
