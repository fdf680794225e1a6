"""Real machines as YAML files, one a machine, each with its source; installed as collsim.machines."""
