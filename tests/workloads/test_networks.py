"""Networks: every registered one is whole, and those of MULTITREE's study hold exactly the weights it counts."""

import pytest
from workloads.published import WEIGHTS

from collsim.errors import InvalidValue, UnknownName
from collsim.workloads.accelerators.accelerator import ACCELERATORS, pass_times
from collsim.workloads.layers import NETWORKS, Layer, Network, convolution
from collsim.workloads.networks.alphagozero import alphagozero
from collsim.workloads.networks.ncf import ncf
from collsim.workloads.networks.resnet import stages
from collsim.workloads.networks.transformer import transformer

TOTALS = {"resnet50": 25_557_032, "resnet101": 44_549_160, "resnet152": 60_192_808, "vgg16": 138_357_544}
MEGABYTES = {"resnet50": 102.2, "resnet101": 178.2, "resnet152": 240.8, "vgg16": 553.4}
BILLIONS = {"resnet50": 3.8, "resnet101": 7.6, "resnet152": 11.3, "vgg16": 15.5}


@pytest.mark.parametrize("name", list(NETWORKS))
def test_every_network_is_whole(name):
    network = NETWORKS.get(name)
    names = [layer.name for layer in network.layers]
    assert network.name == name
    assert all((network.title, network.source, network.reading))
    assert len(set(names)) == len(names)
    assert network.parameters == sum(layer.parameters for layer in network.layers) > 0
    assert network.flops > 0
    assert network.unpadded().parameters == network.parameters
    assert network.all_parameters == network.parameters + sum(layer.others for layer in network.layers)


@pytest.mark.parametrize("accelerator", list(ACCELERATORS))
@pytest.mark.parametrize("name", list(NETWORKS))
def test_every_accelerator_computes_every_network(name, accelerator):
    machine = ACCELERATORS.get(accelerator)
    assert machine.name == accelerator
    assert all((machine.about, machine.source))
    for layer in NETWORKS.get(name).layers:
        one, two = (pass_times(machine, layer, samples) for samples in (16, 32))
        for before, after in ((one.forward, two.forward), (one.backward, two.backward)):
            assert 0 <= before <= after
            assert before > 0 or layer.is_lookup
        assert one.total == one.forward + one.input_gradient + one.weight_gradient


@pytest.mark.parametrize("name", WEIGHTS)
def test_the_weights_are_those_of_the_study(name):
    assert NETWORKS.get(name).parameters == WEIGHTS[name]


def test_published_totals():
    """Known from elsewhere: ResNet-50 of libraries, with batch normalisation and bias, has 25,557,032 parameters."""
    assert NETWORKS.get("resnet50").parameters == 25_557_032 - 53_120 - 1_000
    for name, total in TOTALS.items():
        assert NETWORKS.get(name).all_parameters == total
        assert 4 * total / 1e6 == pytest.approx(MEGABYTES[name], abs=0.05)
    assert NETWORKS.get("googlenet").parameters == 6_990_272
    assert NETWORKS.get("transformer").parameters == (6 * (4 + 8) + 6 * (8 + 8)) * 512**2 + 33_708 * 512
    # Caffe's models of the two networks, as netscope and others count them, biases apart.
    assert NETWORKS.get("googlenet").all_parameters == 6_990_272 + 8_280 == 6_998_552
    assert NETWORKS.get("alexnet-2012").all_parameters == 60_965_224
    assert round(NETWORKS.get("alexnet-2012").all_parameters / 6e7, 1) == 1.0  # the paper's abstract: 60 million
    # The same network on one device has 62,378,344, 58,631,144 of them in the dense layers.
    assert NETWORKS.get("alexnet").all_parameters == 62_378_344 - 58_631_144
    # NVIDIA's NCF on MovieLens-20M: 64 factors, embeddings of 128, layers of 256, 256, 128 and 64.
    assert ncf(138_493, 26_744, 64, 128, (256, 128, 64)).all_parameters == 31_832_577
    # Table 3 of the paper has 65 million for a vocabulary of about 37,000.
    assert transformer(vocabulary=37_000).all_parameters == pytest.approx(65e6, rel=0.035)
    for blocks in (19, 39):
        heads = 256 + 361 * 256 + 256 + 512 + 722 * 362
        assert alphagozero(blocks).parameters == (17 + 2 * blocks * 256) * 9 * 256 + heads
    assert ncf(138_493, 26_744).parameters == 6_612_184


def test_others_are_one_bias_a_filter_or_two_numbers_of_a_normalisation():
    for name in ("alexnet", "alexnet-2012", "googlenet", "vgg16"):
        assert all(layer.others == layer.filters for layer in NETWORKS.get(name).layers)
    for layer in alphagozero().layers:
        assert layer.others == layer.filters * (1 if "dense" in layer.name else 2)
    for layer in ncf().layers:
        assert layer.others == (layer.filters if "dense" in layer.name or layer.name == "prediction" else 0)
    # Feed-forward networks have biases; a normalisation stands behind each of them and each of 18 attentions.
    assert sum(layer.others for layer in transformer().layers) == 12 * (2048 + 512) + (12 + 18) * 2 * 512
    for name in WEIGHTS:
        if name.endswith("isca21"):
            assert NETWORKS.get(name).all_parameters == WEIGHTS[name]


@pytest.mark.parametrize("name", BILLIONS)
def test_multiplications_are_those_published(name):
    """He et al., table 1, count a multiply-add once; VGG-16 in the same way by Canziani et al. (arXiv 1605.07678)."""
    assert sum(layer.macs for layer in NETWORKS.get(name).layers) / 1e9 == pytest.approx(BILLIONS[name], rel=0.03)


def test_the_maps_of_convolutions_fit_together():
    sizes = [layer.out_height for layer in NETWORKS.get("alexnet").layers]
    assert sizes == [55, 27, 13, 13, 13]
    maps = [(layer.out_height, layer.filters) for layer in stages(4) if layer.name.endswith("expand")]
    assert maps == [(56, 256)] * 3 + [(28, 512)] * 4 + [(14, 1024)] * 6 + [(7, 2048)] * 3
    for name in ("googlenet", "alphagozero", "resnet50", "fasterrcnn"):
        for layer in NETWORKS.get(name).layers:
            assert layer.out_height == -(-layer.height // layer.stride), layer.name


def test_a_short_sentence_takes_an_array_no_less_than_one_of_32_tokens():
    machine = ACCELERATORS.get("multitree-isca21")
    dense = [[layer for layer in transformer(n).layers if layer.groups == 1 and not layer.is_lookup] for n in (1, 32)]
    for one, thirtytwo in zip(*dense, strict=True):
        shorter, longer = (pass_times(machine, layer, 16) for layer in (one, thirtytwo))
        assert shorter.total == pytest.approx(longer.total, abs=3 * 31 * 10**6)


@pytest.mark.parametrize(
    ("wrong", "cure"),
    [
        (lambda: Layer("l", 0, 1, 1, 1), "below 1"),
        (lambda: Layer("l", 1, 1, 1, 1, padding=-1), "below 0"),
        (lambda: Layer("l", 1, 1, 1, 1, others=-1), "below 0"),
        (lambda: Layer("l", 1, 1, 6, 4, groups=4), "divides both"),
        (lambda: convolution("l", 2, 3, 4, 5), "add padding"),
        (lambda: Network("empty", "", "", "", ()), "at least one"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(wrong, cure):
    with pytest.raises(InvalidValue, match=cure):
        wrong()


def test_a_misspelt_network_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="'resnet50'"):
        NETWORKS.get("resnet-50")
