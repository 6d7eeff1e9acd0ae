"""Stage 3, the arithmetic: fewer operations, the same numbers."""

import pytest
import torch
from torch.nn.functional import batch_norm, conv2d

from featlib import backbone, features, images
from featlib.engine import fused, onednn

SIZES = (8, 16, 31, 32, 33, 48, 64, 65, 100, 224)  # what is 2×2 on the way differs, or nothing is
with_onednn = pytest.mark.skipif(
    not fused.has_onednn("cpu", torch.float32), reason="a processor with AVX-512"
)


@pytest.fixture(params=["fused", "plain"])
def way(request, monkeypatch):
    """Compute with oneDNN where it can fuse; or as on a GPU, or on another kind of processor."""
    if request.param == "plain":
        monkeypatch.setattr(fused, "has_onednn", lambda device, dtype: False)


def batch(n, size):
    """Return random images as a network wants them."""
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(0))


def close(mine, exact):
    """Compare features to 1e-4."""
    torch.testing.assert_close(mine, exact, atol=1e-4, rtol=0)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("size", SIZES)
def test_it_computes_what_the_backbone_computes_at_every_size(size, resnet):
    network = fused.FusedResNet18(resnet.state(), size, "cpu", torch.float32)
    for n in (1, 3):
        close(network(batch(n, size)), resnet(batch(n, size)))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float32, 1e-4), (torch.bfloat16, 1e-2)])
def test_pieces_of_a_batch_give_what_the_whole_gives(dtype, rtol, resnet, monkeypatch):
    images = batch(5, 64)
    whole = fused.FusedResNet18(resnet.state(), 64, "cpu", dtype)(images)
    monkeypatch.setattr(fused, "AT_ONCE", 200_000)  # one image at first, more as the maps shrink
    pieces = fused.FusedResNet18(resnet.state(), 64, "cpu", dtype)
    torch.testing.assert_close(pieces(images), whole, rtol=rtol, atol=1e-4)


def test_in_bf16_the_largest_of_nine_is_that_of_the_numbers(resnet):
    network = fused.FusedResNet18(resnet.state(), 64, "cpu", torch.bfloat16)
    images = batch(2, 64).to(torch.bfloat16, memory_format=torch.channels_last)
    wanted = torch.nn.functional.max_pool2d(network.layers["conv1"](images), 3, 2, 1)
    assert torch.equal(network._stem(images), wanted)


@with_onednn
def test_with_onednn_every_layer_is_one_of_its_own(resnet):
    layers = fused.FusedResNet18(resnet.state(), 64, "cpu", torch.float32).layers
    assert not [name for name, layer in layers.items() if isinstance(layer, fused.Convolution)]


@with_onednn
@pytest.mark.parametrize(
    ("size", "whole"), [(32, "layer3"), (33, "layer4"), (64, "layer4"), (65, None), (224, None)]
)
def test_maps_of_2x2_are_multiplied_whole(size, whole, resnet):
    layers = fused.FusedResNet18(resnet.state(), size, "cpu", torch.float32).layers
    names = {name for name, layer in layers.items() if isinstance(layer, onednn.WholeMap)}
    wanted = {f"{whole}.0.conv2", f"{whole}.1.conv1", f"{whole}.1.conv2"} if whole else set()
    assert names == wanted


@with_onednn
@pytest.mark.parametrize("adding", [False, True])
@pytest.mark.parametrize("relu", [False, True])
def test_a_whole_map_is_a_convolution(relu, adding):
    weight, bias, x = torch.randn(5, 4, 3, 3), torch.randn(5), torch.randn(7, 4, 2, 2)
    add = torch.randn(7, 5, 2, 2) if adding else None
    exact = conv2d(x, weight, bias, padding=1)
    exact = exact + add if adding else exact
    close(onednn.WholeMap(weight, bias)(x, add, relu), exact.relu() if relu else exact)


