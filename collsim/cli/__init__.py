"""The command line, one command a file; main only assembles."""
