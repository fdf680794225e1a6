"""Chakra traces byte by byte, as the schema lays them out, and nodes in a word."""

from collsim.interop.chakra import ChakraNode

US = 10**9
COMP, SENDS, RECV_NODE, COLL = 4, 5, 6, 7


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(number, content):
    """A field as protobuf lays it out: a varint, or bytes behind their length."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    return varint(number << 3 | 2) + varint(len(content)) + content


def framed(content):
    return varint(len(content)) + content


META = framed(field(1, b"0.0.4"))


def node(number, kind, *deps, micros=0, **attributes):
    return ChakraNode(number, f"n{number}", kind, deps, micros, attributes)
