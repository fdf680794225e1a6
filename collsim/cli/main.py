"""Assembles the command line from the command files."""
