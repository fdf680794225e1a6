"""Values of notebook cells, one kind a file: a few rows and a drawing, bounded in size however large the machine."""
