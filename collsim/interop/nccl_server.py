"""From the elements of NCCL's topology XML to a topology: which rates they have, and which of them matter.

Where NVLinks (AMD: xGMI links) join all GPUs, straight or through NVSwitches or other GPUs, they are the network: NCCL then
sends nothing between GPUs over PCIe. Else PCIe switches and NUMA nodes are switches of the graph. Network cards lead out of
the server and are only counted. Files that clouds ship to be read by NCCL (`NCCL_TOPO_FILE`) describe the PCIe tree alone:
their GPUs are known by class, and their NVLinks are in no file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from collsim.errors import FileFormatError
from collsim.interop.nccl_rates import numa_rate, nvlink_rate, pcie_rate, xgmi_rate
from collsim.interop.nccl_xml import Element
from collsim.topology.draft import Draft, DraftLink, DraftNode, finish
from collsim.topology.family import MAX_LINKS
from collsim.topology.graph import Topology
from collsim.units import format_bandwidth

__all__ = ["server"]

_SWITCH, _CPU = "0x0680", "0x068001"
"""Classes of an nvlink's target: bridges are NVSwitches, but for that of a CPU."""
_GPU_CLASSES = ("0x0300", "0x0302", "0x0380", "0x1200")
"""Classes of PCIe devices that are GPUs, where no <gpu> says which are."""
_MOST_NVLINKS, _MOST_GPUS, _MOST_NUMA = 1024, 1024, 64
"""Links between two GPUs, GPUs of a file, and NUMA nodes of a server that are still believed."""


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
    ranks: dict[tuple[str, str], int] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)

    def place(self, element: Element) -> str:
        return f"{self.origin}, line {element.line}"

    def fail(self, element: Element, what: str) -> FileFormatError:
        return FileFormatError(f"{self.place(element)}: {what}")


def server(system: Element, name: str, origin: str, bandwidth: int | None, latency: int | None) -> Topology:
    """Return the topology of `system`; `bandwidth` and `latency` as `draft.finish` uses them."""
    parts = _Parts(origin)
    cpus = system.under("cpu")
    for server, count in Counter(cpu.attributes.get("host_hash", "") for cpu in cpus).items():
        if count > _MOST_NUMA:
            raise parts.fail(system, f"server '{server}' has {count:,} NUMA nodes; up to {_MOST_NUMA} are believed.")
    _rank_by_class(parts, cpus)
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
        raise parts.fail(
            system, "no <gpu> and no device of a GPU's class is in it; the dump of a rank that sees GPUs has them."
        )
    if len(parts.gpus) > _MOST_GPUS:
        raise parts.fail(system, f"{len(parts.gpus):,} GPUs in one file; up to {_MOST_GPUS:,} are believed.")
    gpus = sorted(parts.gpus, key=lambda gpu: int(gpu.removeprefix("gpu")))
    nvlinks, uses_switch = _nvlinks(parts)
    relayed = _joined(gpus, nvlinks, through=True)
    alone = relayed and not any(link.target in parts.switches for link in nvlinks)
    what = f"{len(gpus)} GPUs, {_cards(parts)}, from a topology file of NCCL; rated rates"
    if parts.ranks:
        what = f"{len(gpus)} GPUs known by class, ranked by bus number, PCIe alone: a file for NCCL to read has no NVLinks"
    switches = ["nvswitch"] if uses_switch else []
    links: Sequence[DraftLink] = nvlinks
    if not alone:
        switches, links = [*parts.switches, *switches], [*parts.pcie, *_between_cpus(parts), *nvlinks]
    # Without a switch GPUs that have no NVLink in common are relayed by one between them, as on a hybrid cube mesh.
    forwards = alone and not _joined(gpus, nvlinks, through=False)
    nodes = (*(DraftNode(gpu, True, forwards) for gpu in gpus), *(DraftNode(switch, False) for switch in switches))
    levels = {} if alone else _levels(parts, gpus)
    return finish(Draft(name, nodes, tuple(links), what, levels=levels), origin, bandwidth, latency)


