"""Pictures and tables as the value of a notebook's cell: what a `plot` without a path returns, and rows as HTML.

Jupyter asks a value for `_repr_png_` and `_repr_html_`; nothing here needs Jupyter to be installed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from collsim.report.output import write_file

__all__ = ["Picture", "html_table", "picture"]

SIZE_AT = 16
"""Where a PNG keeps its size: behind the signature, the length and the name of its first block, four bytes a number."""
SHARPNESS = 1.5
"""Pixels of a figure for each pixel it takes on a page, so that letters stay sharp on dense screens."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn figure, the bytes of its `png`; as the value of a cell it shows itself."""

    png: bytes

    def __repr__(self) -> str:
        width, height = self._pixels()
        return f"Picture of {width:,} x {height:,} pixels"

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        return self.png, {"width": round(self._pixels()[0] / SHARPNESS)}

    def _pixels(self) -> tuple[int, int]:
        width, height = (int.from_bytes(self.png[at : at + 4], "big") for at in (SIZE_AT, SIZE_AT + 4))
        return width, height

    def save(self, path: str | Path) -> None:
        """Write the PNG to `path`; OutputError if impossible."""
        write_file(path, lambda temporary: temporary.write_bytes(self.png))


def picture(draw: Callable[[str | Path], None], path: str | Path | None) -> Picture | None:
    """Call `draw` with `path` and return None; without a path return what it draws."""
    if path is not None:
        draw(path)
        return None
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / "picture.png"
        draw(drawn)
        return Picture(drawn.read_bytes())


def html_table(heads: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1, note: str = "") -> str:
    """Return an HTML table; the first `left` columns are aligned left, the others right; `note` stands below it."""

    def line(cells: Sequence[str], tag: str) -> str:
        sides = ["left" if place < left else "right" for place in range(len(cells))]
        pairs = zip(cells, sides, strict=True)
        return (
            "<tr>" + "".join(f'<{tag} style="text-align: {side}">{escape(cell)}</{tag}>' for cell, side in pairs) + "</tr>"
        )

    body = "".join(line(row, "td") for row in rows)
    below = f"<p>{escape(note)}</p>" if note else ""
    return f"<table><thead>{line(heads, 'th')}</thead><tbody>{body}</tbody></table>{below}"
