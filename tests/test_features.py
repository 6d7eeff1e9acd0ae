"""Stage 3: exactly torchvision's features, computed once."""

import logging
import platform
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from torch import nn
from torchvision.models import resnet18 as torchvision_resnet18
from torchvision.models.feature_extraction import create_feature_extractor

from featlib import FeatlibError, FeatureExtractor, backbone, features, preprocess, weights
from featlib.engine import cache, fused

CPU_FACTS = Path("/proc/cpuinfo")


@pytest.fixture(scope="module")
def plain_network():
    """Return torchvision's resnet18 with the bundled weights, as a learner would load them."""
    network = torchvision_resnet18(num_classes=200)
    network.load_state_dict(load_file(weights.BUNDLED))
    return network.eval()


@pytest.mark.parametrize(("size", "n"), [(64, 70), (96, 30), (224, 6)])
def test_features_equal_torchvisions_own_forward(size, n, emoji10, plain_network):
    network = weights.read_weights(size=size)
    some = emoji10.pixels[:: 1000 // n]
    plain_network.fc = nn.Identity()
    with torch.inference_mode():
        theirs = plain_network(preprocess.prepare(some, network.transform))
    torch.testing.assert_close(features.extract(some, network), theirs, atol=1e-4, rtol=0)


def test_features_are_what_torchvision_finds_before_the_last_layer(pixels, resnet, plain_network):
    by_node = create_feature_extractor(plain_network, ["avgpool"])
    with torch.inference_mode():
        theirs = by_node(preprocess.prepare(pixels, resnet.transform))["avgpool"].flatten(1)
    ours = features.extract(pixels, resnet, cache=False)
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


def test_the_batch_size_does_not_change_the_features(pixels, resnet):
    whole = features.extract(pixels, resnet, cache=False)
    parts = features.extract(pixels, resnet, batch_size=5, cache=False)
    torch.testing.assert_close(whole, parts, atol=1e-4, rtol=0)


def test_raw_and_scaled_images_give_the_same_features(pixels, resnet):
    raw = features.extract(pixels, resnet, cache=False)
    scaled = features.extract(preprocess.scale(pixels), resnet, cache=False)
    torch.testing.assert_close(raw, scaled)


def test_bf16_points_in_the_same_direction(pixels, resnet):
    exact = features.extract(pixels, resnet, cache=False)
    fast = features.extract(pixels, resnet, precision="bf16", cache=False)
    assert fast.dtype == torch.float32
    assert torch.cosine_similarity(exact, fast).min() > 0.999


def test_extracting_leaves_the_backbone_as_it_was(pixels, resnet):
    before = backbone.fingerprint(resnet)
    features.extract(pixels, resnet, precision="bf16", cache=False)
    assert backbone.fingerprint(resnet) == before


def test_it_is_said_whether_all_features_were_read(pixels, resnet, empty_cache, monkeypatch):
    monkeypatch.setattr(features, "PIECE", 5)
    first, read = features.extract_or_read(pixels, resnet)
    assert not read
    again, read = features.extract_or_read(pixels, resnet)
    assert read
    assert torch.equal(first, again)
    path = features.cache_paths(pixels, resnet)[1]
    path.write_bytes(path.read_bytes()[:-1])
    again, read = features.extract_or_read(pixels, resnet)
    assert not read, "one of three pieces was damaged"
    assert torch.equal(first, again)
    assert features.extract_or_read(pixels, resnet)[1], "it was made again"
    assert not features.extract_or_read(pixels, resnet, cache=False)[1]


def test_the_second_time_features_are_read_not_computed(pixels, resnet, empty_cache, monkeypatch):
    assert not features.is_cached(pixels, resnet)
    first = features.extract(pixels, resnet)
    assert features.is_cached(pixels, resnet)
    monkeypatch.setattr(features, "fast_forward", None)  # computing would fail now
    assert torch.equal(features.extract(pixels, resnet), first)
    assert len(list(empty_cache.rglob("*.*"))) == 1, "one entry, no temporary file left over"


@pytest.mark.parametrize("change", ["a pixel", "the weights", "the transform", "the precision"])
def test_another_content_is_another_cache_entry(change, pixels, resnet):
    changed, other, precision = pixels.clone(), resnet, "fp32"
    if change == "a pixel":
        changed[3, 1, 20, 20] ^= 1
    elif change == "the weights":
        other = backbone.resnet18("untrained")
    elif change == "the transform":
        other = backbone.resnet18()
        other.transform = preprocess.Transform((0, 0, 0), (1, 1, 1), 64)
    else:
        precision = "bf16"
    assert features.cache_paths(changed, other, precision) != features.cache_paths(pixels, resnet)


def test_a_run_that_was_stopped_goes_on_at_the_next_piece(pixels, resnet, empty_cache, monkeypatch):
    monkeypatch.setattr(features, "PIECE", 5)
    whole = features.extract(pixels, resnet, cache=False)
    compute, sizes = features._compute, []

    def stop_at_the_third(images, *rest):
        sizes.append(len(images))
        if len(sizes) == 3:
            raise KeyboardInterrupt
        return compute(images, *rest)

    monkeypatch.setattr(features, "_compute", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        features.extract(pixels, resnet)
    assert not features.is_cached(pixels, resnet)
    torch.testing.assert_close(features.extract(pixels, resnet), whole)
    assert sizes == [5, 5, 2, 2], "only what was missing was computed again"
    assert features.is_cached(pixels, resnet)


@pytest.mark.parametrize("size", [64, 96])
def test_the_size_of_the_images_asked_for_or_their_own_is_the_same_entry(size, resnet):
    own = torch.zeros(2, 3, size, size, dtype=torch.uint8)
    asked = weights.read_weights(size=size)
    assert features.cache_paths(own, resnet) == features.cache_paths(own, asked)


def test_images_of_two_sizes_go_through_one_network(pixels, resnet):
    forward = features.fast_forward(resnet)
    enlarged = preprocess.prepare(pixels, resnet.transform.at(64, 64))
    with torch.no_grad():
        torch.testing.assert_close(forward(pixels), resnet(enlarged), rtol=0, atol=1e-4)
    small = pixels[..., :40, :48]
    assert torch.equal(forward(small), features.fast_forward(resnet)(small))


@pytest.mark.parametrize("damage", ["cut off", "altered", "empty", "text"])
def test_a_damaged_entry_is_made_again_with_a_warning(damage, pixels, resnet, empty_cache, caplog):
    whole = features.extract(pixels, resnet)
    path = features.cache_paths(pixels, resnet)[0]
    data = path.read_bytes()
    spoiled = {
        "cut off": data[:-100],
        "altered": data[:-1] + bytes([data[-1] ^ 1]),
        "empty": b"",
        "text": b"hello",
    }
    path.write_bytes(spoiled[damage])
    with caplog.at_level(logging.WARNING, logger="featlib"):
        assert torch.equal(features.extract(pixels, resnet), whole)
    assert "damaged and is made again" in caplog.text
    assert torch.equal(cache.read(path)[0], whole)


def test_a_cache_that_cannot_be_written_is_said_and_does_no_harm(
    pixels, resnet, tmp_path, monkeypatch, caplog
):
    (tmp_path / "a file").write_text("in the way")
    monkeypatch.setenv("FEATLIB_CACHE_DIR", str(tmp_path / "a file"))
    with caplog.at_level(logging.WARNING, logger="featlib"):
        assert features.extract(pixels, resnet).shape == (12, 512)
    assert "cannot be written" in caplog.text


CUDNN = torch.backends.cudnn


def on_cuda(monkeypatch, network):
    """Return `fast_forward` for a GPU that need not be there: only the network is ours to see."""
    monkeypatch.setattr(features, "choose_device", lambda device: device)
    monkeypatch.setattr(fused, "FusedResNet18", lambda *arguments: network)
    monkeypatch.setattr(preprocess, "prepare", lambda images, transform: images)
    return features.fast_forward(weights.read_weights("untrained"), device="cuda")


class Anywhere:
    """Images that stay where they are when they are sent to a device."""

    shape = (1, 3, 64, 64)

    def to(self, device):
        assert device == "cuda"
        return self


@pytest.fixture(params=["ieee", "tf32"])
def chosen(request):
    """Set what a user may have chosen for convolutions, and return it."""
    before = CUDNN.conv.fp32_precision
    CUDNN.conv.fp32_precision = request.param
    yield request.param
    CUDNN.conv.fp32_precision = before


def test_an_nvidia_gpu_computes_in_full_float32_and_is_left_as_it_was(monkeypatch, chosen):
    seen = []

    def network(images):
        seen.append((CUDNN.conv.fp32_precision, CUDNN.enabled, torch.is_inference_mode_enabled()))
        return torch.zeros(1, 512)

    on_cuda(monkeypatch, network)(Anywhere())
    assert seen == [("ieee", True, True)]
    assert CUDNN.conv.fp32_precision == chosen


def test_a_fault_on_the_gpu_leaves_its_settings_as_they_were(monkeypatch, chosen):
    def network(images):
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        on_cuda(monkeypatch, network)(Anywhere())
    assert CUDNN.conv.fp32_precision == chosen


def test_threads_do_not_undo_each_others_settings_of_the_gpu(monkeypatch, chosen):
    def network(images):
        before = CUDNN.conv.fp32_precision
        time.sleep(0.002)  # long enough for another thread to come and go
        return torch.full((1, 512), float(before == CUDNN.conv.fp32_precision == "ieee"))

    forward = on_cuda(monkeypatch, network)
    with ThreadPoolExecutor(4) as pool:
        results = torch.cat(list(pool.map(forward, [Anywhere()] * 20)))
    assert results.all()
    assert CUDNN.conv.fp32_precision == chosen


# What sets it, a value that would change the features, and the usual one.
SETTINGS = {
    "the precision of all": (partial(setattr, torch.backends, "fp32_precision"), "bf16", "none"),
    "the precision of products": (torch.set_float32_matmul_precision, "medium", "highest"),
    "the default dtype": (torch.set_default_dtype, torch.float64, torch.float32),
    "the default device": (torch.set_default_device, "meta", None),
    "autocast": (partial(torch.set_autocast_enabled, "cpu"), True, False),
}


@pytest.mark.parametrize("fast", [True, False])
@pytest.mark.parametrize("case", SETTINGS)
def test_no_setting_of_the_users_changes_the_features(case, fast, pixels, resnet, monkeypatch):
    if not fast:  # as on processors without AVX-512
        monkeypatch.setattr(fused, "has_onednn", lambda *arguments: False)
    expected = features.extract(pixels, resnet, cache=False)
    change, odd, usual = SETTINGS[case]
    change(odd)
    try:
        whole = features.extract(pixels, resnet, cache=False)
        single = features.extract(pixels[:1], resnet, cache=False)  # without threads
    finally:
        change(usual)
    torch.testing.assert_close(whole, expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(single, expected[:1], atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("cuda", "mps", "taken"),
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_a_gpu_is_taken_where_there_is_one(cuda, mps, taken, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert features.choose_device() == taken
    assert features.choose_device("cpu") == "cpu"
    if not cuda:
        with pytest.raises(FeatlibError, match="the device 'cuda', got none here"):
            features.choose_device("cuda")


def test_features_of_another_device_are_kept_apart(pixels, resnet, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    paths = {features.cache_paths(pixels, resnet, device=device)[0] for device in ("cpu", "cuda")}
    assert len(paths) == 2


def test_no_batch_is_larger_than_asked(pixels, resnet, monkeypatch):
    sizes = []

    def forward(images):
        sizes.append(len(images))
        return torch.zeros(len(images), 512)

    monkeypatch.setattr(features, "fast_forward", lambda *arguments: forward)
    assert features.extract(pixels, resnet, batch_size=5, cache=False).shape == (12, 512)
    assert max(sizes) <= 5
    with pytest.raises(FeatlibError, match="batch_size as a whole number of at least 1"):
        features.extract(pixels, resnet, batch_size=0)


def test_without_the_cache_nothing_is_written(pixels, resnet, empty_cache):
    features.extract(pixels, resnet, cache=False)
    assert not empty_cache.exists()


def test_the_transformer_works_in_a_pipeline(pixels):
    pixels = pixels.numpy()
    labels = np.arange(len(pixels)) % 2
    pixels[labels == 1, 0] = 255  # one class is red
    pipeline = make_pipeline(FeatureExtractor(cache=False), LogisticRegression())
    assert pipeline.fit(pixels, labels).score(pixels, labels) == 1


def test_an_unknown_precision_is_refused(pixels, resnet):
    with pytest.raises(FeatlibError, match="'fp32', 'bf16'"):
        features.extract(pixels, resnet, precision="fp8")


@pytest.mark.parametrize("has", [True, False])
def test_a_processor_without_bf16_is_named_since_fp32_is_faster_there(
    has, pixels, resnet, monkeypatch, caplog
):
    monkeypatch.setattr(fused, "computes_bf16", lambda: has)
    features.extract(pixels, resnet, precision="bf16", device="cpu", cache=False)
    assert ("fp32 is faster here" in caplog.text) is not has
    features.extract(pixels, resnet, device="cpu", cache=False)
    assert caplog.text.count("fp32") == (not has)


@pytest.mark.skipif(platform.machine() != "x86_64" or not CPU_FACTS.exists(), reason="x86 Linux")
def test_x86_processors_with_avx512_compute_bf16():
    assert fused.computes_bf16() == ("avx512bw" in CPU_FACTS.read_text())
