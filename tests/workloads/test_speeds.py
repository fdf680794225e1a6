"""Speeds of ranks: factors by name, number or file, exact times, refusals."""

from fractions import Fraction

import pytest

from collsim.errors import FileFormatError, InvalidValue, UnknownName
from collsim.workloads.speeds import Speeds, parse_speeds

NAMES = ("h0", "h1", "h2", "h3")


def test_factors_by_name_and_number():
    assert parse_speeds(NAMES, ["h1=2", "3=1.5"]).factors == (1, 2, 1, Fraction(3, 2))
    assert parse_speeds(NAMES, ["h1=2", "1=4"]).factors[1] == 4
    assert parse_speeds(NAMES).equal
    assert not parse_speeds(NAMES, ["0=0.5"]).equal


def test_times_are_rounded_up_and_exact():
    speeds = parse_speeds(NAMES, ["1=1/3", "2=1.1", "3=2"])
    assert [speeds.time(rank, 10) for rank in range(4)] == [10, 4, 11, 20]
    assert speeds.time(3, 2**61) == 2**62


def test_a_file_has_a_rank_and_a_factor_a_line(tmp_path):
    path = tmp_path / "speeds.txt"
    path.write_text("# the old rack\nh0 1.25\n\n2 3  # a straggler\n")
    assert parse_speeds(NAMES, ["h0=1"], str(path)).factors == (1, 1, 3, 1)


def test_words_name_the_slow_ones():
    assert parse_speeds(NAMES, ["1=2", "2=1.5"]).describe(NAMES) == "h1 takes 2 times as long, h2 takes 1.5 times as long"
    assert Speeds((Fraction(2),) * 8).describe([f"h{k}" for k in range(8)]).endswith("and 2 more")


@pytest.mark.parametrize("text", ["1", "=2", "1=", "1=slow", "1=0", "1=-2", "1=1/0", "1=1e9", "1=nan"])
def test_what_is_no_factor_is_refused(text):
    with pytest.raises(InvalidValue):
        parse_speeds(NAMES, [text])


def test_unknown_ranks_are_refused():
    with pytest.raises(UnknownName, match="h9"):
        parse_speeds(NAMES, ["h9=2"])
    with pytest.raises(UnknownName):
        parse_speeds(NAMES, ["4=2"])


@pytest.mark.parametrize(
    ("text", "words"),
    [("h0 1 2", "Line 1 .* 3 words"), ("h0 1\nh1", "Line 2"), ("0 2\nh0 3", "second time"), ("\xff", None)],
)
def test_broken_files_name_the_line(tmp_path, text, words):
    path = tmp_path / "speeds.txt"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(FileFormatError, match=words):
        parse_speeds(NAMES, (), str(path))
    with pytest.raises(FileFormatError, match="Cannot read"):
        parse_speeds(NAMES, (), str(tmp_path / "none.txt"))
