"""One collective algorithm a file; each registers itself with its facts."""
