"""Tables in the terminal: the report of a run, comparisons, topologies and algorithms."""
