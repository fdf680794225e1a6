"""MSCCL XML, read: the old variant (`step`, srcbuf, srcoff, dstbuf, dstoff) and the new one (`op`, buf, off).

Read with expat, which tells the line of every element. A document type is refused before it can declare entities.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError, ParserCreate

from collsim.errors import FileFormatError, nearest
from collsim.interop.msccl import COLLECTIVES, KINDS, MOST_CHUNKS, Block, Gpu, MscclProgram, Step
from collsim.topology.files import read_text

__all__ = ["parse_msccl", "read_msccl"]

_CHILDREN = {"": ("algo",), "algo": ("gpu",), "gpu": ("tb",), "tb": ("step", "op"), "step": (), "op": ()}
_KNOWN = {
    "algo": (
        *("name", "proto", "nchannels", "nchunksperloop", "ngpus", "coll", "inplace", "outofplace", "minBytes", "maxBytes"),
        *("nthreads", "redop"),
    ),
    "gpu": ("id", "i_chunks", "o_chunks", "s_chunks"),
    "tb": ("id", "send", "recv", "chan"),
    "step": ("s", "type", "srcbuf", "srcoff", "dstbuf", "dstoff", "cnt", "depid", "deps", "hasdep"),
    "op": ("step", "type", "buf", "off", "srcbuf", "srcoff", "dstbuf", "dstoff", "cnt", "depid", "deps", "hasdep"),
}
_MOST_ATTRIBUTES = 64
_WHOLE = re.compile(r"\s*[+-]?[0-9]{1,15}\s*\Z")


def read_msccl(path: Path) -> MscclProgram:
    """Return the program in the XML file at `path`; FileFormatError with the line for what cannot be read."""
    return parse_msccl(read_text(path), str(path))


def parse_msccl(text: str, origin: str = "MSCCL XML") -> MscclProgram:
    """Return the program that `text` holds; `origin` names it in errors."""
    reader = _Reader(origin)
    reader.run(text)
    return reader.program()


class _Reader:
    """Takes the elements as they come; a list for each open element collects the finished ones inside."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.open: list[tuple[str, Mapping[str, str], int, list[Any]]] = [("", {}, 0, [])]
        self.parser = ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._doctype

    def run(self, text: str) -> None:
        try:
            self.parser.Parse(text, True)
        except ExpatError as error:
            reason = str(error).partition(":")[0]
            raise FileFormatError(f"{self.origin}, line {error.lineno}: not whole XML: {reason}.") from None

    def program(self) -> MscclProgram:
        _, attributes, line, gpus = self.open[0][3][0]
        return _program(_Element(self, "algo", attributes, line), gpus)

    def fail(self, line: int, what: str) -> FileFormatError:
        return FileFormatError(f"{self.origin}, line {line}: {what}")

    def _doctype(self, *_: object) -> None:
        raise self.fail(self.parser.CurrentLineNumber, "a document type is declared; MSCCL files have none, so remove it.")

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        line, outer = self.parser.CurrentLineNumber, self.open[-1][0]
        allowed = _CHILDREN[outer]
        if name not in allowed:
            place = f"inside <{outer}>" if outer else "as the outermost element"
            wanted = " or ".join(f"<{one}>" for one in allowed) or "nothing"
            raise self.fail(line, f"<{name}> {place}; MSCCL XML has {wanted} there.")
        if len(attributes) > _MOST_ATTRIBUTES:
            raise self.fail(line, f"<{name}> has {len(attributes):,} attributes; {_MOST_ATTRIBUTES} are many.")
        for key in attributes:
            guess = None if key in _KNOWN[name] else nearest(key, _KNOWN[name])
            if guess is not None and guess not in attributes:
                raise self.fail(line, f"<{name}> has the attribute '{key}'. Did you mean '{guess}'?")
        self.open.append((name, dict(attributes), line, []))

    def _end(self, _: str) -> None:
        name, attributes, line, inner = self.open.pop()
        element = _Element(self, name, attributes, line)
        make: dict[str, Callable[[], Any]] = {
            "algo": lambda: (name, attributes, line, inner),
            "gpu": lambda: _gpu(element, inner),
            "tb": lambda: _block(element, inner),
        }
        self.open[-1][3].append(make.get(name, lambda: _step(element, len(self.open[-1][3])))())


