"""MULTITREE's known answers, and its schedules replayed here by a loop of their own."""

from collections import Counter, defaultdict

import pytest

from collsim import simulate
from collsim.collectives.algorithm import ALGORITHMS, parse_algorithm
from collsim.collectives.collective import collective
from collsim.collectives.schedule import COPY, REDUCE
from collsim.collectives.tree_growth import grow
from collsim.collectives.trees import least_steps
from collsim.errors import AlgorithmUnsuitable, InvalidValue, UnknownName
from collsim.topology import load

MULTITREE = ALGORITHMS.get("multitree")

# (any-tree steps, steps of the authors' code, least possible): the ISCA 2021 paper and its authors' code.
STEPS = {
    "torus4x4": (5, 5, 4),
    "torus6x6": (10, 10, 9),
    "torus8x8": (17, 17, 16),
    "mesh2x2": (2, 2, 2),
    "mesh4x4": (8, 10, 8),
    "mesh6x6": (18, 19, 18),
    "mesh8x8": (32, 33, 32),
    "fattree4x2": (15, 15, 15),
    "fattree8x2": (63, 63, 63),
    "bigraph4x8": (31, 31, 31),
    "bigraph4x16": (63, 63, 63),
}

EVERYWHERE = [
    *("ring2", "ring3", "ring8", "full2", "full5", "switch7", "switch16", "hypercube8", "torus2x2", "torus4x4"),
    *("torus2x3x4", "mesh2x2", "mesh3x5", "mesh4x4", "fattree2", "fattree4", "fattree4x2", "fattree8x2"),
    *("leafspine4x4x2", "dragonfly2x2x1", "dragonfly2x4x2", "bigraph4x8", "dgx1-v100", "dgx2", "dgx-a100"),
    *("dgx-a100-x2", "hgx-h100", "gaudi3", "tpu-v3-32"),
]


@pytest.mark.parametrize("name", STEPS)
def test_steps_of_a_phase(name):
    topology = load(name)
    hosts = range(topology.hosts)
    found = (grow(topology, hosts).steps, grow(topology, hosts, termination="authors").steps, least_steps(topology))
    assert found == STEPS[name]


def test_new_edges_a_step():
    assert grow(load("torus4x4"), range(16)).new_edges() == [64, 64, 48, 48, 16]
    assert grow(load("mesh4x4"), range(16)).new_edges() == [48, 43, 41, 35, 29, 21, 13, 10]


def test_golden_trees():
    mesh = grow(load("mesh2x2"), range(4))
    assert mesh.edges_of(0) == [(2, 0, 0), (1, 0, 0), (3, 2, 1)]
    assert mesh.edges_of(1) == [(3, 1, 0), (0, 1, 0), (2, 3, 1)]
    text = """(12,0,0)(4,0,0)(3,0,0)(1,0,0)(8,12,1)(15,12,1)(13,12,1)(7,3,1)(5,4,2)(2,3,2)(11,15,2)(9,8,3)(14,15,3)
    (6,2,3)(10,11,4)"""
    golden = [tuple(map(int, edge.split(","))) for edge in text.replace("\n", "").strip(" ()").replace(" ", "").split(")(")]
    assert grow(load("torus4x4"), range(16)).edges_of(0) == golden


def test_four_ports_are_all_that_a_mesh_has():
    """One NI a node on a mesh gives more steps than its links would; the paper's 4 NIs are all its links."""
    mesh = load("mesh4x4")
    assert grow(mesh, range(16), ports=4).steps == grow(mesh, range(16)).steps == 8
    assert grow(mesh, range(16), ports=1).steps >= least_steps(mesh, ports=1) == 15


def replay(schedule):
    """Return contributions[rank][chunk] as Counters after all steps, a step reading what the steps before left."""
    name, n = schedule.collective.name, schedule.ranks
    held = [[Counter() for _ in range(schedule.chunks)] for _ in range(n)]
    for rank in range(n):
        for chunk in range(schedule.chunks):
            if name != "all-gather" or schedule.chunk_src[chunk] == rank:
                held[rank][chunk][rank] = 1
    steps = defaultdict(list)
    for t in range(schedule.transfers):
        steps[int(schedule.step[t])].append(t)
    for step in sorted(steps):
        values = {t: Counter(held[schedule.src[t]][schedule.chunk[t]]) for t in steps[step]}
        for t, value in values.items():
            destination, chunk = int(schedule.dst[t]), int(schedule.chunk[t])
            if schedule.op[t] == REDUCE:
                held[destination][chunk].update(value)
            else:
                held[destination][chunk] = value
    return held


