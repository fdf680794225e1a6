"""Transformer shapes: parameters as published, operations as the published formulas, shards that add up, files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collsim.errors import FileFormatError, InvalidValue, UnknownName
from collsim.workloads.load_transformer import load_transformer
from collsim.workloads.transformers.shape import TRANSFORMERS, TransformerShape

EXACT = {
    # Sums over the tensors of the released files.
    "llama2-7b": 6_738_415_616,
    "llama2-70b": 68_976_648_192,
    "llama3-405b": 405_853_388_800,
}
PUBLISHED = {
    # In millions, as the papers state them.
    "caatnet-130m": 134.1,
    "caatnet-1.1b": 1_123.0,
    "caatnet-7b": 6_738.0,
    "gpt3-175b": 174_600.0,
}


def tiny(**changes):
    base = {"layers": 2, "hidden": 8, "ffn": 16, "heads": 4, "kv_heads": 2, "vocabulary": 32, "sequence": 16}
    return TransformerShape("tiny", "tiny", "", **{**base, **changes})


@pytest.mark.parametrize("name", list(TRANSFORMERS))
def test_every_transformer_is_whole(name):
    shape = TRANSFORMERS.get(name)
    assert shape.name == name
    assert all((shape.title, shape.source))
    assert shape.parameters == shape.parts().total
    assert load_transformer(name) is shape
    for tp in (1, 2, 4, 8):
        assert shape.parts(tp).total * tp >= shape.parameters


@pytest.mark.parametrize("name", EXACT)
def test_parameters_are_those_of_the_released_files(name):
    assert TRANSFORMERS.get(name).parameters == EXACT[name]


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_those_of_the_papers(name):
    millions = TRANSFORMERS.get(name).parameters / 1e6
    assert millions == pytest.approx(PUBLISHED[name], abs=0.5 if PUBLISHED[name] < 1e4 else 50)


def test_parameters_are_a_sum_over_matrices():
    shape = tiny(gated=False, biases=True, norm="layernorm", learned_positions=True, tied=True)
    matrices = [(8, 8), (8, 4), (8, 4), (8, 8), (8, 16), (16, 8)]
    block = sum(rows * columns + columns for rows, columns in matrices) + 2 * 2 * 8
    assert shape.parameters == 2 * block + 2 * 8 + 32 * 8 + 16 * 8
    parts = shape.parts()
    assert (parts.embedding, parts.positions, parts.norms, parts.head) == (256, 128, 2 * 2 * 2 * 8 + 16, 0)
    assert tiny().parameters == 2 * (8 * 8 * 2 + 8 * 4 * 2 + 3 * 8 * 16 + 2 * 8) + 8 + 2 * 32 * 8


def test_norm_gains_are_what_caatnet_reduces_once_a_step():
    shape = TRANSFORMERS.get("caatnet-7b")
    assert shape.norm_parameters == (2 * 32 + 1) * 4096


def test_operations_of_a_step_are_megatrons_formula():
    """Narayanan et al., SC 2021: 96 B s l h^2 (1 + s/6h + V/16lh) with a recomputed forward pass; without, 72 for 96."""
    gpt = TRANSFORMERS.get("gpt3-175b")
    layers, h, s, v, b = gpt.layers, gpt.hidden, gpt.sequence, gpt.vocabulary, 1536
    without_recomputation = 72 * b * s * layers * h * h * (1 + s / (6 * h)) + 6 * b * s * h * v
    assert gpt.step_flops() == pytest.approx(without_recomputation, rel=1e-12)


@pytest.mark.parametrize("name", list(TRANSFORMERS))
def test_operations_are_palms_formula(name):
    """Chowdhery et al., PaLM, appendix B: 6N + 12 L H Q T a token; N the parameters that multiply."""
    shape = TRANSFORMERS.get(name)
    parts = shape.parts()
    head = shape.vocabulary * shape.hidden
    biases = shape.layers * (3 * shape.hidden + shape.hidden + shape.ffn + shape.hidden) if shape.biases else 0
    multiplying = parts.attention + parts.mlp + head - biases
    attention = 12 * shape.layers * shape.heads * shape.head_dim * shape.sequence
    assert shape.step_flops(1) == shape.sequence * (6 * multiplying + attention)
    assert shape.step_flops(3) == 3 * shape.step_flops(1)


@pytest.mark.parametrize("name", ["llama2-70b", "llama3-405b", "gpt3-175b"])
def test_a_large_model_takes_about_6_operations_a_parameter_and_token(name):
    shape = TRANSFORMERS.get(name)
    assert shape.step_flops(1) / (6 * shape.parameters * shape.sequence) == pytest.approx(1.03, abs=0.07)
    assert shape.forward_flops(1, 1) / (2 * shape.parameters) == pytest.approx(0.99, abs=0.02)


def test_training_gpt3_takes_the_operations_published():
    """Table D.1: 3.14e23 for 300 B tokens, counted as 6 N D; attention and head are in ours."""
    gpt = TRANSFORMERS.get("gpt3-175b")
    assert gpt.step_flops(1) / gpt.sequence * 300e9 == pytest.approx(3.14e23, rel=0.03)


@given(
    tp=st.sampled_from([1, 2, 4, 8]),
    tokens=st.integers(1, 100),
    context=st.integers(1, 100),
    name=st.sampled_from(["llama2-70b", "caatnet-7b", "gpt3-175b"]),
)
def test_shards_share_the_work(tp, tokens, context, name):
    shape = TRANSFORMERS.get(name)
    assert tp * shape.block_flops(tokens, context, tp) == shape.block_flops(tokens, context)
    assert tp * shape.cache_bytes(tokens, tp=tp) == shape.cache_bytes(tokens)
    whole, shard = shape.parts(), shape.parts(tp)
    assert tp * shard.attention - whole.attention == (tp - 1) * shape.layers * shape.hidden * shape.biases
    assert tp * shard.mlp - whole.mlp == (tp - 1) * shape.layers * shape.hidden * shape.biases
    assert shard.norms == whole.norms


def test_key_value_heads_are_copied_when_there_are_fewer_than_ranks():
    shape = TRANSFORMERS.get("llama2-70b")
    assert shape.shard_kv_width(8) == shape.shard_kv_width(16) == shape.head_dim
    one, two = shape.parts(8).attention, shape.parts(16).attention
    assert 2 * two - one == shape.layers * 2 * shape.hidden * shape.head_dim
    assert shape.cache_bytes(100, tp=16) == shape.cache_bytes(100, tp=8)


def test_cache_bytes_are_known():
    """A token of Llama 2 7B keeps 2 x 32 layers x 4096 channels x 2 B = 512 KiB; of the 70B with 8 heads 320 KiB."""
    assert TRANSFORMERS.get("llama2-7b").cache_bytes(1) == 512 * 1024
    assert TRANSFORMERS.get("llama2-70b").cache_bytes(1) == 320 * 1024


@pytest.mark.parametrize(
    ("changes", "cure"),
    [
        ({"layers": 0}, "layers 0"),
        ({"micro_batch": -1}, "micro_batch -1"),
        ({"heads": 3, "kv_heads": 3}, "8 channels among 3 heads"),
        ({"kv_heads": 3}, "3 key-value heads among 4"),
        ({"norm": "batch"}, "rmsnorm, layernorm"),
    ],
)
def test_numbers_that_make_no_model_are_refused(changes, cure):
    with pytest.raises(InvalidValue, match=cure):
        tiny(**changes)


@pytest.mark.parametrize(
    ("tp", "cure"),
    [(0, "at least 1"), (3, "does not divide the 32 heads"), (64, "does not divide the 32 heads")],
)
def test_ranks_that_cannot_share_the_heads_are_refused(tp, cure):
    with pytest.raises(InvalidValue, match=cure):
        TRANSFORMERS.get("llama2-7b").parts(tp)


def test_ranks_that_cannot_share_mlp_or_key_value_heads_are_refused():
    with pytest.raises(InvalidValue, match="10 channels of the MLP"):
        tiny(ffn=10).check_shards(4)
    with pytest.raises(InvalidValue, match="6 key-value heads"):
        tiny(hidden=24, heads=12, kv_heads=6, ffn=24).check_shards(4)


GOOD = "layers: 2\nhidden: 8\nffn: 16\nheads: 4\nvocabulary: 32\nsequence: 16\n"


def test_a_shape_from_a_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD + "biases: true\nmicro_batch: 3\n")
    shape = load_transformer(path)
    assert (shape.name, shape.title, shape.source) == ("mine", "mine", str(path))
    assert (shape.kv_heads, shape.biases, shape.micro_batch, shape.gated) == (4, True, 3, True)
    path.write_text(GOOD + "name: other\nkv_heads: 2\n")
    assert load_transformer(str(path)).name == "other"
    assert load_transformer(str(path)).kv_heads == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD.replace("hidden", "hiden"), "line 2: unknown key 'hiden'. Did you mean 'hidden'"),
        (GOOD.replace("heads: 4\n", ""), "'heads' is missing"),
        (GOOD.replace("heads: 4", "heads: four"), "line 4: heads is a whole number, not 'four'"),
        (GOOD.replace("heads: 4", "heads: true"), "line 4: heads is a whole number"),
        (GOOD + "gated: 1\n", "line 7: gated is true or false"),
        (GOOD + "layers: 3\n", "line 7: not YAML: key 'layers' is stated twice"),
        (GOOD + "a: [", "not YAML"),
        (GOOD + "0x10: 3\n", "line 7: unknown key '16'"),
        (GOOD + "yes: 3\n", "line 7: unknown key 'True'"),
        (GOOD + "? [a]\n: 3\n", "not YAML"),
        (GOOD + "<<: {hiden: 3}\n", "unknown key 'hiden'"),
        ("- 1\n", "states no transformer"),
        ("", "states no transformer"),
    ],
)
def test_a_file_that_is_wrong_is_answered_with_the_place(tmp_path, text, message):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(FileFormatError) as error:
        load_transformer(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)


def test_a_file_with_an_impossible_shape_or_none_is_refused(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD.replace("heads: 4", "heads: 3"))
    with pytest.raises(InvalidValue, match=r"mine.yaml: .* 8 channels among 3 heads"):
        load_transformer(path)
    with pytest.raises(FileFormatError, match="No such file"):
        load_transformer(tmp_path / "none.yaml")
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FileFormatError, match="UTF-8"):
        load_transformer(path)


def test_a_misspelt_name_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="'llama2-7b'"):
        load_transformer("llama2_7b")
