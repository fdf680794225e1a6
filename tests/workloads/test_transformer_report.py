"""What is said of a transformer adds up: parts to the whole, shares to what they are shares of."""

import pytest

from collsim.workloads.accelerators.roofline import roofline
from collsim.workloads.transformer_compute import transformer_times, work_of
from collsim.workloads.transformer_report import PART_HEADS, part_table, shape_rows, times_rows, work_text
from collsim.workloads.transformers.shape import TRANSFORMERS


def reported(name, accelerator="h100", mode="train", tp=8, **work):
    shape, machine = TRANSFORMERS.get(name), roofline(accelerator)
    times = transformer_times(shape, machine, work_of(mode, shape, **work), tp=tp)
    return shape, times, dict(times_rows(shape, machine, times, tp)), part_table(shape, machine, times, tp)


@pytest.mark.parametrize("name", list(TRANSFORMERS))
def test_parts_hold_what_a_rank_holds(name):
    shape, times, _, table = reported(name)
    column = PART_HEADS.index("parameters")
    parameters = [int(row[column].replace(",", "")) * int(row[1]) for row in table]
    assert sum(parameters[:-1]) == parameters[-1] == shape.parts(8).total
    assert [row[0] for row in table] == ["embedding", "attention", "mlp", "head", "all"]
    assert sum(part.flops * int(row[1]) for part, row in zip(times.parts, table, strict=False)) == times.flops
    assert f"{shape.parameters:,}: embedding" in dict(shape_rows(shape))["Parameters"]


def test_a_step_reaches_less_than_products_do():
    _, _, rows, table = reported("llama3-405b", "gb200", tp=16)
    assert "without communication" in rows["Computing"]
    reached = float(rows["Computing"].split(", ")[-1].split(" %")[0])
    assert 50 < reached < 70
    assert float(table[2][-1].rstrip(" %")) < 15
    assert table[0][-1] == "100 %"


def test_what_does_not_fit_is_said():
    assert "llama3-405b" not in reported("llama3-405b")[2]["Holds"]
    assert "does not fit" in reported("llama3-405b")[2]["Note"]
    assert "Note" not in reported("llama2-7b")[2]
    long = reported("llama2-7b", mode="decode", samples=4000)[2]
    assert "1,074 GB of keys and values" in long["Holds"]
    assert "Note" in long


@pytest.mark.parametrize(
    ("mode", "samples", "text"),
    [
        ("train", 2, "training, 2 sequences of 4,096 tokens, forward and back"),
        ("prefill", None, "prefill, 1 prompt of 4,096 tokens"),
        ("decode", 3, "decoding, one token of 3 sequences with a context of 4,096"),
    ],
)
def test_the_work_is_told(mode, samples, text):
    _, times, _, table = reported("llama2-7b", mode=mode, samples=samples)
    assert work_text(times) == text
    assert bool(table[-1][6]) == (mode == "train")
