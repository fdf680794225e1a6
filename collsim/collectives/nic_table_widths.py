"""How many bits an entry of a NIC table takes, field by field, and how many bytes a table is.

MULTITREE's paper gives about 200 bits, 2 N entries and 3.2 KB at 64 nodes, without widths; here they follow from the tables.
"""

from __future__ import annotations

from dataclasses import dataclass

from collsim.collectives.nic_table import NicTables

__all__ = ["Widths", "entry_widths", "table_widths"]


@dataclass(frozen=True, slots=True)
class Widths:
    """Bits of every field of an entry; `parents` and `children` are those of all places for a rank together."""

    opcode: int
    flow: int
    parents: int
    children: int
    step: int
    start: int
    size: int

    @property
    def total(self) -> int:
        """Bits of an entry."""
        return self.opcode + self.flow + self.parents + self.children + self.step + self.start + self.size

    def table_bytes(self, entries: int) -> int:
        """Return the bytes of `entries` entries packed without gaps."""
        return -(-entries * self.total // 8)


def entry_widths(
    ranks: int, flows: int, steps: int, parents: int, children: int, *, buffer: int, largest: int, words: bool = False
) -> Widths:
    """Return the least widths of a table over `ranks` nodes.

    `flows`, `steps`: how many to tell apart; `parents`, `children`: places for a rank in an entry, "none" is a value too;
    `buffer`: bytes to address; `largest`: bytes of the largest message. `words`: every number in whole bytes and a 64-bit
    address and size, as a table in memory would be laid out, instead of the least number of bits.
    """

    def bits(values: int) -> int:
        least = max(values - 1, 0).bit_length()
        return -(-least // 8) * 8 if words else least

    rank = bits(ranks + 1)
    start, size = (64, 64) if words else (bits(buffer), bits(largest + 1))
    return Widths(bits(3), bits(flows), parents * rank, children * rank, bits(steps), start, size)


def table_widths(tables: NicTables, *, words: bool = False) -> Widths:
    """Return the widths that fit every entry of `tables`; see `entry_widths`."""
    entries = [entry for _, entry in tables.entries()]
    return entry_widths(
        tables.ranks,
        len(tables.weights),
        tables.steps,
        max((len(e.parents) for e in entries), default=0),
        max((len(e.children) for e in entries), default=0),
        buffer=tables.size * sum(tables.weights) // tables.unit,
        largest=max((e.size for e in entries), default=0),
        words=words,
    )
