"""MSCCL XML, written: the old variant, which every runtime reads, with all attributes spelt out.

Newer runtimes (RCCL, msccl-executor) refuse an <algo> without `outofplace`, `minBytes` and `maxBytes`.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.sax.saxutils import quoteattr

from collsim.interop.msccl import SPELT, Block, MscclProgram, Step

__all__ = ["to_msccl_xml"]


def to_msccl_xml(program: MscclProgram) -> str:
    """Return `program` as XML text that ends in a newline; `parse_msccl` gives it back."""
    lines = [f"<algo {_attributes(_head(program))}>"]
    for gpu in program.gpus:
        chunks = {"i_chunks": gpu.inputs, "o_chunks": gpu.outputs, "s_chunks": gpu.scratch}
        lines.append(f"  <gpu {_attributes({'id': gpu.id} | chunks)}>")
        for block in gpu.blocks:
            lines += _block(block)
        lines.append("  </gpu>")
    return "\n".join([*lines, "</algo>", ""])


def _head(program: MscclProgram) -> dict[str, object]:
    head: dict[str, object] = {
        "name": program.name,
        "proto": program.proto,
        "nchannels": program.channels,
        "nchunksperloop": program.chunks,
        "ngpus": program.ranks,
        "coll": SPELT[program.collective],
        "inplace": int(program.inplace),
        "outofplace": int(not program.inplace),
    }
    more = {"minBytes": program.least, "maxBytes": program.most, "nthreads": program.threads}
    return head | {key: value for key, value in more.items() if value is not None}


def _block(block: Block) -> list[str]:
    head = {"id": block.id, "send": block.send, "recv": block.recv, "chan": block.channel}
    steps = [f"      <step {_attributes(_step(index, step))}/>" for index, step in enumerate(block.steps)]
    return [f"    <tb {_attributes(head)}>", *steps, "    </tb>"]


def _step(index: int, step: Step) -> dict[str, object]:
    block, number = step.after or (-1, -1)
    return {
        "s": index,
        "type": step.kind,
        "srcbuf": step.source[0],
        "srcoff": step.source[1],
        "dstbuf": step.target[0],
        "dstoff": step.target[1],
        "cnt": step.count,
        "depid": block,
        "deps": number,
        "hasdep": int(step.waited),
    }


def _attributes(values: Mapping[str, object]) -> str:
    return " ".join(f"{key}={quoteattr(str(value))}" for key, value in values.items())
