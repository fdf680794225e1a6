"""Network settings from a YAML file: what `--network FILE` reads, leaves of NetworkConfig by name."""

from __future__ import annotations

from pathlib import Path

from collsim.errors import FileFormatError, reason
from collsim.network.config import LEAVES, NetworkConfig

__all__ = ["read_network", "read_settings"]


def read_network(path: str | Path) -> NetworkConfig:
    """Return the configuration that the YAML file at `path` states, such as "router_delay: 20ns".

    Raises what `read_settings` does, UnknownName for a misspelt key, InvalidValue for a value out of range.
    """
    return NetworkConfig().with_settings(read_settings(path))


def read_settings(path: str | Path) -> dict[str, object]:
    """Return {leaf: value} as the YAML file at `path` states them, names and values not yet checked.

    Leaves may stand alone or under their part (packet, router, nic, transport). Raises FileFormatError for a file that
    cannot be read or is no mapping.
    """
    import yaml

    from collsim.topology.yaml_loader import StrictLoader

    try:
        content = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=StrictLoader)
    except (OSError, UnicodeDecodeError) as error:
        what = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise FileFormatError(f"Cannot read the network file '{path}': {what}.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        raise FileFormatError(
            f"The network file '{path}' is no YAML{place} ({getattr(error, 'problem', None) or error}); write lines like "
            "router_delay: 20ns."
        ) from error
    except (RecursionError, ValueError) as error:
        raise FileFormatError(f"The network file '{path}' cannot be read as YAML: {reason(error)}.") from error
    if not isinstance(content, dict):
        raise FileFormatError(f"The network file '{path}' holds no settings; write lines like router_delay: 20ns.")
    settings: dict[str, object] = {}
    for key, value in content.items():
        if key in LEAVES.values() and isinstance(value, dict):
            settings |= {str(leaf): inner for leaf, inner in value.items()}
        else:
            settings[str(key)] = value
    return settings
