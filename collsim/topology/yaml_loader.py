"""How YAML is read here: safely, and strictly where YAML itself is lax. Apart, so that yaml is imported for files alone."""

from __future__ import annotations

import yaml

__all__ = ["StrictLoader"]


class StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key stated twice, of which YAML would silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        """Return the mapping of `node`; ConstructorError for a key that is there twice."""
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key '{key.value}' is stated twice", key.start_mark)
            seen.add(getattr(key, "value", None) if isinstance(key, yaml.ScalarNode) else None)
        return super().construct_mapping(node, deep)
