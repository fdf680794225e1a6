"""From the elements of NCCL's topology XML to a topology: which rates they have, and which of them matter.

Where NVLinks join all GPUs, straight or through NVSwitches or other GPUs, they are the network: NCCL then sends nothing
between GPUs over PCIe. Else PCIe switches and NUMA nodes are switches of the graph. Network cards lead out of the server and
are only counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from collsim.errors import FileFormatError
from collsim.interop.nccl_xml import Element
from collsim.topology.draft import Draft, DraftLink, DraftNode, finish
from collsim.topology.graph import Topology
from collsim.units import format_bandwidth

__all__ = ["NVLINK", "nvlink_rate", "pcie_rate", "server"]

NVLINK = ((60, 20), (70, 25), (86, 14), (87, 25), (100, 50))
"""(from this compute capability on, rated GB/s of one NVLink and direction): P100 20, V100 25, A100 25, H100 25, GB200 50.

sm 86 has NVLink 3 with four lanes of half the width: 112.5 GB/s both ways over four links, so 14 each.
"""
_PCIE = {"2.5": Fraction(8, 10), "5.0": Fraction(8, 10), "5": Fraction(8, 10)}
_PCIE |= dict.fromkeys(("8.0", "8", "16.0", "16", "32.0", "32"), Fraction(128, 130))
_PCIE |= dict.fromkeys(("64.0", "64"), Fraction(242, 256))
"""What line coding leaves of a lane's transfers: 8b/10b, 128b/130b, and the flits of PCIe 6."""
_SPEED = re.compile(r"\s*(\d+(?:\.\d+)?)\s*GT/s(\s+PCIe)?\s*")
_NUMA = ((0xCF, 40), (0x8F, 22), (0x55, 10), (0, 6))
_SWITCH, _CPU = "0x0680", "0x068001"
"""Classes of an nvlink's target: bridges are NVSwitches, but for that of a CPU."""
_MOST_NVLINKS = 1024


@dataclass
class _Parts:
    """What the walk over a system collects: nodes, PCIe links and NVLinks between names, network cards."""

    origin: str
    gpus: dict[str, Element] = field(default_factory=dict)
    switches: list[str] = field(default_factory=list)
    pcie: list[DraftLink] = field(default_factory=list)
    home: dict[str, str] = field(default_factory=dict)
    cpus: list[tuple[str, Element]] = field(default_factory=list)
    nics: list[Element] = field(default_factory=list)
    at: dict[tuple[str, str], str] = field(default_factory=dict)
    host: dict[str, str] = field(default_factory=dict)

    def place(self, element: Element) -> str:
        return f"{self.origin}, line {element.line}"

    def fail(self, element: Element, what: str) -> FileFormatError:
        return FileFormatError(f"{self.place(element)}: {what}")


def server(system: Element, name: str, origin: str, bandwidth: int | None, latency: int | None) -> Topology:
    """Return the topology of `system`; `bandwidth` and `latency` as `draft.finish` uses them."""
    parts = _Parts(origin)
    cpus = system.under("cpu")
    if not cpus:
        raise parts.fail(system, "the <system> has no <cpu>; a whole dump has one for each NUMA node.")
    for cpu in cpus:
        own = _unique(parts, f"cpu{cpu.attributes.get('numaid', len(parts.cpus))}")
        parts.cpus.append((own, cpu))
        parts.switches.append(own)
        for pci in cpu.under("pci"):
            _walk(parts, pci, own, (own, cpu.attributes.get("host_hash", "")))
        parts.nics += [net for nic in cpu.under("nic") for net in nic.under("net")]
    if not parts.gpus:
        raise parts.fail(system, "no <gpu> is in it; the dump of a rank that sees the GPUs has them.")
    gpus = sorted(parts.gpus, key=lambda gpu: int(gpu.removeprefix("gpu")))
    nvlinks, uses_switch = _nvlinks(parts)
    relayed = _joined(gpus, nvlinks, through=True)
    alone = relayed and not any(link.target in parts.switches for link in nvlinks)
    what = f"{len(gpus)} GPUs, {_cards(parts)}, from a topology file of NCCL; rated rates"
    switches = ["nvswitch"] if uses_switch else []
    links: Sequence[DraftLink] = nvlinks
    if not alone:
        switches, links = [*parts.switches, *switches], [*parts.pcie, *_between_cpus(parts), *nvlinks]
    # Without a switch GPUs that have no NVLink in common are relayed by one between them, as on a hybrid cube mesh.
    forwards = alone and not _joined(gpus, nvlinks, through=False)
    nodes = (*(DraftNode(gpu, True, forwards) for gpu in gpus), *(DraftNode(switch, False) for switch in switches))
    levels = {} if alone else _levels(parts, gpus)
    return finish(Draft(name, nodes, tuple(links), what, levels=levels), origin, bandwidth, latency)


