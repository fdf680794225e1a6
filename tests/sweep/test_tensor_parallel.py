"""Tensor-parallel runs: what CAAT-Net's definition says of their times, in both packet engines and to the tick."""

from dataclasses import replace
from fractions import Fraction

import pytest
from sweep.tensor_parallel_cases import ENGINE_NAMES, EQUAL, MODES, SMALL, TINY, tiny

from collsim.engines.engine import ENGINES
from collsim.simulate import prepare
from collsim.sweep.tensor_parallel_plans import Plans
from collsim.sweep.tensor_parallel_setting import setting
from collsim.sweep.tensor_parallel_study import tensor_parallel
from collsim.workloads.load_transformer import load_transformer
from collsim.workloads.tensor_parallel import BF16, Scheme, stock


@pytest.mark.parametrize("engine", ENGINE_NAMES)
def test_with_everything_summed_and_equal_wires_a_step_is_megatrons_and_the_norm_gradients(engine):
    at = tiny(engine)
    ours, theirs = at.run(EQUAL), at.run(stock())
    assert (ours.forward, ours.backward, ours.collectives) == (theirs.forward, theirs.backward, theirs.collectives)
    assert (ours.compute, ours.copies, ours.sent) == (theirs.compute, 0, theirs.sent)
    norms = at.plans.alone("all-reduce", TINY.norm_parameters * 4)
    assert (ours.step, theirs.step) == (TINY.norm_parameters * 4, 0)
    assert ours.time - theirs.time == norms


@pytest.mark.parametrize("mode", ["prefill", "decode"])
@pytest.mark.parametrize("engine", ENGINE_NAMES)
def test_with_everything_summed_inference_is_megatrons(engine, mode):
    at = tiny(engine, mode=mode, batch=2, sequence=32)
    ours, theirs = at.run(Scheme()), at.run(stock())
    assert replace(ours, scheme=theirs.scheme, wall=theirs.wall) == theirs


@pytest.mark.parametrize("mode, p", [("train", 0.5), ("train", 0.0), ("prefill", 0.75), ("decode", 0.5)])
def test_the_engines_agree_to_the_tick(mode, p):
    points = []
    for engine in ENGINE_NAMES:
        at = tiny(engine, mode=mode, batch=2, sequence=32)
        points.append(at.run(Scheme(p=p)))
    one, two = points
    assert one == replace(two, wall=one.wall, trains=one.trains, settled=one.settled)


OPTIONS = [
    Scheme("megatron", 1, BF16, BF16, sequence_parallel=True),
    Scheme(p=0.5, ladder=True),
    Scheme(p=0.5, dropped=frozenset({1})),
    Scheme(p=0.5, forward_wire=4, backward_wire=8, copies="always"),
]


@pytest.mark.parametrize("scheme", OPTIONS)
def test_the_engines_agree_on_the_options(scheme):
    one, two = (tiny(engine).run(scheme) for engine in ENGINE_NAMES)
    assert one == replace(two, wall=one.wall, trains=one.trains, settled=one.settled)


@pytest.mark.parametrize("mode", MODES)
def test_bytes_are_affine_in_p_with_one_full_all_reduce_a_pass(mode):
    at = tiny(mode=mode, batch=2, sequence=32)
    rows = 64 if mode != "decode" else 2
    found = {p: at.run(Scheme(p=p)) for p in (0.0, 0.25, 0.5, 0.75, 1.0)}
    full = rows * 64 * 2
    for p, point in found.items():
        assert point.forward == full + Fraction(p) * 2 * TINY.layers * full
        assert point.backward == (full + Fraction(p) * 2 * TINY.layers * 2 * full if mode == "train" else 0)
        assert point.collectives == (2 if mode == "train" else 1) * (2 * TINY.layers * (p > 0) + 1)


@pytest.mark.parametrize(
    "engine, scheme",
    [
        *(("compiled", scheme) for scheme in (Scheme(p=1), stock(), Scheme(p=0.25, copies="always"))),
        ("simpy", Scheme(p=0.5)),
    ],
)
def test_blocking_collectives_are_exposed_whole(engine, scheme):
    """Time is computing, copying, and every collective as long as it takes by itself."""
    point = tiny(engine).run(scheme)
    assert point.exposed == point.communication
    assert point.bound <= point.exposed
    assert 0 < point.alpha < point.communication