def _rank_by_class(parts: _Parts, cpus: Sequence[Element]) -> None:
    """Where no <gpu> is in the file, number the devices of a GPU's class by their bus numbers, as CUDA does."""
    found: list[tuple[str, str]] = []
    open_ = [(cpu.attributes.get("host_hash", ""), cpu) for cpu in cpus]
    while open_:
        server, element = open_.pop()
        if element.under("gpu"):
            return
        open_ += [(server, pci) for pci in element.under("pci")]
        if element.attributes.get("class", "").lower()[:6] in _GPU_CLASSES:
            found.append((server, element.attributes.get("busid", "").lower()))
    parts.ranks = {device: rank for rank, device in enumerate(sorted(found))}


def _walk(parts: _Parts, pci: Element, above: str, where: tuple[str, str]) -> None:
    """Note a PCIe device and what hangs on it; `above` is the node it is linked to, `where` its NUMA node and server."""
    bus = pci.attributes.get("busid", "")
    nets = [net for nic in pci.under("nic") for net in nic.under("net")]
    parts.nics += nets
    gpus, inner = pci.under("gpu"), pci.under("pci")
    if (rank := parts.ranks.get((where[1], bus.lower()))) is not None and not inner:
        gpus = [Element("gpu", {"rank": str(rank)}, pci.line)]
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
    found, count = name, 0
    while found in parts.names:
        count += 1
        found = f"{name}.{count}"
    parts.names.add(found)
    return found


def _nvlinks(parts: _Parts) -> tuple[list[DraftLink], bool]:
    """Return the NVLinks as directed links, and whether an NVSwitch is among their ends: all of them count as one."""
    links: list[DraftLink] = []
    total: dict[str, tuple[int, str]] = {}
    for name, gpu in parts.gpus.items():
        for nvlink in (*gpu.under("nvlink"), *gpu.under("xgmi")):
            count, amd = nvlink.attributes.get("count", "1"), nvlink.name == "xgmi"
            link = "xGMI link" if amd else "NVLink"
            if not re.fullmatch(r"\d{1,4}", count) or not 1 <= int(count) <= _MOST_NVLINKS:
                raise parts.fail(nvlink, f"the count '{count}' of {link}s is not a number from 1 to {_MOST_NVLINKS}.")
            rate = _rate(gpu, parts.place(gpu), amd)
            place = parts.place(nvlink)
            kind, target = nvlink.attributes.get("tclass", "").lower(), nvlink.attributes.get("target", "").lower()
            if kind == _CPU:
                links += _both(name, parts.home[name], rate * int(count), place)
            elif kind.startswith(_SWITCH):
                before = total.get(name, (0, place))
                total[name] = before[0] + rate * int(count), before[1]
            elif (peer := parts.at.get((parts.host[name], target))) in parts.gpus:
                links += [DraftLink(name, str(peer), rate, None, place)] * int(count)
                if len(links) > MAX_LINKS:
                    raise parts.fail(nvlink, f"the links between GPUs are more than the {MAX_LINKS:,} allowed.")
            else:
                what = f"an {link} leads to '{target}' of class '{kind}', which is no GPU of this file and no NVSwitch."
                raise parts.fail(nvlink, what)
    for name, (rate, place) in total.items():
        links += _both(name, "nvswitch", rate, place)
    return links, bool(total)


def _rate(gpu: Element, place: str, amd: bool) -> int:
    return (xgmi_rate if amd else nvlink_rate)(gpu.attributes.get("gcn" if amd else "sm", ""), place)


def _joined(gpus: Sequence[str], links: Sequence[DraftLink], *, through: bool) -> bool:
    """Tell whether `links` lead from every GPU to every other, `through` other GPUs or by switches only."""
    out, wanted = dict[str, set[str]](), set(gpus)
    for link in links:
        out.setdefault(link.source, set()).add(link.target)
    for first in gpus:
        seen, open_ = {first}, [first]
        while open_:
            node = open_.pop()
            if node != first and node in wanted and not through:
                continue
            new = out.get(node, set()) - seen
            seen |= new
            open_ += new
        if not seen >= wanted:
            return False
    return True


def _between_cpus(parts: _Parts) -> Iterator[DraftLink]:
    """Yield links between NUMA nodes of one server, at the rate that NCCL takes them to have: the file says none."""
    for index, (name, cpu) in enumerate(parts.cpus):
        for other, second in parts.cpus[index + 1 :]:
            if cpu.attributes.get("host_hash") == second.attributes.get("host_hash"):
                yield from _both(
                    name, other, min(numa_rate(cpu.attributes), numa_rate(second.attributes)), parts.place(second)
                )


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
