"""Whom hosts send to: the definitions, written out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collsim.errors import InvalidValue, UnknownName
from collsim.topology import load
from collsim.topology.routing.splitmix import fold_array
from collsim.workloads.traffic_patterns import PATTERNS, destinations


def targets(pattern, topology, draws=1, seed=0):
    """The targets of `draws` packets of every host, hosts as rows."""
    machine = load(topology)
    found = destinations(pattern, machine, seed)
    source = np.repeat(np.arange(machine.hosts), draws)
    return found.draw(source, fold_array(7, source, np.tile(np.arange(draws), machine.hosts))).reshape(-1, draws)


@pytest.mark.parametrize("topology", ["torus4x6", "mesh3x5", "ring7", "torus3x4x5"])
def test_neighbor_and_tornado_shift_every_digit(topology):
    machine = load(topology)
    place = np.stack(np.unravel_index(np.arange(machine.hosts), machine.dims), axis=1)
    sizes = np.array(machine.dims)
    for pattern, by in (("neighbor", np.ones_like(sizes)), ("tornado", np.ceil(sizes / 2).astype(int) - 1)):
        expected = np.ravel_multi_index(((place + by) % sizes).T, machine.dims)
        assert targets(pattern, topology)[:, 0].tolist() == expected.tolist()


def test_machines_without_a_grid_are_one_row():
    assert targets("neighbor", "switch5")[:, 0].tolist() == [1, 2, 3, 4, 0]
    assert targets("tornado", "fattree4")[:, 0].tolist() == [(r + 7) % 16 for r in range(16)]


def test_transpose_swaps_coordinates():
    expected = [4 * (r % 4) + r // 4 for r in range(16)]
    machine = load("mesh4x4")
    found = destinations("transpose", machine, 0)
    assert np.flatnonzero(~found.sends).tolist() == [0, 5, 10, 15]
    for topology in ("torus4x4", "fattree4"):
        sends = destinations("transpose", load(topology), 0)
        assert sends.members.tolist() == expected
    hypercube = destinations("transpose", load("hypercube16"), 0).members.tolist()
    assert hypercube == [(r & 3) << 2 | r >> 2 for r in range(16)]


def test_a_permutation_is_one_moves_everybody_and_follows_the_seed():
    drawn = {tuple(targets("permutation", "switch9", seed=seed)[:, 0].tolist()) for seed in range(20)}
    assert len(drawn) == 20
    for target in drawn:
        assert sorted(target) == list(range(9))
        assert all(host != other for host, other in enumerate(target))
    assert targets("permutation", "switch2")[:, 0].tolist() == [1, 0]


def test_uniform_reaches_all_others_about_equally():
    found = targets("uniform", "switch5", draws=4000)
    for host, row in enumerate(found):
        counts = np.bincount(row, minlength=5)
        assert counts[host] == 0
        assert np.delete(counts, host) == pytest.approx(np.full(4, 1000), abs=5 * 1000**0.5)


def test_adversarial_sends_to_all_hosts_of_the_next_group():
    found = targets("adversarial", "dragonfly2x2x1", draws=200)
    for host, row in enumerate(found):
        following = (host // 4 + 1) % 3
        assert set(row.tolist()) == set(range(4 * following, 4 * following + 4))


@pytest.mark.parametrize(
    ("pattern", "topology", "cure"),
    [
        ("transpose", "torus4x8", "torus8x8"),
        ("transpose", "torus3x3x3", "torus8x8"),
        ("transpose", "switch6", "torus8x8"),
        ("adversarial", "torus4x4", "dragonfly2x4x2"),
        ("tornado", "hypercube8", "take uniform"),
        ("tornado", "switch2", "take uniform"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_cure(pattern, topology, cure):
    with pytest.raises(InvalidValue, match=cure):
        destinations(pattern, load(topology), 0)


def test_a_misspelt_pattern_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="'uniform'"):
        PATTERNS.get("unifrom")


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(["torus4x4", "ring5", "switch6", "dragonfly2x2x1", "mesh3x3"]), st.integers(0, 2**31), st.data())
def test_draws_come_from_the_pairs_that_may_talk(topology, seed, data):
    machine = load(topology)
    fitting = [name for name in PATTERNS if name != "adversarial" or machine.family == "dragonfly"]
    pattern = data.draw(st.sampled_from([n for n in fitting if n != "transpose" or topology in ("torus4x4", "mesh3x3")]))
    found = destinations(pattern, machine, seed)
    source, target, share = found.pairs()
    allowed = set(zip(source.tolist(), target.tolist(), strict=True))
    assert np.bincount(source, share, machine.hosts) == pytest.approx(found.sends.astype(float))
    drawn = np.repeat(np.flatnonzero(found.sends), 20)
    went = found.draw(drawn, fold_array(seed, drawn, np.arange(len(drawn))))
    assert set(zip(drawn.tolist(), went.tolist(), strict=True)) <= allowed
    assert not (drawn == went).any()
