"""A transformer by name or from a YAML file: eight lines state the shape of any model."""

from __future__ import annotations

from dataclasses import MISSING, fields
from pathlib import Path

from collsim.errors import FileFormatError, InvalidValue, UnknownName, nearest
from collsim.workloads.layers import NETWORKS
from collsim.workloads.transformers.shape import TRANSFORMERS, TransformerShape

__all__ = ["load_transformer"]

_TYPES = {"str": str, "int": int, "bool": bool}
_WORDS = {"str": "text", "int": "a whole number", "bool": "true or false"}
_KEYS = {field.name: str(field.type) for field in fields(TransformerShape)}
_OPTIONAL = {"name", "title", "source", "kv_heads"} | {f.name for f in fields(TransformerShape) if f.default is not MISSING}


def load_transformer(name_or_path: str | Path) -> TransformerShape:
    """Return the registered transformer of that name, or the one that the YAML file at that path states.

    A file holds keys of TransformerShape: layers, hidden, ffn, heads, vocabulary and sequence at least; kv_heads is heads
    unless stated. Raises UnknownName for a name that is neither, FileFormatError naming the file and line, InvalidValue
    for numbers that make no model.
    """
    text = str(name_or_path)
    if text in TRANSFORMERS:
        return TRANSFORMERS.get(text)
    if text in NETWORKS:
        raise InvalidValue(
            f"'{text}' is a network layer by layer, which 'collsim workload dp' trains; here transformers are meant: "
            f"{', '.join(sorted(TRANSFORMERS))}."
        )
    path = Path(text)
    if path.suffix.lower() not in (".yaml", ".yml") and not path.is_file():
        raise UnknownName("transformer", text, [*TRANSFORMERS, "a YAML file with a shape"], nearest(text, TRANSFORMERS))
    return _shape(path)


def _shape(path: Path) -> TransformerShape:
    content, lines = _read(path)
    for key, value in content.items():
        place = f"{path}, line {lines[key]}"
        if key not in _KEYS:
            guess = nearest(key, _KEYS)
            hint = f" Did you mean '{guess}'?" if guess else ""
            raise FileFormatError(f"{place}: unknown key '{key}'.{hint} Known: {', '.join(_KEYS)}.")
        if type(value) is not _TYPES[_KEYS[key]]:
            raise FileFormatError(f"{place}: {key} is {_WORDS[_KEYS[key]]}, not '{value}'.")
    missing = [key for key in _KEYS if key not in content and key not in _OPTIONAL]
    if missing:
        raise FileFormatError(
            f"{path}: the key '{missing[0]}' is missing; a transformer states {', '.join(missing)} as well."
        )
    name = content.get("name", path.stem)
    defaults = {"name": name, "title": name, "source": str(path), "kv_heads": content["heads"]}
    try:
        return TransformerShape(**{**defaults, **content})  # type: ignore[arg-type]  # checked above, key by key
    except InvalidValue as error:
        raise InvalidValue(f"{path}: {error}") from None


def _read(path: Path) -> tuple[dict[str, object], dict[str, int]]:
    """Return {key: value} and {key: line} of a YAML mapping."""
    import yaml

    from collsim.topology.yaml_loader import StrictLoader

    try:
        loader = StrictLoader(path.read_text(encoding="utf-8-sig"))
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise FileFormatError(f"{path} states no transformer; write lines like 'layers: 32'.")
        content = loader.construct_document(node)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise FileFormatError(f"Cannot read the transformer file '{path}': {reason}; give a name or a YAML file.") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark is not None else ""
        raise FileFormatError(f"{path}{place}: not YAML: {getattr(error, 'problem', None) or error}.") from None
    # Keys are compared as YAML reads them: "true" is a boolean, 0x10 a number.
    lines = {str(loader.construct_object(key)): key.start_mark.line + 1 for key, _ in node.value}
    return {str(key): value for key, value in content.items()}, lines