def test_the_engine_sees_the_exposed_communication_that_the_sums_leave():
    at = tiny(micro_batches=1)
    stages = at.program(Scheme(p=0.5, copies="none"))
    case = at.plans.cases[0]
    result = ENGINES.get("compiled")(case.topology, stages.program, case.network)
    point = at.run(Scheme(p=0.5, copies="none"))
    norms = at.plans.alone("all-reduce", point.step)
    assert int(result.host_exposed.max()) == point.exposed - norms


@pytest.mark.parametrize(
    "topology, engine, scheme",
    [
        *(("gaudi3", "compiled", scheme) for scheme in (stock(), Scheme(p=0.5), Scheme(p=0.5, ladder=True))),
        ("hgx-h100", "compiled", Scheme(p=0.5)),
        ("gaudi3", "simpy", Scheme(p=0.5)),
    ],
)
def test_k_micro_batches_in_a_row_take_k_times_one(topology, engine, scheme):
    at = tiny(engine, topology)
    case = at.plans.cases[0]

    def time(count):
        program = at.program(scheme, count).program
        return ENGINES.get(engine)(case.topology, program, case.network).time

    assert time(3) == 3 * time(1)
    assert at.run(scheme).exact == (engine == "compiled")  # simpy does not say whether messages met


@pytest.mark.parametrize("topology", ["torus4x2", "ring8", "switch8", "hypercube8"])
@pytest.mark.parametrize("algorithm", ["direct", "ring", "multitree", "halving-doubling", "double-binary-tree"])
def test_where_it_says_so_k_micro_batches_take_k_times_one(topology, algorithm):
    at = tiny(topology=topology, algorithm=algorithm, sequence=100, network={"packet_payload": 256}, latency="20ns")
    point, case = at.run(Scheme(p=0.5)), at.plans.cases[0]
    one, three = (
        ENGINES.get("compiled")(case.topology, at.program(Scheme(p=0.5), count).program, case.network).time
        for count in (1, 3)
    )
    assert three == 3 * one or not point.exact


def test_messages_that_meet_may_make_the_next_micro_batch_another():
    """Ranks end together and yet three in a row are not three times one: turns of arbiters are where the first left them."""
    settings = {"accelerator": "gaudi3", "network": {"packet_payload": 256}, "latency": "20ns", "algorithm": "multitree"}
    at = setting("leafspine4x4x2", replace(TINY, layers=1), batch=1, sequence=8, micro_batches=3, **settings)
    point, case = at.run(Scheme(p=0.5)), at.plans.cases[0]
    one, three = (
        ENGINES.get("compiled")(case.topology, at.program(Scheme(p=0.5), count).program, case.network).time
        for count in (1, 3)
    )
    assert point.apart == 0
    assert three != 3 * one
    assert not point.exact


def test_ranks_that_end_apart_make_an_estimate_of_it():
    at = tiny(algorithm="binomial-tree")
    point = at.run(Scheme(p=0.5))
    assert point.apart > 0
    assert not point.exact
    assert tiny(algorithm="binomial-tree", micro_batches=1).run(Scheme(p=0.5)).exact


@pytest.mark.parametrize("size", [2**20, 2**24, 2**28])
def test_one_shot_on_gaudi_3_takes_its_bytes_at_300_gb_per_s_and_two_alpha(size):
    time = Plans((prepare("gaudi3"),)).alone("all-reduce", size)
    assert time / 1e15 == pytest.approx(size / 300e9 + 2e-6, rel=1e-6)
    half = Plans((prepare("gaudi2"),)).alone("all-reduce", size)
    assert half / 1e15 == pytest.approx(size / 150e9 + 2e-6, rel=1e-6)


def test_decoding_one_sequence_gains_nothing_for_alpha_decides():
    study = tensor_parallel("gaudi3", "llama2-7b", (1, 0.75, 0.5, 0.25), mode="decode")
    for point in study.points:
        assert point.over(study.own) == pytest.approx(1, abs=0.002)
        assert point.alpha_share > 0.98
    assert study.own.over(study.stock) == 1
    assert study.share < 0.003


