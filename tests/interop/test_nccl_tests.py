"""Tables of nccl-tests: every variant of the header, reports as JSON, logs around the table, and what is refused."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collsim.collectives.collective import collective
from collsim.errors import FileFormatError, InvalidValue
from collsim.interop.nccl_tests import PROGRAMS, to_nccl_tests
from collsim.interop.nccl_tests_read import parse_nccl_tests, read_nccl_tests

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "nccl-tests"
US = 10**9
ROOTED = """#     size       count    type   redop    root    time   algbw   busbw #wrong    time   algbw   busbw #wrong
     1048576        262144     float     sum      -1    100.0   10.49   18.35      0    90.00   11.65   20.39    N/A
"""
OLD = """#       size         count    type   redop     time   algbw   busbw  error     time   algbw   busbw  error
     1048576        262144   float     sum    100.0   10.49   18.35  2e-07    90.00   11.65   20.39  0e+00
"""
ONE_SIDE = """#       size         count      type   redop    root     time   algbw   busbw #wrong
     1048576        262144     float     sum      -1    100.0   10.49   18.35      0
"""


@pytest.mark.parametrize("text, in_place", [(ROOTED, 90 * US), (OLD, 90 * US), (ONE_SIDE, None)])
def test_header_variants(text, in_place):
    (row,) = parse_nccl_tests(text).rows
    assert (row.size, row.time, row.in_place, row.wrong) == (2**20, 100 * US, in_place, 0)
    assert row.factor == pytest.approx(1.75, rel=1e-3)
    (bare,) = parse_nccl_tests("\n".join(line for line in text.splitlines() if not line.startswith("#"))).rows
    assert (bare.time, bare.in_place) == (row.time, row.in_place)


def test_launchers_logs_and_timestamps_around_the_table():
    text = """[1,0]<stdout>:# Collective test starting: all_gather_perf_mpi
