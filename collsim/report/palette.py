"""The colours of every figure: the eight of Okabe and Ito, told apart by colour-blind eyes, and scales made for them.

Source: M. Okabe, K. Ito, "Color Universal Design" (2008). Series take the colours in the order of SERIES, and a marker or
a hatch as well, so that a figure printed in grey still reads. The seventh is a dark grey in place of their yellow, which is
too pale for lines; a lighter grey would look like green and purple to eyes without M cones. What is many (chunks) or
measured (use of links) takes the scale cividis, whose lightness rises evenly.
"""

from __future__ import annotations

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "GRID",
    "HATCHES",
    "HOST",
    "LINK",
    "MARKERS",
    "ORANGE",
    "PALE",
    "PURPLE",
    "SCALE",
    "SERIES",
    "SHADE",
    "SILVER",
    "SKY",
    "SWITCH",
    "VERMILION",
    "YELLOW",
    "of_chunk",
    "scale_stops",
]

BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, YELLOW, GREY = "#E69F00", "#56B4E9", "#F0E442", "#7F7F7F"
SERIES = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, "#4D4D4D", "#000000")
MARKERS = "osD^vP*X<>"
HATCHES = ("", "//", "..", "\\\\", "xx", "++", "oo", "**")
GRID, PALE, SILVER, SHADE = "#DDDDDD", "#E4E8EC", "#BBBBBB", "#F3E3DC"
HOST, SWITCH, LINK = SKY, ORANGE, "#9AA5B1"
SCALE = "cividis"
_STOPS = ("#00224E", "#123570", "#3B496C", "#575D6D", "#707173", "#8A8678", "#A59C74", "#C3B369", "#E1CC55", "#FEE838")


def scale_stops() -> tuple[str, ...]:
    """Return the scale as ten colours from its low end to its high end, for figures that matplotlib does not draw."""
    return _STOPS


def of_chunk(chunk: int, chunks: int) -> str:
    """Return the colour of a chunk: one of SERIES while there are enough of them, else one of the scale."""
    if chunks <= len(SERIES):
        return SERIES[chunk % len(SERIES)]
    place = chunk / (chunks - 1) * (len(_STOPS) - 1)
    low = min(int(place), len(_STOPS) - 2)
    pairs = zip(_channels(_STOPS[low]), _channels(_STOPS[low + 1]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * (place - low)):02X}" for a, b in pairs)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