@pytest.mark.parametrize("sequence, within", [(64, 0.03), (1024, 0.003), (16384, 0.0002)])
def test_a_large_prompt_gains_what_the_law_says_of_its_bytes(sequence, within):
    """At p = .5 towards 1 / (1 - f / 2), f the bandwidth-bound share of the time, as alpha is lost in the bytes."""
    study = tensor_parallel("gaudi3", "llama2-7b", 0.5, scheme=Scheme(copies="none"), mode="prefill", sequence=sequence)
    (half,) = study.points
    blocks = 64 * (sequence * 4096 * 2) / 300e9 * 1e15 / study.own.time
    assert study.share == pytest.approx(blocks, abs=within)
    assert half.over(study.own) == pytest.approx(1 / (1 - blocks / 2), rel=within)
    assert half.over(study.own) == pytest.approx(study.law(0.5), rel=1e-5)


@pytest.mark.parametrize("engine", ENGINE_NAMES)
def test_both_ends_of_the_law_in_both_engines(engine):
    """A token of one sequence gains nothing, a large prompt 1 / (1 - f / 2), packet by packet in large packets."""
    shape = replace(load_transformer("llama2-7b"), layers=2)
    common = {"engine": engine, "scheme": Scheme(copies="none"), "network": {"packet_payload": "1MiB"}}
    (token,) = (study := tensor_parallel("gaudi3", shape, 0.5, mode="decode", **common)).points
    assert token.over(study.own) == pytest.approx(1, abs=0.002)
    (prompt,) = (study := tensor_parallel("gaudi3", shape, 0.5, mode="prefill", sequence=8192, **common)).points
    blocks = 4 * (8192 * 4096 * 2) / 300e9 * 1e15 / study.own.time
    assert prompt.over(study.own) == pytest.approx(1 / (1 - blocks / 2), rel=2e-4)


