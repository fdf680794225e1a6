"""One run, explained: from names or objects to a proved, bounded, timed outcome."""
