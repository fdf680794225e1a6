"""One scheme of data-parallel training a file: when ranks compute, exchange gradients and update."""
