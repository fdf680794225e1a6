"""NCCL's topology XML: servers with NVSwitches, with NVLink meshes, with PCIe alone; rates; and hostile files."""

import numpy as np
import pytest
from interop.fuzz import survives

from collsim.errors import CollsimError, FileFormatError
from collsim.interop.nccl_rates import nvlink_rate, pcie_rate, xgmi_rate
from collsim.simulate import simulate
from collsim.topology import load

CPU = 'affinity="ff" arch="x86_64" vendor="GenuineIntel" familyid="6" modelid="143"'
LINK = 'link_speed="32.0 GT/s PCIe" link_width="16"'
NVS = '<nvlink target="0000:0{}:00.0" count="{}" tclass="0x068000"/>'


def gpu(rank, bus, inside="", sm=90, link=LINK):
    return (
        f'<pci busid="{bus}" class="0x030200" {link}><gpu dev="{rank}" sm="{sm}" rank="{rank}" gdr="1">{inside}</gpu></pci>'
    )


def system(*cpus):
    body = "\n".join(f'<cpu host_hash="0x1" numaid="{k}" {CPU}>\n{inside}\n</cpu>' for k, inside in enumerate(cpus))
    return f'<system version="1">\n{body}\n</system>\n'


def bus(rank):
    return f"0000:{rank + 16:02x}:00.0"


@pytest.fixture
def read(tmp_path):
    def reader(text, **more):
        (tmp_path / "server.xml").write_text(text)
        return load(tmp_path / "server.xml", **more)

    return reader


def h100():
    nvlinks = "".join(NVS.format(k, count) for k, count in ((5, 5), (6, 4), (7, 4), (8, 5)))
    net = '<nic><net name="mlx5" dev="0" speed="400000" port="1"/></nic>'
    nic = f'<pci busid="0000:e{{}}:00.0" class="0x020700" {LINK}>{net}</pci>'
    above = f'class="0x060400" {LINK}'
    boards = [
        f'<pci busid="0000:f{rank}:00.0" {above}>\n{gpu(rank, bus(rank), nvlinks)}\n{nic.format(rank)}\n</pci>'
        for rank in range(8)
    ]
    return system("\n".join(boards[:4]), "\n".join(boards[4:]))


def test_an_h100_server_is_the_machine_of_that_name(read):
    net, want = read(h100(), latency="936.25ns"), load("hgx-h100")
    assert net.names == want.names
    for what in ("source", "target", "bandwidth", "latency", "forwards"):
        assert np.array_equal(getattr(net, what), getattr(want, what))
    assert "network cards left out (8 of 50 GB/s)" in net.about
    assert simulate(net, "ring", size="1MiB").result.time == simulate(want, "ring", size="1MiB").result.time


def amd(rank, ranks, gcn="942", count=1):
    inside = "".join(f'<xgmi target="{bus(k)}" count="{count}" tclass="0x120000"/>' for k in range(ranks) if k != rank)
    device = f'<gpu dev="{rank}" sm="228" gcn="{gcn}" rank="{rank}" gdr="1">{inside}</gpu>'
    return f'<pci busid="{bus(rank)}" class="0x120000" {LINK}>{device}</pci>'


@pytest.mark.parametrize("gcn, rate", [("908", 46), ("910", 50), ("gfx90a", 50), ("942", 64), ("gfx950", 76.8)])
def test_xgmi_links_of_amd_join_the_gpus(read, gcn, rate):
    net = read(system(*(amd(rank, 4, gcn, count=2) for rank in range(4))))
    assert (net.hosts, net.switches, net.links) == (4, 0, 24)
    assert set(net.bandwidth.tolist()) == {round(rate * 10**9)}
    assert not net.forwards.any()


def test_an_unknown_generation_of_xgmi_is_refused(read):
    with pytest.raises(FileFormatError, match=r"line 3: a GPU with xGMI links has gcn 'gfx77'; known are 906, 908"):
        read(system(amd(0, 2, "gfx77"), amd(1, 2)))
    assert xgmi_rate("gfx942:sramecc+", "x") == 64 * 10**9


def device(number, kind, inside=None):
    head = f'<pci busid="{number}" class="{kind}" link_speed="16 GT/s" link_width="16"'
    return f"{head}/>" if inside is None else f"{head}>{inside}</pci>"


def test_a_file_made_for_nccl_to_read_names_its_gpus_by_class(read):
    # As clouds ship them: no <gpu>, no <nic>; and buses in no order.
    def board(number, *gpus):
        cards = [device(f"010{n}:00:00.0", "0x020700") for n in gpus]
        return device(
            f"ffff:ff:0{number}.0", "0x060400", "".join(device(f"000{n}:00:00.0", "0x030200") for n in gpus) + cards[0]
        )

    net = read(system(board(1, 3, 4), board(2, 1, 2)))
    assert net.names[:4] == ("gpu0", "gpu1", "gpu2", "gpu3")
    assert "4 GPUs known by class, ranked by bus number, PCIe alone" in net.about
    above = {net.names[b] for a, b in zip(net.source, net.target, strict=True) if net.names[a] in ("gpu0", "gpu1")}
    assert above == {"pciffff:ff:02.0"}
    assert max(net.bandwidth.tolist()) == 31_507_692_307


def test_devices_of_a_gpus_class_are_passed_over_where_gpus_are_named(read):
    net = read(system(gpu(0, bus(0)) + gpu(1, bus(1)) + device("0000:aa:00.0", "0x030200")))
    assert net.hosts == 2


