"""NCCL's topology XML (`NCCL_TOPO_DUMP_FILE`), read: a real server as NCCL sees it, GPUs as hosts.

`system` holds `cpu` (a NUMA node), that `pci` devices in a tree, leaves of which are a `gpu` with its `nvlink`s or a `nic`.
Rates are rated ones: PCIe by speed and width after line coding, NVLink by the GPU's generation. NCCL itself assumes less.
Read with expat, which tells the line of every element; a document type is refused before it can declare entities.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers.expat import ExpatError, ParserCreate

from collsim.errors import FileFormatError
from collsim.topology.files import DIALECTS, Dialect, read_text
from collsim.topology.graph import Topology

__all__ = ["Element", "is_nccl_xml", "parse_elements", "read_nccl_xml"]

_MOST_DEPTH = 64
_MOST_ELEMENTS = 100_000


@dataclass(frozen=True, slots=True)
class Element:
    """An element with its attributes, line, and the elements inside."""

    name: str
    attributes: Mapping[str, str]
    line: int
    inside: list[Element] = field(default_factory=list)

    def under(self, name: str) -> list[Element]:
        """Return the elements called `name` right inside this one."""
        return [one for one in self.inside if one.name == name]


def read_nccl_xml(path: Path, bandwidth: int | None = None, latency: int | None = None) -> Topology:
    """Return the topology of the server in the XML at `path`, rank r as host r, called "gpu<rank>".

    Latencies are not in the file: `latency` or 150 ns is that of every link. Rates are, so `bandwidth` is refused. Raises
    FileFormatError with the line for what cannot be read.
    """
    from collsim.interop.nccl_server import server

    origin = str(path)
    return server(parse_elements(read_text(path), origin), path.stem, origin, bandwidth, latency)


def parse_elements(text: str, origin: str) -> Element:
    """Return the outermost element of `text`; FileFormatError for broken XML, a document type, or another root."""
    parser = ParserCreate()
    root = Element("", {}, 0)
    open_, count = [root], 0

    def fail(what: str) -> FileFormatError:
        return FileFormatError(f"{origin}, line {parser.CurrentLineNumber}: {what}")

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(open_) == 1 and name != "system":
            hint = " An <algo> of MSCCL goes to --algo." if name == "algo" else ""
            raise fail(f"<{name}> as the outermost element; NCCL's topology is a <system>.{hint}")
        if len(open_) > _MOST_DEPTH or count > _MOST_ELEMENTS:
            raise fail(
                f"elements are nested over {_MOST_DEPTH} deep or are over {_MOST_ELEMENTS:,}; no server has that many."
            )
        element = Element(name, attributes, parser.CurrentLineNumber)
        open_[-1].inside.append(element)
        open_.append(element)

    def doctype(*_: object) -> None:
        raise fail("a document type is declared; NCCL writes none, so remove it.")

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: open_.pop()
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(text, True)
    except ExpatError as error:
        raise FileFormatError(f"{origin}, line {error.lineno}: not whole XML: {str(error).partition(':')[0]}.") from None
    return root.inside[0]


def is_nccl_xml(text: str) -> bool:
    """Tell whether `text` is XML at all: .xml is read here, and what is no <system> is refused with the reason."""
    return text.lstrip().startswith("<")


DIALECTS.add("nccl-xml", Dialect("NCCL topology XML", (".xml",), is_nccl_xml, read_nccl_xml))
