"""Network presets, one YAML file each; collsim/network/preset.py reads them."""
