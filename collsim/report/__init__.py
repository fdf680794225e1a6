"""Readers of an Outcome: tables in the terminal and figures."""
