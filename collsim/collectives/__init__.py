"""Collectives, their schedules and algorithms, and what proves, bounds and prices them without a network."""
