"""One kind of accelerator a file: how long a node computes on a layer."""