def check_contributions(schedule):
    held, n = replay(schedule), schedule.ranks
    whole = Counter(range(n))
    for rank in range(n):
        for chunk in range(schedule.chunks):
            if schedule.collective.name == "all-gather":
                assert held[rank][chunk] == Counter([schedule.chunk_src[chunk]])
            elif schedule.collective.name == "all-reduce" or rank == schedule.chunk_dst[chunk]:
                assert held[rank][chunk] == whole


def check_paths(schedule, topology, ports=0):
    """Every path leads from host to host through nodes that forward; no link and no port is used twice in a step."""
    used, ends = set(), Counter()
    for t in range(schedule.transfers):
        step, path = int(schedule.step[t]), schedule.path_of(t).tolist()
        nodes = [int(topology.source[path[0]])] + [int(topology.target[link]) for link in path]
        assert nodes[0] == schedule.ranks_to_hosts[schedule.src[t]]
        assert nodes[-1] == schedule.ranks_to_hosts[schedule.dst[t]]
        assert all(topology.source[link] == node for link, node in zip(path, nodes, strict=False))
        assert all(topology.forwards[node] for node in nodes[1:-1])
        assert len(set(nodes)) == len(nodes)
        for link in path:
            assert (step, link) not in used
            used.add((step, link))
        ends[step, "send", nodes[0]] += 1
        ends[step, "receive", nodes[-1]] += 1
    if ports:
        assert max(ends.values()) <= ports


@pytest.mark.parametrize("operation", MULTITREE.collectives)
@pytest.mark.parametrize("name", EVERYWHERE)
def test_every_rank_ends_right_and_no_two_transfers_of_a_step_share_a_link(name, operation):
    topology = load(name)
    schedule = MULTITREE.schedule(topology, collective(operation))
    phases = 2 if operation == "all-reduce" else 1
    assert schedule.transfers == phases * topology.hosts * (topology.hosts - 1)
    assert schedule.steps == phases * grow(topology, range(topology.hosts)).steps
    check_paths(schedule, topology)
    if topology.hosts <= 36:
        check_contributions(schedule)


@pytest.mark.parametrize("ports", [1, 2])
@pytest.mark.parametrize("name", ["torus4x4", "mesh3x5", "dgx1-v100", "full5", "dgx-a100-x2"])
def test_ports_bound_what_a_host_sends_and_receives_in_a_step(name, ports):
    topology = load(name)
    schedule = MULTITREE.schedule(topology, collective("all-reduce"), ports=ports)
    check_paths(schedule, topology, ports)
    check_contributions(schedule)


