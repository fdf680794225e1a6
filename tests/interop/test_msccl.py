"""MSCCL programs in: what they send becomes a proved schedule, whatever buffers they use; lint tells what is wrong."""

import re

import pytest
from interop.msccl_files import all_gather, all_pairs, new_ring, ring, two_step_all_to_all, whole

from collsim.collectives.algorithm import ALGORITHMS, parse_algorithm
from collsim.collectives.algorithm_files import from_file
from collsim.collectives.collective import collective
from collsim.collectives.verify import verify
from collsim.engines.engine import ENGINES
from collsim.errors import AlgorithmUnsuitable, CollsimError, FileFormatError, InvalidValue, ScheduleError
from collsim.interop.msccl_lint import lint
from collsim.interop.msccl_read import parse_msccl
from collsim.interop.msccl_schedule import schedule_of
from collsim.network.config import NetworkConfig
from collsim.program import single_call
from collsim.topology import load

APART = whole(
    "allreduce",
    1,
    [
        [
            (
                1,
                1,
                0,
                [
                    ("s", ("i", 0), ("s", 0)),
                    ("r", ("i", 0), ("s", 0)),
                    ("cpy", ("i", 0), ("o", 0)),
                    ("re", ("s", 0), ("o", 0)),
                ],
            )
        ],
        [(0, 0, 0, [("s", ("i", 0), ("s", 0)), ("rrc", ("i", 0), ("o", 0))])],
    ],
    inplace=0,
    scratch=1,
)
PROGRAMS = {
    "out of place": (APART, "all-reduce", 2, 1),
    "ring": (ring(5), "all-reduce", 40, 8),
    "ring2": (ring(2), "all-reduce", 4, 2),
    "new variant": (new_ring(5), "all-reduce", 40, 8),
    "all pairs": (all_pairs(4, 3), "all-reduce", 24, 2),
    "all-gather": (all_gather(4, 1), "all-gather", 12, 1),
    "all-gather out of place": (all_gather(4, 0), "all-gather", 12, 1),
    "two-step all-to-all": (two_step_all_to_all(), "all-to-all", 12, 3),
}


def imported(text, name="all-reduce", root=0, **options):
    program = parse_msccl(text)
    return schedule_of(program, collective(name or program.collective, root), range(program.ranks), **options)