class _Element:
    """An element's attributes, each asked for by name and checked."""

    def __init__(self, reader: _Reader, name: str, attributes: Mapping[str, str], line: int) -> None:
        self.reader, self.name, self.attributes, self.line = reader, name, attributes, line

    def fail(self, what: str) -> FileFormatError:
        return self.reader.fail(self.line, f"<{self.name}> {what}")

    def text(self, key: str, default: str | None = None) -> str:
        value = self.attributes.get(key, default)
        if value is None:
            raise self.fail(f"has no '{key}'.")
        return value

    def whole(self, key: str, default: int | None = None, least: int = -1, most: int = 1 << 31) -> int:
        text = self.text(key, None if default is None else str(default))
        if not _WHOLE.match(text) or not least <= int(text) <= most:
            raise self.fail(f"has {key}='{text[:40]}'; it is a whole number of {least:,} to {most:,}.")
        return int(text)

    def flag(self, key: str, default: int) -> bool:
        return bool(self.whole(key, default, 0, 1))


def _program(e: _Element, gpus: list[Gpu]) -> MscclProgram:
    named = e.text("coll")
    collective = COLLECTIVES.get(named.lower().replace("_", "").replace("-", ""))
    if collective is None:
        known = ", ".join(COLLECTIVES)
        raise e.fail(f"has coll='{named[:40]}', of which nothing can be proved; known are {known}.")
    number = e.whole("ngpus", least=2, most=1 << 16)
    if sorted(gpu.id for gpu in gpus) != list(range(number)):
        raise e.fail(f"says ngpus='{number}' and holds {len(gpus)} GPUs; they are 0 to {number - 1}, each once.")
    widest = max(max(gpu.inputs, gpu.outputs) for gpu in gpus)
    least, most = (e.whole(key, 0, 0, 1 << 50) if key in e.attributes else None for key in ("minBytes", "maxBytes"))
    return MscclProgram(
        name=e.text("name", "msccl"),
        collective=collective,
        inplace=e.flag("inplace", 0),
        chunks=e.whole("nchunksperloop", widest, 1, MOST_CHUNKS),
        gpus=tuple(sorted(gpus, key=lambda gpu: gpu.id)),
        proto=e.text("proto", "Simple"),
        channels=e.whole("nchannels", 1, 0),
        least=least,
        most=most,
        threads=e.whole("nthreads", 0, 0) if "nthreads" in e.attributes else None,
        origin=e.reader.origin,
    )


def _gpu(e: _Element, blocks: list[Block]) -> Gpu:
    inputs, outputs, scratch = (e.whole(key, 0, 0, MOST_CHUNKS) for key in ("i_chunks", "o_chunks", "s_chunks"))
    return Gpu(e.whole("id", least=0), inputs, outputs, scratch, tuple(blocks), e.line)


def _block(e: _Element, steps: list[Step]) -> Block:
    send, recv = e.whole("send", -1), e.whole("recv", -1)
    # A block that talks to nobody may be on no channel.
    channel = e.whole("chan", 0, -1 if send < 0 and recv < 0 else 0)
    return Block(e.whole("id", least=0), send, recv, channel, tuple(steps), e.line)


def _step(e: _Element, place: int) -> Step:
    new, kind = e.name == "op", e.text("type")
    if e.whole("step" if new else "s", place, 0) != place:
        raise e.fail(f"is number {place} of its block and says {e.text('step' if new else 's')}; number steps from 0 on.")
    if kind not in KINDS:
        raise e.fail(f"has type='{kind[:20]}'; known are {', '.join(KINDS)}.")
    after = e.whole("depid", -1), e.whole("deps", -1)
    if (after[0] < 0) != (after[1] < 0):
        raise e.fail(f"has depid='{after[0]}' and deps='{after[1]}'; both are -1, or name a block and a step.")
    count = e.whole("cnt", 1, 0, MOST_CHUNKS)
    if (count < 1) and kind != "nop":
        raise e.fail("has cnt='0'; count one chunk or more.")
    source, target = _places(e, kind)
    return Step(kind, source, target, count, after if after[0] >= 0 else None, e.flag("hasdep", 0), e.line)


def _places(e: _Element, kind: str) -> tuple[tuple[str, int], tuple[str, int]]:
    """Return where a step reads and writes; in the new variant one place is both, so local copies need the old one."""
    if kind == "nop":
        return ("i", -1), ("o", -1)
    one = e.name == "op" and "srcbuf" not in e.attributes
    if one and kind in ("cpy", "re"):
        raise e.fail(f"of type '{kind}' has one place only; say srcbuf, srcoff, dstbuf and dstoff.")
    names = (("buf", "off"), ("buf", "off")) if one else (("srcbuf", "srcoff"), ("dstbuf", "dstoff"))
    places = []
    for buffer, offset in names:
        name = e.text(buffer)
        if name not in ("i", "o", "s"):
            raise e.fail(f"has {buffer}='{name[:20]}'; buffers are i, o and s.")
        places.append((name, e.whole(offset)))
    return places[0], places[1]
