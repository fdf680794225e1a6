"""Settings every test shares: hypothesis draws the same examples on every run and has no deadline."""

from hypothesis import settings

settings.register_profile("collsim", deadline=None, derandomize=True, max_examples=25)
settings.load_profile("collsim")
