"""The network model's parameters, policy names and ordering keys."""
