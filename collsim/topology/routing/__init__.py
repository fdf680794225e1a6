"""Routing, one family a file, each yielding the arrays that engines read."""
