"""One network a file: its layers, where they are published, and which weights are counted."""