@pytest.mark.parametrize(
    "engine, p", [("compiled", 0.0), ("compiled", 0.25), ("compiled", 0.5), ("compiled", 1.0), ("simpy", 0.5)]
)
def test_links_carry_what_the_traffic_says(engine, p):
    """Each rank sends 2 (S - 1) / S of what it hands to all-reduces, an equal part over each of its links."""
    at = tiny(engine, micro_batches=1)
    written, case = at.program(Scheme(p=p)), at.plans.cases[0]
    result = ENGINES.get(engine)(case.topology, written.program, case.network)
    point = at.run(Scheme(p=p))
    handed = point.forward + point.backward
    assert set(result.link_bytes.tolist()) == {2 * handed // 8}
    assert point.sent == 2 * 7 * handed // 8


@pytest.mark.parametrize("engine", ENGINE_NAMES)
def test_one_shot_on_gaudi_3_in_both_engines(engine):
    plans = Plans((prepare("gaudi3", engine=engine, network={"packet_payload": "1MiB"}),))
    assert plans.alone("all-reduce", 2**28) / 1e15 == pytest.approx(2**28 / 300e9 + 2e-6, rel=1e-6)
    assert plans.alone("all-reduce", 2**28, hollow=True) / 1e15 == pytest.approx(2e-6, rel=1e-4)


def test_patience_grows_with_the_bytes():
    at = setting("gaudi3", "llama2-7b", mode="decode")
    assert 0 < at.patience(stock()) < 30


def test_copies_are_all_that_the_law_does_not_know():
    study = tensor_parallel("gaudi3", "caatnet-7b", (1, 0.75, 0.5, 0.25))
    for point in study.points:
        assert study.own.time / (point.time - point.copies) == pytest.approx(study.law(point.scheme.p), rel=1e-6)
    assert len({point.copies for point in study.points if point.scheme.p < 1}) == 1


def test_against_stock_a_quarter_is_saved_and_against_its_own_p_1_half():
    study = tensor_parallel("gaudi3", "caatnet-7b", 0.5)
    (half,) = study.points
    assert 1 - half.exposed / study.stock.exposed == pytest.approx(0.25, abs=0.01)
    assert 1 - half.exposed / study.own.exposed == pytest.approx(0.5, abs=0.01)
    assert half.over(study.own) > half.over(study.stock)


def test_sequence_parallelism_takes_as_long_on_the_wire_as_all_reduces_of_one_shot():
    at = tiny()
    plain, split = at.run(stock()), at.run(stock(sequence_parallel=True))
    norms = at.plans.alone("all-reduce", TINY.norm_parameters * 4)
    assert split.exposed == plain.exposed + norms
    assert split.collectives == 2 * plain.collectives
    assert split.sent == plain.sent
    assert split.compute < plain.compute  # norms and sums are shared


def test_dropping_half_of_the_points_behind_attention_takes_a_quarter_of_the_blocks_away():
    at = setting("hgx-h100", "llama2-70b", mode="prefill", sequence=512)
    whole, dropped = at.run(stock()), at.run(replace(stock(), dropped=frozenset(range(0, 80, 2))))
    one = at.plans.alone("all-reduce", 512 * 8192 * 2)
    assert whole.time - dropped.time == 40 * one


def test_a_ladder_hides_what_computing_covers():
    at = setting("hgx-h100", "llama2-70b", mode="prefill", sequence=512)
    whole, ladder = at.run(stock()), at.run(replace(stock(), ladder=True))
    one = at.plans.alone("all-reduce", 512 * 8192 * 2)
    # The embedding's stays in front, and the last one behind; between them blocks are longer than their all-reduces.
    assert ladder.exposed == 2 * one
    assert ladder.bound == at.plans.bound("all-reduce", 512 * 8192 * 2)
    assert (whole.compute, whole.communication) == (ladder.compute, ladder.communication)
    assert whole.exposed == 161 * one


def test_fewer_bits_send_as_often():
    at = tiny(mode="prefill", batch=1, sequence=32)
    wide, narrow = at.run(Scheme(p=0.5)), at.run(Scheme(p=0.5, forward_wire=8))
    embedding = 32 * 64 * 2
    assert narrow.collectives == wide.collectives
    assert 2 * (narrow.forward - embedding) == wide.forward - embedding


def test_groups_side_by_side_do_not_disturb_each_other_in_their_boxes():
    one = setting("dgx-a100-x2", TINY, network={"routing": "widest"}, **SMALL)
    two = setting("dgx-a100-x2", TINY, dp=2, network={"routing": "widest"}, **SMALL)
    assert two.groups == (tuple(range(8)), tuple(range(8, 16)))
    assert two.layout.inside("tp") == 2
    first, second = one.run(Scheme(p=0.5)), two.run(Scheme(p=0.5))
    assert (first.time, first.exposed, 2 * first.tokens) == (second.time, second.exposed, second.tokens)


def test_groups_that_share_links_are_slower():
    apart = setting("dgx-a100-x2", TINY, dp=2, network={"routing": "widest"}, **SMALL)
    mixed = setting(
        "dgx-a100-x2", TINY, dp=2, network={"routing": "widest"}, placement="random:1", algorithm="direct", **SMALL
    )
    assert mixed.layout.inside("tp") == 0
    assert mixed.run(Scheme(p=0.5)).exposed > apart.run(Scheme(p=0.5)).exposed


@pytest.mark.parametrize("topology", ["gaudi3", "hgx-h100"])
def test_one_shot_is_natural_where_all_pairs_are_alike(topology):
    plans = Plans((prepare(topology),))
    assert {plans.choice("all-reduce", size) for size in (1000, 10**6, 10**9)} == {"direct"}


@pytest.mark.parametrize("topology, size", [("torus4x2", 10**7), ("torus4x2", 1000), ("dgx1-v100", 10**6)])
def test_the_fastest_is_chosen_elsewhere(topology, size):
    case = prepare(topology)
    plans = Plans((case,))
    best = plans.alone("all-reduce", size)
    assert plans.choice("all-reduce", size) == Plans((case,), "auto").choice("all-reduce", size)
    for other in ("direct", "ring", "multitree", "halving-doubling", "recursive-doubling", "double-binary-tree"):
        assert best <= case.run(other, size).result.time
