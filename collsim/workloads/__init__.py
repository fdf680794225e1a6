"""Builders of programs: what a training job asks of the network."""