def _walk(parts: _Parts, pci: Element, above: str, where: tuple[str, str]) -> None:
    """Note a PCIe device and what hangs on it; `above` is the node it is linked to, `where` its NUMA node and server."""
    bus = pci.attributes.get("busid", "")
    nets = [net for nic in pci.under("nic") for net in nic.under("net")]
    parts.nics += nets
    gpus, inner = pci.under("gpu"), pci.under("pci")
    if not gpus and not inner:
        return
    if not bus:
        raise parts.fail(pci, "a <pci> has no 'busid'.")
    if len(gpus) > 1:
        raise parts.fail(pci, f"{len(gpus)} ranks share one GPU (MIG, MLOPart or several a GPU), which is not read.")
    name = _gpu(parts, gpus[0]) if gpus else _unique(parts, f"pci{bus}")
    rate = pcie_rate(pci.attributes.get("link_speed", ""), pci.attributes.get("link_width", ""), parts.place(pci))
    parts.pcie += _both(above, name, rate, parts.place(pci))
    parts.home[name], parts.host[name] = where
    if (where[1], bus.lower()) in parts.at:
        raise parts.fail(pci, f"the busid {bus} is there twice.")
    parts.at[where[1], bus.lower()] = name
    if gpus:
        parts.gpus[name] = gpus[0]
    else:
        parts.switches.append(name)
    for each in inner:
        _walk(parts, each, name, where)


def _gpu(parts: _Parts, gpu: Element) -> str:
    text = gpu.attributes.get("rank", gpu.attributes.get("dev", ""))
    if not re.fullmatch(r"\d{1,6}", text):
        raise parts.fail(gpu, f"a <gpu> has the rank '{text}', which is no number.")
    name = f"gpu{int(text)}"
    if name in parts.gpus:
        raise parts.fail(gpu, f"rank {text} is there twice; merge dumps of several servers with --topo and 'compose:'.")
    return name


def _unique(parts: _Parts, name: str) -> str:
    """Return `name`, or with a number behind it where another server of a merged dump has it already."""
    count = sum(known == name or known.startswith(f"{name}.") for known in parts.switches)
    return f"{name}.{count}" if count else name


def _nvlinks(parts: _Parts) -> tuple[list[DraftLink], bool]:
    """Return the NVLinks as directed links, and whether an NVSwitch is among their ends: all of them count as one."""
    links: list[DraftLink] = []
    total: dict[str, tuple[int, str]] = {}
    for name, gpu in parts.gpus.items():
        for nvlink in gpu.under("nvlink"):
            count = nvlink.attributes.get("count", "1")
            if not re.fullmatch(r"\d{1,4}", count) or not 1 <= int(count) <= _MOST_NVLINKS:
                raise parts.fail(nvlink, f"the count '{count}' of NVLinks is not a number from 1 to {_MOST_NVLINKS}.")
            rate, place = nvlink_rate(gpu.attributes.get("sm", ""), parts.place(gpu)), parts.place(nvlink)
            kind, target = nvlink.attributes.get("tclass", "").lower(), nvlink.attributes.get("target", "").lower()
            if kind == _CPU:
                links += _both(name, parts.home[name], rate * int(count), place)
            elif kind.startswith(_SWITCH):
                before = total.get(name, (0, place))
                total[name] = before[0] + rate * int(count), before[1]
            elif (peer := parts.at.get((parts.host[name], target))) in parts.gpus:
                links += [DraftLink(name, str(peer), rate, None, place)] * int(count)
            else:
                what = f"an NVLink leads to '{target}' of class '{kind}', which is no GPU of this file and no NVSwitch."
                raise parts.fail(nvlink, what)
    for name, (rate, place) in total.items():
        links += _both(name, "nvswitch", rate, place)
    return links, bool(total)