[1,0]<stdout>:#  Rank  0 Group  0 Pid      1 on       node device  0 [0000:07:00] NVIDIA A100
[1,0]<stdout>:#  Rank  1 Group  0 Pid      1 on       node device  1 [0000:0f:00] NVIDIA A100
node:1:1 [0] NCCL INFO 4096 Bytes -> Algo 0 proto 0 time 25.8
[1,0]<stdout>:#  size  count  type  redop  root  time  algbw  busbw #wrong  time  algbw  busbw #wrong   timestamp
[1,0]<stdout>:      0      0 float none -1 5.0 0.00 0.00 0 5.0 0.00 0.00 0   2025-01-01 10:00:00
[1,0]<stdout>:   8192   2048 float none -1 8.0 1.02 0.51 0 8.1 1.01 0.51 0   2025-01-01 10:00:01
[1,0]<stdout>:   1024    256 float none -1 7.0 0.15 0.07 0 7.1 0.14 0.07 0   2025-01-01 10:00:02
"""
    found = parse_nccl_tests(text)
    assert (found.collective, found.ranks, found.sizes) == ("all-gather", 2, (1024, 8192))
    assert (found.time(8192), found.time(4096)) == (8 * US, None)


@pytest.mark.parametrize(
    "before, behind, known",
    [
        ("$ mpirun -np 2 -verbose /home/me/nccl-tests/build/all_gather_perf -b 1M -g 1\n", "", "all-gather"),
        ("srun all_reduce_perf_mpi -b 512M -e 8G -f 2\n", "", "all-reduce"),
        ("", "# Avg bus bandwidth    : 2.4\n#\n# Collective test concluded: alltoall_perf\n", "all-to-all"),
        ("./all_reduce_perf -g 2\n", "./broadcast_perf -g 2\n", None),
        ("./my_own_perf -g 2\n", "", None),
    ],
)
def test_the_collective_is_known_from_a_command_line_too(before, behind, known):
    assert parse_nccl_tests(before + ROOTED + behind).collective == known


def test_the_highest_rank_tells_how_many_there_are_where_a_log_was_cut():
    line = "#  Rank 71 Group  0 Pid  14840 on slurm-gb200-207-171 device  3 [0x01] NVIDIA Graphics Device\n"
    assert parse_nccl_tests(line + ROOTED).ranks == 72


def test_processes_that_ran_by_themselves_measured_nothing():
    # Built without MPI=1 each process is rank 0 of a run of its own; busbw is algbw, as if two ranks had met.
    alone = "".join(f"#   Rank  0 Pid   {pid} on node{pid} device  0 [0x00] Tesla V100\n" for pid in (1320, 2066))
    with pytest.raises(FileFormatError, match="rank 0 is named 2 times and no other: every process ran by itself"):
        parse_nccl_tests(alone + ROOTED)
    assert parse_nccl_tests(alone.splitlines()[0] + "\n" + ROOTED).ranks is None


def report(**changes):
    half = {"time": 100.0, "alg_bw": 10.49, "bus_bw": 18.35, "nwrong": 0.0}
    row = {"size": 2**20, "count": 2**18, "type": "float", "redop": "sum", "root": "    -1", "out_of_place": half}
    return {
        "version": 2,
        "args": ["/opt/all_reduce_perf"],
        "config": {"nthreads": 1, "ngpus": 4, "devices": [{"rank": 0}, {"rank": 4}]},
        "results": [row | {"in_place": half | {"nwrong": None}}],
    } | changes


def test_json_report():
    found = parse_nccl_tests(json.dumps(report()))
    assert (found.collective, found.ranks, found.sizes) == ("all-reduce", 8, (2**20,))
    assert (found.rows[0].time, found.rows[0].wrong) == (100 * US, 0)


@pytest.mark.parametrize("text", [json.dumps(report(results=each)) for each in (None, [3], [{"size": 8}], [{"size": -1}])])
def test_broken_reports_are_refused(text):
    with pytest.raises(FileFormatError):
        parse_nccl_tests(text, "r.json")


@pytest.mark.parametrize(
    "change, sentence",
    [
        (("100.0   10.49", "-100.0   10.49"), "line 2: the time -100 us is not above zero"),
        (("100.0   10.49", "0.00   10.49"), "line 2: the time 0 us is not above zero"),
        (("100.0   10.49", "100.0   94.00"), "line 2: algbw is 94 GB/s, but 1048576 bytes in 100 us are 10.49"),
        (("18.35      0", "18.35      7"), "line 2: 7 elements are wrong"),
        (("18.35      0", "18.35"), "line 2 has 12 columns where the header has 13"),
        (("10.49", "ten"), "line 2: 'ten' is not a number"),
        (("busbw", "bus"), "line 1: the header of the table has the column 'busbw' 1 times"),
        (("     1048576", "x"), "holds no row of nccl-tests"),
    ],
)
def test_what_is_refused_says_where(change, sentence):
    with pytest.raises(FileFormatError, match=sentence.replace("(", r"\(")):
        parse_nccl_tests(ROOTED.replace(*change, 1), "t.txt")


def test_a_second_table_is_refused():
    with pytest.raises(FileFormatError, match=r"line 4: the size 1048576 is there twice, first at t.txt, line 2"):
        parse_nccl_tests(ROOTED + ROOTED, "t.txt")


def test_other_programs_are_refused():
    with pytest.raises(FileFormatError, match="is of sendrecv_perf"):
        parse_nccl_tests("# Collective test starting: sendrecv_perf\n" + ROOTED, "t.txt")


@pytest.mark.parametrize(
    "name, ranks, sentence",
    [("all-gather", 8, "measures all-reduce, not all-gather"), ("all-reduce", 4, "was measured on 2 ranks")],
)
def test_a_table_of_something_else(name, ranks, sentence):
    found = read_nccl_tests(EXAMPLES / "h100-2x1-400g.txt")
    found.check(collective("all-reduce"), 2)
    with pytest.raises(InvalidValue, match=sentence):
        found.check(collective(name), ranks)


def test_the_bus_factor_tells_the_number_of_ranks():
    found = parse_nccl_tests(ROOTED)
    found.check(collective("all-reduce"), 8)
    with pytest.raises(InvalidValue, match=r"busbw is 1.749 times algbw, and all-reduce of 16 ranks has 1.875"):
        found.check(collective("all-reduce"), 16)


def test_written_as_nccl_tests_writes_it():
    text = to_nccl_tests(
        [(2**20, 100 * US), (2**30, 4 * 10**12)], collective("all-reduce"), [f"g{i}" for i in range(8)], "x"
    )
    rows = [line.split() for line in text.splitlines() if line[:1] == " "]
    half = ["100.00", "10.49", "18.35", "0"]
    assert rows[0] == ["1048576", "262144", "float", "sum", "-1", *half, *half]
    assert rows[1][5:9] == ["4000.00", "268.44", "469.76", "0"]
    assert "# Avg bus bandwidth    : 244.056" in text  # (18.35008 + 469.762048) / 2


def test_a_partial_all_reduce_has_no_table():
    with pytest.raises(InvalidValue, match="nccl-tests does not measure partial-all-reduce"):
        to_nccl_tests([(8, US)], collective("partial-all-reduce:p=0.5,h=4"), ["a", "b"], "x")


runs = st.dictionaries(st.integers(1, 2**40), st.integers(10**3, 10**15), min_size=1, max_size=8)


@settings(max_examples=60, deadline=None)
@given(runs, st.sampled_from(sorted(PROGRAMS.values())), st.integers(2, 16))
def test_what_is_written_reads_back(times, name, ranks):
    wanted = collective(name, 0)
    text = to_nccl_tests(sorted(times.items()), wanted, [f"g{i}" for i in range(ranks)], "hypothesis")
    found = parse_nccl_tests(text)
    assert (found.collective, found.ranks, found.sizes) == (name, ranks, tuple(sorted(times)))
    found.check(wanted, ranks)
    for row in found.rows:
        assert row.time == row.in_place == pytest.approx(times[row.size], rel=0.06)
        assert row.wrong == 0


def test_cut_off_anywhere_or_damaged_it_reads_or_is_refused():
    text = (EXAMPLES / "h100-2x1-400g.txt").read_text()
    for end in range(0, len(text), 3):
        for broken in (text[:end], text[:end] + "\x01" + text[end + 1 :]):
            with suppress(FileFormatError):
                assert parse_nccl_tests(broken, "t").rows
    whole = json.dumps(report())
    for end in range(len(whole)):
        with pytest.raises(FileFormatError):
            parse_nccl_tests(whole[:end], "t")