@pytest.mark.parametrize(
    "kind", [fused.Convolution, pytest.param(onednn.Convolution, marks=with_onednn)]
)
@pytest.mark.parametrize("adding", [False, True])
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize(("kernel", "stride"), [(1, 2), (3, 1), (3, 2), (7, 2)])
def test_a_convolution_adds_then_cuts_at_zero(kernel, stride, relu, adding, kind):
    weight, bias = torch.randn(5, 4, kernel, kernel), torch.randn(5)
    x = torch.randn(2, 4, 12, 12).contiguous(memory_format=torch.channels_last)
    exact = conv2d(x, weight, bias, stride, kernel // 2)
    add = torch.randn_like(exact) if adding else None
    exact = exact + add if adding else exact
    mine = kind(weight, bias, stride)(x, add, relu)
    close(mine, exact.relu() if relu else exact)


def test_batchnorm_folds_into_the_convolution_before_it(resnet):
    state, x = resnet.state(), batch(2, 16)
    weight, bias = fused.fold_batchnorm(state)["conv1"]
    norm = [state[f"bn1.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
    exact = batch_norm(conv2d(x, state["conv1.weight"]), *norm)
    close(conv2d(x, weight, bias), exact)


def test_folding_leaves_the_weights_as_they_were(resnet):
    before = backbone.fingerprint(resnet)
    fused.FusedResNet18(resnet.state(), 64, "cpu", torch.float32)(batch(2, 64))
    assert backbone.fingerprint(resnet) == before


def test_images_are_left_as_they_were(resnet):
    given = batch(2, 64)
    fused.FusedResNet18(resnet.state(), 64, "cpu", torch.float32)(given)
    assert torch.equal(given, batch(2, 64))


@with_onednn
def test_bf16_fused_is_as_near_to_fp32_as_unfused(resnet, monkeypatch):
    pixels = images.load().pixels[:64]

    def cosine():
        mine = features.fast_forward(resnet, "bf16", "cpu")(pixels)
        return torch.cosine_similarity(mine, exact).min()

    exact = features.fast_forward(resnet, "fp32", "cpu")(pixels)
    whole = cosine()
    monkeypatch.setattr(fused, "has_onednn", lambda device, dtype: False)
    assert whole > cosine() - 1e-4


@pytest.mark.parametrize(
    ("device", "dtype", "capability", "bf16", "wanted"),
    [
        ("cpu", torch.float32, "AVX512", True, True),
        ("cpu", torch.float32, "AVX2", False, False),
        ("cpu", torch.bfloat16, "AVX512", True, True),
        ("cpu", torch.bfloat16, "AVX2", False, False),
        ("cpu", torch.float32, "DEFAULT", False, False),
        ("cpu", torch.float32, "NO AVX", False, False),
        ("cuda", torch.float32, "AVX512", True, False),
        ("mps", torch.float32, "DEFAULT", False, False),
    ],
)
def test_where_onednn_fuses(device, dtype, capability, bf16, wanted, monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    monkeypatch.setattr(fused, "computes_bf16", lambda: bf16)
    assert fused.has_onednn(device, dtype) is wanted


# Where PyTorch lacks the operator that says whether the processor computes bfloat16


@pytest.mark.parametrize(
    ("machine", "built_in", "capability", "wanted"),
    [
        ("a Mac", False, "DEFAULT", False),
        ("Intel or AMD with AVX-512", True, "AVX512", True),
        ("Intel or AMD with AVX2", True, "AVX2", False),
        ("ARM with SVE", True, "SVE256", True),
        ("ARM without", True, "DEFAULT", False),
    ],
)
def test_without_the_operator_the_kind_of_processor_says_whether_it_computes_bf16(
    machine, built_in, capability, wanted, monkeypatch
):
    monkeypatch.setattr(onednn, "operators", object)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: built_in)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert fused.computes_bf16() is wanted


def test_a_mac_extracts_in_bf16_and_says_that_fp32_is_faster(pixels, resnet, monkeypatch, caplog):
    monkeypatch.setattr(onednn, "operators", object)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    exact = features.extract(pixels, resnet, device="cpu", cache=False)
    mine = features.extract(pixels, resnet, precision="bf16", device="cpu", cache=False)
    assert torch.cosine_similarity(mine, exact).min() > 0.999
    assert [record.message for record in caplog.records] == [
        "features: this processor has no instructions for bf16; fp32 is faster here"
    ]