def _joined(gpus: Sequence[str], links: Sequence[DraftLink], *, through: bool) -> bool:
    """Tell whether `links` lead from every GPU to every other, `through` other GPUs or by switches only."""
    out: dict[str, set[str]] = {}
    for link in links:
        out.setdefault(link.source, set()).add(link.target)
    for first in gpus:
        seen, open_ = {first}, [first]
        while open_:
            node = open_.pop()
            if node != first and node in gpus and not through:
                continue
            new = out.get(node, set()) - seen
            seen |= new
            open_ += new
        if not seen >= set(gpus):
            return False
    return True


def _between_cpus(parts: _Parts) -> Iterator[DraftLink]:
    """Yield links between NUMA nodes of one server, at the rate that NCCL takes them to have: the file says none."""
    for index, (name, cpu) in enumerate(parts.cpus):
        for other, second in parts.cpus[index + 1 :]:
            if cpu.attributes.get("host_hash") == second.attributes.get("host_hash"):
                yield from _both(name, other, min(_numa_rate(cpu), _numa_rate(second)), parts.place(second))


def _numa_rate(cpu: Element) -> int:
    arch, vendor = cpu.attributes.get("arch", "x86_64"), cpu.attributes.get("vendor", "")
    if arch != "x86_64":
        return {"ppc64": 32, "arm64": 6}.get(arch, 6) * 10**9
    model = cpu.attributes.get("modelid", "")
    if vendor == "GenuineIntel":
        number = int(model) if re.fullmatch(r"\d{1,6}", model) else 0
        return next(rate for least, rate in _NUMA if number >= least) * 10**9
    return 16 * 10**9


def nvlink_rate(sm: str, place: str) -> int:
    """Return bytes/s of one NVLink and direction of a GPU of compute capability `sm` (70, 80, 90, ...)."""
    if not re.fullmatch(r"\d{2,3}", sm) or int(sm) < NVLINK[0][0]:
        raise FileFormatError(f"{place}: a GPU with NVLinks has sm '{sm}'; known are 60 and later.")
    return [rate for least, rate in NVLINK if int(sm) >= least][-1] * 10**9


def pcie_rate(speed: str, width: str, place: str) -> int:
    """Return bytes/s of a PCIe link from "16.0 GT/s PCIe" and its lanes; 16 lanes where a virtual machine says 0."""
    found = _SPEED.fullmatch(speed)
    if speed and found is None:
        raise FileFormatError(f"{place}: the link_speed '{speed}' is not like '16.0 GT/s PCIe'.")
    lane = found[1] if found else "8.0"  # what NCCL takes where the kernel knows no speed
    if lane not in _PCIE:
        raise FileFormatError(f"{place}: no generation of PCIe has {lane} GT/s; known are {', '.join(_PCIE)}.")
    if width and not re.fullmatch(r"\d{1,2}", width):
        raise FileFormatError(f"{place}: the link_width '{width}' is no number of lanes.")
    lanes = int(width or 0) or 16
    return int(Fraction(lane) * _PCIE[lane] * lanes * 10**9 / 8)


def _both(a: str, b: str, rate: int, place: str) -> list[DraftLink]:
    return [DraftLink(a, b, rate, None, place), DraftLink(b, a, rate, None, place)]


def _cards(parts: _Parts) -> str:
    speeds: dict[int, int] = {}
    for net in parts.nics:
        text = net.attributes.get("speed", "0")
        if not re.fullmatch(r"\d{1,9}", text):
            raise parts.fail(net, f"the speed '{text}' of a network card is no number of Mb/s.")
        speeds[int(text)] = speeds.get(int(text), 0) + 1
    listed = [f"{count} of {format_bandwidth(speed * 10**6 / 8)}" for speed, count in sorted(speeds.items(), reverse=True)]
    return f"network cards left out ({', '.join(listed)})" if listed else "no network card"


def _levels(parts: _Parts, gpus: Sequence[str]) -> Mapping[str, tuple[tuple[str, ...], ...]]:
    sets = {cpu: tuple(gpu for gpu in gpus if parts.home[gpu] == cpu) for cpu, _ in parts.cpus}
    kept = tuple((*members, cpu) for cpu, members in sets.items() if members)
    return {"numa": kept} if len(kept) > 1 else {}
