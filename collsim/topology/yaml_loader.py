"""How YAML is read here: safely, and strictly where YAML itself is lax. Apart, so that yaml is imported for files alone."""

from __future__ import annotations

import yaml

__all__ = ["StrictLoader"]

_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_MOST_EXPANDED = 100_000
_MOST_TIMES = 10


class StrictLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key stated twice, of which YAML would silently keep the last, and files that are bombs.

    It also refuses numbers that mean something else to YAML 1.1 than to their reader: 010 is 8 there, and 1:30 is 90.

    A bomb is a small file whose aliases repeat aliases until nobody can look at what they stand for, or that holds itself.
    """

    aliased = False

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Return the next node; notes whether it is an alias."""
        self.aliased = self.aliased or self.check_event(yaml.AliasEvent)
        return super().compose_node(parent, index)

    def get_single_node(self) -> yaml.Node | None:
        """Return the document's node; ComposerError for one that aliases make far larger than the file."""
        node = super().get_single_node()
        if node is not None and self.aliased:
            _check_size(node)
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> object:
        """Return the value of `node`; ConstructorError for a number with a leading zero or in base 60."""
        if isinstance(node, yaml.ScalarNode) and node.tag in _NUMBERS:
            digits = node.value.lstrip("+-").replace("_", "")
            if ":" in digits or (node.tag == _NUMBERS[0] and digits[:1] == "0" and digits[1:].isdigit()):
                value = yaml.SafeLoader.construct_object(self, node, deep=deep)
                problem = f"'{node.value}' is {value:.6g} in YAML; write it in quotes, or write the number that is meant"
                raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return super().construct_object(node, deep=deep)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        """Return the mapping of `node`; ConstructorError for a key that is there twice."""
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key '{key.value}' is stated twice", key.start_mark)
            seen.add(getattr(key, "value", None) if isinstance(key, yaml.ScalarNode) else None)
        return super().construct_mapping(node, deep)


def _check_size(root: yaml.Node) -> None:
    """Raise ComposerError where `root` holds itself, or is over ten times as large once every alias is written out."""
    sizes: dict[int, int] = {}
    within: set[int] = set()
    written = 1
    todo: list[tuple[yaml.Node, bool]] = [(root, False)]
    while todo:
        node, done = todo.pop()
        inner = _inside(node)
        if done:
            within.discard(id(node))
            sizes[id(node)] = 1 + sum(sizes[id(each)] for each in inner)
        elif id(node) in within:
            raise yaml.composer.ComposerError(None, None, "an alias stands for what it is in", node.start_mark)
        elif id(node) not in sizes:
            within.add(id(node))
            written += len(inner)
            todo.append((node, True))
            todo += [(each, False) for each in inner]
    if sizes[id(root)] > max(_MOST_EXPANDED, _MOST_TIMES * written):
        what = f"aliases make {written:,} nodes {sizes[id(root)]:,}, more than are read"
        raise yaml.composer.ComposerError(None, None, what, root.start_mark)


def _inside(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []
