"""The key `compose:` of a native file: a rack, the fabric that joins copies of it, and the wide area between sites.

docs/topologies.md shows it; collsim.topology.compose builds what it says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from collsim.errors import FileFormatError, InvalidValue, TopologyError
from collsim.topology.compose import Fabric, Wan, join_racks, join_sites
from collsim.topology.draft import check_keys, read_bandwidth, read_latency, read_loss
from collsim.topology.files import is_topology_suffix
from collsim.topology.graph import Topology
from collsim.units import parse_count

__all__ = ["composed", "read_composed"]

_KEYS = ("rack", "racks", "planes", "port", "latency", "spines", "uplink", "oversubscription", "sites", "wan")
_WAN = ("rate", "links", "round_trip", "loss")


def read_composed(document: Mapping[str, object], path: Path, other: Callable[[str], Topology]) -> Topology:
    """Return the machine of a native file with `compose:`; `other` reads a rack that is a file beside the one at `path`."""
    origin = str(path)
    for key in ("bandwidth", "latency"):
        if key in document:
            raise FileFormatError(
                f"{origin}: '{key}' means nothing beside 'compose'; state port, uplink, latency and wan there."
            )

    def find(text: str) -> Topology:
        from collsim.topology.resolve import load

        return other(text) if is_topology_suffix(Path(text).suffix.lower()) else load(text)

    try:
        base = composed(document["compose"], str(document.get("name", path.stem)), origin, find)
    except TopologyError as error:
        raise TopologyError(f"{origin}: {error}") from None
    return replace(base, about=str(document.get("about", "")) or base.about)


def composed(value: object, name: str, origin: str, load: Callable[[str], Topology]) -> Topology:
    """Return the machine of a `compose:` mapping; `load` finds the rack by a family's or machine's name or by a path.

    Raises FileFormatError with the place for what cannot be read, TopologyError for what cannot be built.
    """
    place = f"{origin}: compose"
    stated = _mapping(value, place, _KEYS)
    for key in ("rack", "racks"):
        if key not in stated:
            raise FileFormatError(f"{place} needs '{key}': a rack (like nvl72) and the number of racks in a site.")
    from collsim.topology.families.nvl import FABRIC_LATENCY, PORT, SITE_WAN

    fabric = Fabric(
        planes=_count(stated, "planes", 1, place),
        port=_or(read_bandwidth(stated.get("port"), f"{place}: port"), PORT),
        latency=_or(read_latency(stated.get("latency"), f"{place}: latency"), FABRIC_LATENCY),
        spines=_count(stated, "spines", 0, place, least=0),
        uplink=read_bandwidth(stated.get("uplink"), f"{place}: uplink"),
        oversubscription=_ratio(stated.get("oversubscription", 1), f"{place}: oversubscription"),
    )
    rack, racks = load(str(stated["rack"])), _count(stated, "racks", 2, place)
    site = join_racks(rack, racks, fabric, name)
    sites = _count(stated, "sites", 1, place)
    if sites == 1:
        if "wan" in stated:
            raise FileFormatError(f"{place} has a 'wan' and one site; state sites, 2 or more, or leave the wan out.")
        return site
    wide = _mapping(stated.get("wan") or {}, f"{place}: wan", _WAN)
    trip = read_latency(wide.get("round_trip"), f"{place}: wan: round_trip")
    if trip is not None and trip % 2:
        raise FileFormatError(f"{place}: wan: the round trip {trip} fs is odd; half of it is the latency one way.")
    wan = Wan(
        rate=_or(read_bandwidth(wide.get("rate"), f"{place}: wan: rate"), SITE_WAN.rate),
        latency=SITE_WAN.latency if trip is None else trip // 2,
        links=_count(wide, "links", SITE_WAN.links, f"{place}: wan"),
        loss=read_loss(wide.get("loss"), f"{place}: wan: loss") or 0,
    )
    return join_sites(site, sites, wan, name)


def _mapping(value: object, place: str, known: tuple[str, ...]) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise FileFormatError(f"{place}: '{value}' is not a mapping; its keys are {', '.join(known)}.")
    check_keys(value, known, place, strict=True)
    return {str(key): item for key, item in value.items()}


def _count(stated: Mapping[str, object], key: str, default: int, place: str, least: int = 1) -> int:
    try:
        return parse_count(str(stated.get(key, default)), key, least)
    except InvalidValue as error:
        raise FileFormatError(f"{place}: {error}") from None


def _ratio(value: object, place: str) -> Fraction:
    try:
        return Fraction(str(value).replace(":", "/"))
    except (ValueError, ZeroDivisionError):
        raise FileFormatError(f"{place}: '{value}' is not a ratio; write it like 2 or 3:2.") from None


def _or(value: int | None, default: int) -> int:
    return default if value is None else value