@pytest.mark.parametrize("turns", ["roots", "smallest"])
@pytest.mark.parametrize("chunks", [2, 3])
@pytest.mark.parametrize("name", ["ring2", "torus3x3", "mesh3x5", "switch7", "dgx1-v100"])
def test_pieces_of_a_share_have_trees_of_their_own(name, chunks, turns):
    topology = load(name)
    n = topology.hosts
    for operation in MULTITREE.collectives:
        schedule = MULTITREE.schedule(topology, collective(operation), chunks=chunks, turns=turns)
        check_paths(schedule, topology)
        check_contributions(schedule)
        homes = [rank for rank in range(n) for _ in range(chunks)]
        assert schedule.chunk_src.tolist() == (homes if operation == "all-gather" else [-1] * (n * chunks))
        assert schedule.chunk_dst.tolist() == (homes if operation == "reduce-scatter" else [-1] * (n * chunks))
        # However odd the size, a rank's share is that of one chunk a rank.
        assert schedule.boundaries(10**6 + 7)[::chunks] == [(10**6 + 7) * rank // n for rank in range(n + 1)]


@pytest.mark.slow
def test_two_pieces_reach_the_all_gather_that_tacos_finds():
    """TACOS needs 6,676.67 us for 2,048 MiB on the 3x4x5 torus at 50 GiB/s and 500 ns, one piece a rank 20 % more."""
    machine = {"latency": "500ns", "bandwidth": "50GiB/s", "collective": "all-gather", "size": "2048MiB"}
    machine["network"] = {"packet_payload": "64MiB"}
    times = {}
    for chunks in (1, 2, 8):
        algorithm = f"multitree:chunks={chunks},turns=smallest"
        analytic = simulate("torus3x4x5", algorithm, engine="analytic", **machine).result.time
        packets = simulate("torus3x4x5", algorithm, engine="simpy", **machine)
        assert packets.result.time == analytic
        times[chunks] = analytic / 1e9
    assert times[1] > 8_000
    assert times[8] < times[2] < 6_676.67


@pytest.mark.parametrize("order", ["ascending", "descending", "fastest", "NSWE", "EWSN", "WNES"])
def test_any_neighbour_order_gives_a_right_schedule_within_two_steps_of_the_best(order):
    topology = load("mesh4x4")
    schedule = MULTITREE.schedule(topology, collective("all-reduce"), neighbour_order=order)
    check_paths(schedule, topology)
    check_contributions(schedule)
    assert 16 <= schedule.steps <= 20


@pytest.mark.parametrize("hosts", [[3, 0], [5, 2, 9, 14], [15, 1, 0, 2, 7], list(range(8))])
@pytest.mark.parametrize("name", ["torus4x4", "mesh4x4", "fattree4x2", "dgx-a100-x2"])
def test_a_group_uses_other_hosts_only_where_they_forward(name, hosts):
    topology = load(name)
    schedule = MULTITREE.schedule(topology, collective("all-reduce"), hosts)
    check_paths(schedule, topology)
    check_contributions(schedule)


def test_the_way_up_is_the_way_down_reversed_where_every_link_has_one_back():
    topology = load("bigraph4x8")
    schedule = MULTITREE.schedule(topology, collective("all-reduce"))
    phase = schedule.steps // 2
    ends = list(zip(topology.source.tolist(), topology.target.tolist(), strict=True))
    moves = {COPY: set(), REDUCE: set()}
    for t in range(schedule.transfers):
        hops = [ends[link] for link in schedule.path_of(t)]
        step = int(schedule.step[t])
        if schedule.op[t] == REDUCE:
            moves[REDUCE].add((phase - 1 - step, int(schedule.chunk[t]), tuple((b, a) for a, b in reversed(hops))))
        else:
            moves[COPY].add((step - phase, int(schedule.chunk[t]), tuple(hops)))
    assert moves[COPY] == moves[REDUCE]


def test_a_link_without_a_way_back_gives_the_reduction_trees_of_its_own():
    torus = load("torus3x3")
    broken = torus.with_links([link for link in range(torus.links) if link not in (0, 7)], torus.bandwidth)
    for operation in MULTITREE.collectives:
        schedule = MULTITREE.schedule(broken, collective(operation))
        check_paths(schedule, broken)
        check_contributions(schedule)


def test_options_by_name_and_their_refusals():
    entry, options = parse_algorithm("multitree:termination=authors,ports=2,neighbour_order=descending,chunks=4")
    assert options == {"termination": "authors", "ports": 2, "neighbour_order": "descending", "chunks": 4}
    mesh, wanted = load("mesh4x4"), collective("all-reduce")
    assert entry.schedule(mesh, wanted, termination="authors").steps == 20
    with pytest.raises(InvalidValue, match=r"any-tree or authors.*'first'"):
        entry.schedule(mesh, wanted, termination="first")
    with pytest.raises(InvalidValue, match="NSWE, not 'NNWE'"):
        entry.schedule(mesh, wanted, neighbour_order="NNWE")
    with pytest.raises(InvalidValue, match="two dimensions"):
        entry.schedule(load("torus2x3x4"), wanted, neighbour_order="NSWE")
    with pytest.raises(InvalidValue, match="ports is 0"):
        entry.schedule(mesh, wanted, ports=-1)
    with pytest.raises(InvalidValue, match=r"chunks is a positive number.*not 0"):
        entry.schedule(mesh, wanted, chunks=0)
    with pytest.raises(InvalidValue, match="turns is roots or smallest, not 'largest'"):
        entry.schedule(mesh, wanted, turns="largest")
    with pytest.raises(UnknownName, match="termination"):
        entry.schedule(mesh, wanted, terminaton="authors")
    with pytest.raises(AlgorithmUnsuitable, match="all-to-all"):
        entry.schedule(mesh, collective("all-to-all"))
