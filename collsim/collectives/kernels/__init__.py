"""The slow loops of schedule construction, compiled: arrays in, arrays out, equal to the Python beside them."""
