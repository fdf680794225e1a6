"""One transformer a file (or a family of them): shapes of language models that are trained and served, found by name."""
