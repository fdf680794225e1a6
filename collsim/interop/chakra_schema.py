"""The messages of a Chakra execution trace, made at run time from their numbers and types, in a pool of their own.

So nothing generated has to be shipped, and a chakra package beside this one does no harm. Needs protobuf, the extra
`collsim[chakra]`. Source: mlcommons/chakra, schema/protobuf/et_def.proto.
"""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from collsim.errors import InvalidValue

__all__ = ["Messages", "messages"]

_SCALARS = (
    *("double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64"),
    *("sfixed32", "sfixed64", "bool", "string", "bytes"),
)
"""Types of attribute values in the order of their field numbers: from 3 on, each followed by its list."""
_PACKAGE = "ChakraProtoMsg"


class Messages(NamedTuple):
    """Classes of the messages that a file is made of."""

    metadata: Any
    node: Any
    failure: type[Exception]


@cache
def messages() -> Messages:
    """Return the message classes and the error that parsing raises; InvalidValue says what to install."""
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory
    except ImportError:
        raise InvalidValue(
            "Chakra traces need protobuf; install it with 'pip install protobuf' (the extra collsim[chakra])."
        ) from None
    pool = descriptor_pool.DescriptorPool()
    pool.Add(_file(descriptor_pb2))
    classes = [
        message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{n}")) for n in ("GlobalMetadata", "Node")
    ]
    return Messages(classes[0], classes[1], message.DecodeError)


def _file(pb: Any) -> Any:
    kinds = pb.FieldDescriptorProto
    file = pb.FileDescriptorProto(name="collsim_chakra.proto", package=_PACKAGE, syntax="proto3")

    def message(name: str, *fields: tuple[Any, ...]) -> Any:
        made = file.message_type.add(name=name)
        for number, label, kind, spelt in fields:
            repeated = kind.startswith("*")
            one = made.field.add(name=label, number=number, label=kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL)
            one.type = getattr(kinds, f"TYPE_{kind.lstrip('*').upper()}")
            if spelt:
                one.type_name = f".{_PACKAGE}.{spelt}"
        return made

    for scalar in _SCALARS:
        message(_list(scalar), (1, "values", f"*{scalar}", ""))
    values: list[tuple[Any, ...]] = [(1, "name", "string", ""), (2, "doc_string", "string", "")]
    for place, scalar in enumerate(_SCALARS):
        values += [
            (3 + 2 * place, f"{scalar}_val", scalar, ""),
            (4 + 2 * place, f"{scalar}_list", "message", _list(scalar)),
        ]
    attribute = message("AttributeProto", *values)
    attribute.oneof_decl.add(name="value")
    for one in attribute.field[2:]:
        one.oneof_index = 0
    message("GlobalMetadata", (1, "version", "string", ""), (2, "attr", "*message", "AttributeProto"))
    message("IOInfo", (1, "values", "string", ""), (2, "shapes", "string", ""), (3, "types", "string", ""))
    # The kind of a node is an enum in the schema, which travels as an int32; so unknown ones can be told by their number.
    message(
        "Node",
        (1, "id", "uint64", ""),
        (2, "name", "string", ""),
        (3, "type", "int32", ""),
        (4, "ctrl_deps", "*uint64", ""),
        (5, "data_deps", "*uint64", ""),
        (6, "start_time_micros", "uint64", ""),
        (7, "duration_micros", "uint64", ""),
        (8, "inputs", "message", "IOInfo"),
        (9, "outputs", "message", "IOInfo"),
        (10, "attr", "*message", "AttributeProto"),
    )
    return file


def _list(scalar: str) -> str:
    return f"{scalar.capitalize()}List"
