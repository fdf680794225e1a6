"""Tensor-parallel studies: what a report holds, what is read from a request and what is refused."""

import pytest
from sweep.tensor_parallel_cases import SMALL, TINY, tiny

from collsim.errors import InvalidValue, UnknownName
from collsim.sweep.tensor_parallel_setting import setting
from collsim.sweep.tensor_parallel_study import parse_shares, tensor_parallel
from collsim.workloads.load_transformer import load_transformer
from collsim.workloads.tensor_parallel import Scheme, stock


def test_a_schedule_is_shared_by_all_calls_of_its_size():
    at = setting("gaudi3", "llama2-7b", micro_batches=1)
    calls = [op for op in at.program(Scheme(p=0.5)).program.operations if hasattr(op, "schedule")]
    assert len(calls) == 130
    assert len({id(op.schedule) for op in calls}) == 1


def test_a_study_reports_every_row_with_both_baselines():
    study = tensor_parallel("gaudi3", TINY, "1,0.5", **SMALL)
    rows = study.records()
    assert [(row["role"], row["scheme"], row["p"]) for row in rows] == [
        ("stock", "megatron", 1.0),
        ("point", "caatnet", 1.0),
        ("point", "caatnet", 0.5),
    ]
    stock_row, own, half = rows
    assert own["speedup_over_own_p1"] == own["law_over_own_p1"] == stock_row["speedup_over_stock_megatron"] == 1
    assert half["speedup_over_own_p1"] == pytest.approx(own["time_s"] / half["time_s"])
    assert half["speedup_over_stock_megatron"] == pytest.approx(stock_row["time_s"] / half["time_s"])
    assert half["tokens_per_s"] == pytest.approx(16 * 3 / half["time_s"])
    assert list(study.frame().columns) == list(own)
    assert "over its own" not in str(study)
    assert "over stock Megatron" in str(study)


def test_where_alpha_is_half_of_an_all_reduce():
    study = tensor_parallel("gaudi3", "llama2-7b", 1, mode="prefill", sequence=64)
    assert study.even_message == pytest.approx(2e-6 * 300e9, rel=1e-3)


def test_memory_that_a_rank_needs():
    parameters = load_transformer("llama2-7b").parts(8).total
    assert setting("gaudi3", "llama2-7b").memory() == 18 * parameters
    cache = 2 * 32 * 512 * 1000 * 4 * 2
    assert setting("gaudi3", "llama2-7b", mode="decode", sequence=1000, batch=4).memory() == 2 * parameters + cache


def test_work_follows_the_model_unless_told():
    at = setting("gaudi3", "caatnet-7b")
    assert (at.work.samples, at.work.tokens, at.repeats) == (8, 4096, 128)
    assert at.run(stock()).tokens == 1024 * 4096
    assert setting("dgx-a100-x2", "caatnet-7b", dp=2, network={"routing": "widest"}).repeats == 64


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"model": "llama2-7c"}, "llama2-7b"),
        ({"tp": 5}, "does not divide the 32 heads"),
        ({"tp": 16}, "group larger than the machine"),
        ({"dp": 2}, "group larger than the machine"),
        ({"tp": 1}, "nothing to exchange"),
        ({"tp": 0}, "nothing to exchange"),
        ({"dp": 0}, "at least 1"),
        ({"mode": "trian"}, "train, prefill, decode"),
        ({"mode": "decode", "micro_batches": 2}, "belong to training"),
        ({"micro_batches": 0}, "at least 1 micro-batch"),
        ({"batch": 0}, "at least one"),
        ({"sequence": 0}, "at least one"),
        ({"mode": "decode", "sequence": 0}, "at least one"),
        ({"accelerator": "gaudi4"}, "gaudi3"),
        ({"accelerator": "multitree-isca21"}, "layers only"),
        ({"topology": "torus4x2"}, "--accelerator"),
        ({"engine": "simpi"}, "simpy"),
    ],
)
def test_what_cannot_be_run_is_refused_in_a_sentence(wrong, said):
    words = {"topology": "gaudi3", "model": "llama2-7b", **wrong}
    with pytest.raises((InvalidValue, UnknownName), match=said):
        setting(words.pop("topology"), words.pop("model"), **words)


@pytest.mark.parametrize("text", ["", "1,x", "1.5", "-0.1", "nan", "0.5;1"])
def test_shares_that_are_none_are_refused(text):
    with pytest.raises(InvalidValue, match="0 to 1"):
        parse_shares(text)


def test_shares_are_read_in_order_and_once():
    assert parse_shares("1, 0.5,0.5,0") == (1.0, 0.5, 0.0)
    assert parse_shares(0.5) == (0.5,)


def test_layers_that_are_not_there_cannot_be_dropped():
    with pytest.raises(InvalidValue, match="layers are 0 to 1"):
        tiny().run(Scheme(dropped=frozenset({2})))


def test_a_scheme_in_words_is_that_of_the_command_line():
    from collsim.cli.workload_tp import tp
    from collsim.sweep.tensor_parallel_setting import USUAL, scheme_from_words

    chosen = tp.make_context("tp", ["--topo", "gaudi3", "--model", "caatnet-130m"]).params
    assert {name: chosen[name] for name in USUAL} == USUAL
    assert scheme_from_words({}, layers=4) == Scheme()
    words = {"copies": "none", "backward_wire": "bf16", "drop": "0,2"}
    assert scheme_from_words(words, layers=4) == Scheme(copies="none", backward_wire=16, dropped=frozenset({0, 2}))
    with pytest.raises(UnknownName, match=r"'copy'\. Did you mean 'copies'"):
        scheme_from_words({"copy": "none"}, layers=4)
    with pytest.raises(InvalidValue, match="Gradients belong to training"):
        tensor_parallel("gaudi3", TINY, [1], mode="decode", scheme={"backward_wire": "bf16"})