@pytest.mark.parametrize("order", ["blocks", "data"])
@pytest.mark.parametrize("text, name, transfers, steps", PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_becomes_a_proved_schedule_with_one_transfer_a_message(text, name, transfers, steps, order):
    plan = imported(text, name, order=order)
    verify(plan, load(f"switch{plan.ranks}"))
    assert (plan.transfers, plan.steps) == (transfers, steps)
    assert not lint(parse_msccl(text))


@pytest.mark.parametrize("text", [ring(5), new_ring(5)])
def test_the_ring_in_a_file_takes_the_time_of_the_ring(text):
    machine, network = load("ring5"), NetworkConfig()
    ours = ALGORITHMS.get("ring").schedule(machine, collective("all-reduce"))
    theirs = imported(text)
    for size in (5, 100_003):
        for engine in ("compiled", "simpy"):
            # Sums on the way are stored nowhere in the file and in the chunk here; the messages are the same.
            times = [ENGINES.get(engine)(machine, single_call(plan, size), network).time for plan in (ours, theirs)]
            assert times[0] == times[1]


def test_what_a_block_has_received_before_it_sends_is_waited_for_unless_asked_otherwise():
    # Block 0 of GPU 0 takes the chunk of GPU 1 before it sends its own, though it needs nothing from it.
    first = [("r", ("i", 0), ("o", 1)), ("s", ("i", 0), ("o", 0))]
    second = [("s", ("i", 0), ("o", 1)), ("r", ("i", 0), ("o", 0))]
    text = whole("allgather", 2, [[(1, 1, 0, first)], [(0, 0, 0, second)]])
    kept, free = imported(text, "all-gather"), imported(text, "all-gather", order="data")
    waits = {int(kept.src[t]): kept.deps_of(t).tolist() for t in range(2)}
    assert [len(waits[rank]) for rank in (0, 1)] == [1, 0]
    assert all(not free.deps_of(t).size for t in range(2))
    machine = load("switch2")
    times = [ENGINES.get("simpy")(machine, single_call(plan, 2000), NetworkConfig()).time for plan in (kept, free)]
    assert times[0] == 2 * times[1]


def test_broadcast_and_reduce_take_the_root_of_the_request():
    down = [[(1, -1, 0, [("s", ("i", 0), ("i", 0))])], [(-1, 0, 0, [("r", ("i", 0), ("i", 0))])]]
    assert imported(whole("broadcast", 1, down), "broadcast", 0).transfers == 1
    with pytest.raises(FileFormatError, match=r"GPU 0, block 0, step 0: it reads i\[0\], which nothing has been put into"):
        imported(whole("broadcast", 1, down), "broadcast", 1)
    up = [[(1, -1, 0, [("s", ("i", 0), ("i", 0))])], [(-1, 0, 0, [("rrc", ("i", 0), ("i", 0))])]]
    assert imported(whole("reduce", 1, up), "reduce", 1).op.tolist() == [1]
    with pytest.raises(ScheduleError, match="GPU 0, where chunk 0 belongs, lacks the contributions of ranks 1"):
        imported(whole("reduce", 1, up), "reduce", 0)


def test_a_file_is_an_algorithm(tmp_path):
    path = tmp_path / "pairs.xml"
    path.write_text(all_pairs(4))
    entry, options = parse_algorithm(f"{path}:order=data")
    assert (entry.name, entry.collectives, options) == ("test", ("all-reduce",), {"order": "data"})
    with pytest.raises(AlgorithmUnsuitable, match="written for 4 ranks and the group has 5"):
        entry.schedule(load("ring5"), collective("all-reduce"))
    with pytest.raises(AlgorithmUnsuitable, match="test does not do all-gather"):
        entry.schedule(load("ring4"), collective("all-gather"))
    with pytest.raises(InvalidValue, match="The option order is blocks or data, not 'time'"):
        entry.schedule(load("ring4"), collective("all-reduce"), order="time")


def pair(first, second, **more):
    """A file of two GPUs, a block each, whose peers are each other."""
    return whole("allreduce", 2, [[(1, 1, 0, first)], [(0, 0, 0, second)]], **more)


REFUSED = {
    "<algo": "line 1: not whole XML",
    "<mesh/>": "line 1: <mesh> as the outermost element; MSCCL XML has <algo> there",
    "<!DOCTYPE a [<!ENTITY b 'c'>]><algo/>": "line 1: a document type is declared",
    ring(2).replace('coll="allreduce"', 'coll="custom"'): "coll='custom', of which nothing can be proved",
    ring(2).replace('ngpus="2"', 'ngpus="3"'): "says ngpus='3' and holds 2 GPUs",
    ring(2).replace('gpu id="1"', 'gpu id="0"'): "they are 0 to 1, each once",
    ring(2).replace('type="rrcs"', 'type="rcrs"'): "line 5: <step> has type='rcrs'; known are",
    ring(2).replace('cnt="1"', 'cnt="-1"', 1): "line 4: <step> has cnt='-1'; it is a whole number",
    ring(2).replace('cnt="1"', 'cnt="9999999999"', 1): "line 4: <step> has cnt='9999999999'",
    ring(2).replace('cnt="1"', 'cnt="nan"', 1): "line 4: <step> has cnt='nan'",
    ring(2).replace('cnt="1"', 'count="1"', 1): "line 4: <step> has the attribute 'count'. Did you mean 'cnt'?",
    ring(2).replace(' s="1"', ' s="5"', 1): "line 5: <step> is number 1 of its block and says 5",
    ring(2).replace('send="1"', 'send="0"'): "line 3: GPU 0, block 0: its send peer is 0; name another GPU of 0..1",
    ring(2).replace('send="1"', 'send="-1"'): "line 4: GPU 0, block 0, step 0: 's' needs a send peer",
    ring(2).replace('depid="-1" deps="-1"', 'depid="7" deps="0"', 1): "it waits for step 0 of block 7, which GPU 0 lacks",
    ring(2).replace('depid="-1" deps="-1"', 'depid="0" deps="2"', 1): "step 0: it waits for step 2 of its own block",
    ring(2).replace('depid="-1"', 'depid="0"', 1): "both are -1, or name a block and a step",
    ring(2).replace('srcoff="0"', 'srcoff="2"', 1): "it touches i[2..2]; that buffer has 2 chunks here",
    ring(2).replace('nchunksperloop="2"', 'nchunksperloop="0"'): "nchunksperloop='0'",
    ring(2).replace('srcbuf="i"', 'srcbuf="x"', 1): "srcbuf='x'; buffers are i, o and s",
    all_gather(2, 1).replace('nchunksperloop="2"', 'nchunksperloop="3"'): "3 chunks cannot be shared equally by 2 GPUs",
    new_ring(2).replace('type="rrcs"', 'type="re"'): "of type 're' has one place only",
    pair([("r", ("i", 0), ("i", 0))], [("r", ("i", 0), ("i", 0))]): "step 0: it waits for ever for a message of GPU 1",
    pair([("s", ("i", 0), ("i", 0))], []): "what it sends to GPU 1 on channel 0 is never received",
    pair([("s", ("i", 0), ("i", 0), 2)], [("r", ("i", 0), ("i", 0))]): "it receives 1 chunks, and",
    pair([("s", ("i", 0), ("i", 0))], [("rrc", ("i", 1), ("i", 1))]): "it adds chunk 0 to chunk 1",
    pair([("s", ("s", 0), ("i", 0))], [], scratch=1): "it reads s[0], which nothing has been put into",
    whole("allreduce", 1, [[(1, -1, 0, []), (1, -1, 0, [])], []]): "block 0 has the same send peer 1 on channel 0",
}


@pytest.mark.parametrize("text", REFUSED, ids=list(REFUSED.values()))
def test_what_cannot_be_is_refused_with_its_place(text):
    with pytest.raises(FileFormatError, match=re.escape(REFUSED[text])):
        imported(text, None)


def test_a_circle_of_waits_between_blocks_is_told():
    blocks = [
        (1, -1, 0, [("s", ("i", 0), ("i", 0), 1, (1, 0))]),
        (-1, 1, 0, [("r", ("i", 0), ("i", 0), 1, (0, 0))]),
    ]
    other = [(0, 0, 0, [("s", ("i", 0), ("i", 0)), ("r", ("i", 0), ("i", 0))])]
    with pytest.raises(FileFormatError, match="GPU 0, block 0, step 0: it waits for ever for step 0 of block 1"):
        imported(whole("allreduce", 1, [blocks, other]))


def test_contributions_added_twice_and_left_out_are_told():
    exchange = [("s", ("i", 0), ("i", 0), 2), ("rrc", ("i", 0), ("i", 0), 2)]
    assert imported(pair(exchange, exchange)).transfers == 2
    twice = [*exchange, *exchange]
    with pytest.raises(FileFormatError, match="adds the contribution of rank 0 to chunk 0 a second time"):
        imported(pair(twice, twice))
    one = exchange[0][:3], exchange[1][:3]
    with pytest.raises(ScheduleError, match=r"i\[1\] of GPU 0, where chunk 1 belongs, lacks the contributions of ranks 1"):
        imported(pair(one, one))


def test_two_values_of_a_chunk_at_once_fit_no_schedule():
    # GPU 1 keeps what comes from GPU 0 in scratch, adds it up, and passes both the sum and the part on.
    blocks = [
        [(1, -1, 0, [("s", ("i", 0), ("s", 0))]), (-1, 2, 0, [("r", ("i", 0), ("i", 0))])],
        [
            (
                2,
                0,
                0,
                [
                    ("r", ("i", 0), ("s", 0)),
                    ("re", ("s", 0), ("i", 0)),
                    ("s", ("i", 0), ("i", 0)),
                    ("s", ("s", 0), ("s", 0)),
                ],
            ),
            (-1, 2, 0, [("r", ("i", 0), ("i", 0), 1, (0, 2))]),
        ],
        [
            (0, 1, 0, [("rrc", ("i", 0), ("i", 0)), ("r", ("s", 0), ("s", 0)), ("s", ("i", 0), ("i", 0))]),
            (1, -1, 0, [("s", ("i", 0), ("i", 0), 1, (0, 0))]),
        ],
    ]
    with pytest.raises(FileFormatError, match="GPU 1 adds an arrival to its own sum and sends it on by itself as well"):
        imported(whole("allreduce", 1, blocks, scratch=1))


def test_a_race_is_refused_unless_allowed():
    # GPU 1 sends its sum on channel 1 without waiting for what channel 0 brings into it; in our order it comes in time.
    late = [
        (0, 0, 0, [("s", ("i", 0), ("i", 0)), ("rrc", ("i", 0), ("i", 0))]),
        (0, -1, 1, [("nop",)] * 5 + [("s", ("i", 0), ("i", 0))]),
    ]
    first = [
        (1, -1, 0, [("s", ("i", 0), ("i", 0))]),
        (-1, 1, 0, [("r", ("i", 0), ("s", 0))]),
        (-1, 1, 1, [("r", ("i", 0), ("i", 0), 1, (0, 0))]),
    ]
    text = whole("allreduce", 1, [first, late], scratch=1, nchannels=2)
    says = (
        r"GPU 1, block 0, step 1 and GPU 1, block 1, step 5 both use i\[0\], and neither waits for the other, so the result"
    )
    with pytest.raises(ScheduleError, match=says):
        imported(text)
    assert imported(text, races="allow").transfers == 3


def test_huge_programs_are_refused_before_memory_is_spent():
    steps = [("s", ("i", 0), ("i", 0), 1 << 20)] * 9
    text = whole("allreduce", 1 << 20, [[(1, -1, 0, steps)], [(-1, 0, 0, [("r", *step[1:]) for step in steps])]])
    with pytest.raises(InvalidValue, match="18,874,368 chunks are moved or held"):
        imported(text)


LINTED = {
    ring(2).replace("<algo", '<algo nthreads="33"'): "nthreads is 33; it is a multiple of 32",
    ring(2).replace("<algo", '<algo minBytes="9" maxBytes="8"'): "minBytes 9 is more than maxBytes 8",
    ring(2).replace('nchannels="1"', 'nchannels="33"'): "33 channels; the runtime has 32",
    ring(2).replace('chan="0"', 'chan="1"'): "channel 1, while nchannels is 1",
    all_pairs(2).replace('hasdep="1"', 'hasdep="0"', 1): "a step waits for it and hasdep is 0, so the runtime would hang",
    all_pairs(3).replace('depid="1" deps="1"', 'depid="-1" deps="-1"', 1): "step 1 both use s[0], and neither",
    all_pairs(3).replace('depid="0" deps="2"', 'depid="-1" deps="-1"', 1): "neither waits for the other",
    whole("allreduce", 1, [[(-1, -1, 0, [])] * 33, []]): "33 thread blocks on channel 0; it takes 32",
    whole(
        "allreduce", 1, [[(-1, -1, c // 8, []) for c in range(217)], []], nchannels=32
    ): "217 thread blocks; a GPU runs 216",
    whole("allreduce", 1, [[(-1, -1, 0, [("nop",)] * 257)], []]): "257 steps; a thread block holds 256",
    ring(2).replace('tb id="0"', 'tb id="1"', 1): "GPU 0: thread block 0 is missing",
    # The sum waits for the last arrival by the nops before it and by itself; without its own wait parsers give up.
    all_pairs(3).replace('depid="1" deps="1" hasdep="0"', 'depid="-1" deps="-1" hasdep="0"', 1): "step 1: it follows a nop",
    whole("allreduce", 32_769, [[(-1, -1, 0, [("cpy", ("i", 0), ("i", 32_768))])], []]): "an offset beyond 32,767",
    whole(
        "allreduce",
        1,
        [[(-1, -1, c // 8, [("nop", ("i", -1), ("o", -1), 0, (128, 0))] if not c else [("nop",)]) for c in range(129)], []],
    ): "it waits for block 128; the runtime keeps 8 bits",
    whole(
        "allreduce", 1, [[(-1, -1, c, [("nop",)] * 256) for c in range(16)], []]
    ): "4,115 XML elements; RCCL's parser holds 4,096",
    whole("allreduce", 99, [[(-1, -1, 0, [("cpy", ("i", 0), ("i", 1), 72)])], []]): "72 chunks; a step moves up to 71",
}


def test_a_block_that_talks_to_nobody_may_be_on_no_channel():
    text = all_gather(4, 0).replace('send="-1" recv="-1" chan="0"', 'send="-1" recv="-1" chan="-1"')
    assert 'chan="-1"' in text
    assert imported(text, "all-gather").transfers == 12
    assert not lint(parse_msccl(text))
    with pytest.raises(FileFormatError, match="chan='-1'; it is a whole number of 0"):
        parse_msccl(ring(2).replace('chan="0"', 'chan="-1"'))


def test_what_an_algorithm_from_a_file_does_is_named_with_the_way_to_ask_for_it(tmp_path):
    (tmp_path / "plan.xml").write_text(all_gather(4, 0))
    machine = load("switch4")
    with pytest.raises(AlgorithmUnsuitable, match=r"does not do all-reduce; it does all-gather \(--collective all-gather\)"):
        from_file(f"{tmp_path}/plan.xml").schedule(machine, collective("all-reduce"))


@pytest.mark.parametrize("text", LINTED, ids=list(LINTED.values()))
def test_lint_tells_limits_hangs_and_races(text):
    assert any(LINTED[text] in sentence for sentence in lint(parse_msccl(text)))


@pytest.mark.parametrize("text", [ring(2), all_pairs(2), new_ring(2)])
def test_files_cut_anywhere_or_with_a_wrong_byte_never_fail_otherwise(text):
    for cut in range(len(text)):
        attempt(text[:cut])
    for turn, place in enumerate(range(0, len(text), 5)):
        attempt(text[:place] + '9-<\x7f"&21'[turn % 8] + text[place + 1 :])


def attempt(text):
    try:
        plan = imported(text, None)
    except CollsimError:
        return
    verify(plan, load(f"switch{plan.ranks}"))
