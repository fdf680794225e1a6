"""Kinds of points that a sweep runs, one a file."""