CUBE = {
    0: {1: 1, 2: 1, 3: 2, 4: 2},
    1: {2: 2, 3: 1, 5: 2},
    2: {3: 2, 6: 1},
    3: {7: 1},
    4: {5: 1, 6: 1, 7: 2},
    5: {6: 2, 7: 1},
    6: {7: 2},
}


def test_a_hybrid_cube_mesh_is_relayed_by_gpus(read):
    both = {r: dict(CUBE.get(r, {})) | {a: far[r] for a, far in CUBE.items() if r in far} for r in range(8)}
    mesh = {
        r: "".join(f'<nvlink target="{bus(peer).upper()}" count="{n}" tclass="0x030200"/>' for peer, n in far.items())
        for r, far in both.items()
    }
    net = read(system(*("".join(gpu(r, bus(r), mesh[r], sm=70) for r in half) for half in (range(4), range(4, 8)))))
    want = load("dgx1-v100")
    assert net.forwards.all()
    counts = [
        {(int(a), int(b)): len(t.links_between(int(a), int(b))) for a, b in zip(t.source, t.target, strict=True)}
        for t in (net, want)
    ]
    assert counts[0] == counts[1]
    assert set(net.bandwidth.tolist()) == {25 * 10**9}


def test_pcie_alone(read):
    boards = []
    for k in range(2):
        gpus = "".join(gpu(rank, bus(rank), sm=89) for rank in (2 * k, 2 * k + 1))
        boards.append(f'<pci busid="0000:f{k}:00.0" class="0x060400" {LINK}>{gpus}</pci>')
    net = read(system(*boards))
    assert net.names == ("gpu0", "gpu1", "gpu2", "gpu3", "cpu0", "pci0000:f0:00.0", "cpu1", "pci0000:f1:00.0")
    assert not net.forwards[:4].any()
    rates = {net.link_name(k): int(net.bandwidth[k]) for k in range(net.links)}
    assert rates["gpu0->pci0000:f0:00.0"] == rates["pci0000:f0:00.0->cpu0"] == int(16 * 32e9 * 128 / 130 / 8)
    assert rates["cpu0->cpu1"] == 22 * 10**9
    assert [level.sets for level in net.levels] == [((0, 1, 4), (2, 3, 6))]
    assert set(net.latency.tolist()) == {150 * 10**6}


def test_nvlink_bridges_of_pairs_stay_beside_pcie(read):
    pair = {0: 1, 1: 0, 2: 3, 3: 2}
    boards = [gpu(r, bus(r), f'<nvlink target="{bus(far)}" count="4" tclass="0x030200"/>', sm=86) for r, far in pair.items()]
    net = read(system("".join(boards[:2]), "".join(boards[2:])))
    assert len(net.links_between(0, 1)) == 4
    assert net.links == 4 * 4 + 2 * 4 + 2


def test_several_servers_are_composed(tmp_path, read):
    read(h100())
    (tmp_path / "pod.yaml").write_text("compose: {rack: server.xml, racks: 2, port: 400Gb/s}\n")
    assert load(tmp_path / "pod.yaml").hosts == 16


@pytest.mark.parametrize(
    "speed, width, rate",
    [
        ("8.0 GT/s PCIe", "16", 15_753_846_153),
        ("2.5 GT/s", "1", 250_000_000),
        ("64.0 GT/s PCIe", "16", 121_000_000_000),
        ("", "", 15_753_846_153),
        ("16.0 GT/s PCIe", "0", 31_507_692_307),
    ],
)
def test_pcie_rates(speed, width, rate):
    assert pcie_rate(speed, width, "x") == rate


@pytest.mark.parametrize("sm, rate", [("60", 20), ("70", 25), ("80", 25), ("86", 14), ("90", 25), ("100", 50), ("103", 50)])
def test_nvlink_rates(sm, rate):
    assert nvlink_rate(sm, "x") == rate * 10**9


@pytest.mark.parametrize(
    "change, sentence",
    [
        (("<system", "<!DOCTYPE s [<!ENTITY a 'b'>]><system"), "line 1: a document type is declared"),
        (("<system", "<algo"), "line 1: <algo> as the outermost element"),
        (("</system>", ""), "not whole XML"),
        (('count="5"', 'count="-5"'), "the count '-5' of NVLinks"),
        (('sm="90"', 'sm="9x"'), "sm '9x'"),
        (('rank="1"', 'rank="0"'), "rank 0 is there twice"),
        (('rank="1"', 'rank="one"'), "has the rank 'one'"),
        (("32.0 GT/s PCIe", "33.0 GT/s PCIe"), "no generation of PCIe has 33.0 GT/s"),
        (("32.0 GT/s PCIe", "fast"), "the link_speed 'fast'"),
        (('link_width="16"', 'link_width="x16"'), "the link_width 'x16'"),
        (('tclass="0x068000"', 'tclass="0x030200"'), "which is no GPU of this file"),
        ((bus(1), bus(0)), "the busid 0000:10:00.0 is there twice"),
        (('speed="400000"', 'speed="fast"'), "the speed 'fast' of a network card"),
    ],
)
def test_what_is_refused(read, change, sentence):
    with pytest.raises(FileFormatError) as caught:
        read(h100().replace(*change))
    assert sentence in str(caught.value)
    assert ", line " in str(caught.value)


def test_bombs(read):
    for text in (
        "<system>" + "<cpu>" * 100_000,
        '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><system>&b;</system>',
        "<system></system>",
        "<system><cpu/></system>",
    ):
        with pytest.raises(CollsimError):
            read(text)


def test_damage(tmp_path):
    text = system(gpu(0, bus(0), NVS.format(5, 6)) + "\n" + gpu(1, bus(1), NVS.format(5, 6)))
    assert survives(tmp_path / "s.xml", text, flips=100, step=3) > 100
