"""`collsim net`: networks as a user sees them."""

import json

import pytest

from collsim.cli.main import invoke
from collsim.workloads.accelerators.accelerator import ACCELERATORS
from collsim.workloads.layers import NETWORKS
from collsim.workloads.transformers.shape import TRANSFORMERS


def test_the_list_names_every_network_transformer_and_accelerator(capsys):
    assert invoke(["net", "list"]) == 0
    tables = capsys.readouterr().out.split("\n\n")
    for table, registry in zip(tables, (NETWORKS, TRANSFORMERS, ACCELERATORS), strict=True):
        assert [line.split()[0] for line in table.splitlines()[1:]] == list(registry)


def test_show_prints_every_layer_with_its_times(capsys):
    assert invoke(["net", "show", "alexnet"]) == 0
    about, table = capsys.readouterr().out.split("\n\n")
    assert "Weights    3,745,824" in about
    assert "Computing  21.92 ms an iteration" in about
    words = " ".join(table.splitlines()[1].split())
    assert words == "conv1 227x227x3 96 of 11x11 34,848 103.5 us 18.71 ms 108.9 us"
    assert len(table.splitlines()) == 6


def test_seventeen_samples_take_sixteen_arrays_two_turns(capsys):
    assert invoke(["net", "show", "alexnet", "--samples", "17"]) == 0
    assert "Computing  43.84 ms an iteration" in capsys.readouterr().out


def test_show_prints_the_parts_of_a_transformer(capsys):
    assert invoke(["net", "show", "llama2-7b", "--accelerator", "gaudi3", "--tp", "8"]) == 0
    about, table = capsys.readouterr().out.split("\n\n")
    assert "Parameters   6,738,415,616: " in about
    assert "Rank         one of 8: Intel Gaudi 3" in about
    assert "Holds        842,534,912 parameters, 1.685 GB in bf16" in about
    assert [line.split()[0] for line in table.splitlines()[1:]] == ["embedding", "attention", "mlp", "head", "all"]
    assert table.splitlines()[2].split()[1] == "32"


def test_show_decodes_and_reads_shapes_from_files(capsys, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("layers: 2\nhidden: 64\nffn: 128\nheads: 4\nvocabulary: 100\nsequence: 32\n")
    assert (
        invoke(["net", "show", str(path), "--mode", "decode", "--tokens", "9", "--samples", "2", "--precision", "fp8"]) == 0
    )
    out = capsys.readouterr().out
    assert "Work         decoding, one token of 2 sequences with a context of 9" in out
    assert "TFLOP/s fp8" in out
    path.write_text("layers: 2\nhiden: 64\n")
    assert invoke(["net", "show", str(path)]) == 2
    assert "line 2: unknown key 'hiden'. Did you mean 'hidden'?" in capsys.readouterr().err


def test_a_network_runs_on_a_roofline_in_another_precision(capsys):
    times = []
    for precision in ("bf16", "tf32"):
        assert invoke(["net", "show", "resnet50", "--accelerator", "h100", "--precision", precision, "--samples", "64"]) == 0
        out = capsys.readouterr().out
        assert "With rest  25,557,032, 102.2 MB of fp32 gradients" in out
        times.append(float(out.split("Computing  ")[1].split(" ms")[0]))
    assert times[0] < times[1]


def test_both_are_written_as_json(capsys, tmp_path):
    assert invoke(["net", "show", "llama2-7b", "--tp", "8", "--json", "-"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["parameters"], value["transformer"]["hidden"], value["tp"]) == (6_738_415_616, 4096, 8)
    forward = sum(part["times"] * part["forward_s"] for part in value["parts"])
    assert forward == pytest.approx(value["forward_s"])
    assert value["computing_s"] == pytest.approx(3 * forward)
    path = tmp_path / "net.json"
    assert invoke(["net", "show", "resnet50", "--json", str(path)]) == 0
    assert "Computing" in capsys.readouterr().out
    value = json.loads(path.read_text())
    assert value["parameters"] == 25_557_032
    times = [layer[f"{name}_s"] for layer in value["layers"] for name in ("forward", "input_gradient", "weight_gradient")]
    assert sum(times) == pytest.approx(value["computing_s"])


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        (("show", "alexnt"), "'alexnet'"),
        (("show", "alexnet", "--accelerator", "multitree"), "'multitree-isca21'"),
        (("show", "alexnet", "--samples", "0"), "x>=1"),
        (("show", "alexnet", "--tp", "2"), "takes no --tp"),
        (("show", "alexnet", "--precision", "bf16"), "computes layers only"),
        (("show", "llama2-70", "--tp", "2"), "'llama2-70b'"),
        (("show", "llama2-7b", "--tp", "3"), "divide the 32 heads"),
        (("show", "llama2-7b", "--accelerator", "multitree-isca21"), "computes layers only"),
        (("show", "llama2-7b", "--accelerator", "h101"), "'h100'"),
        (("show", "llama2-7b", "--precision", "bf61"), "'bf16'"),
        (("show", "llama2-7b", "--mode", "trian"), "train"),
        (("show", "llama2-7b", "--json", "no/such/folder/x.json"), "does not exist"),
        (("lst",), "list"),
    ],
)
def test_a_wrong_request_names_the_cure(words, cure, capsys):
    assert invoke(["net", *words]) == 2
    assert cure in capsys.readouterr().err
