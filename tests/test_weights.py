"""The weights of stage 3: bundled, downloaded, or random; and what each says of itself."""

import hashlib
from pathlib import Path

import pytest
import torch
from torchvision.models import ResNet18_Weights
from torchvision.models import resnet18 as torchvision_resnet18

from featlib import FeatlibError, backbone, preprocess, weights


def test_weights_alone_are_those_of_the_backbone_they_fill(resnet, pixels):
    loaded = weights.read_weights()
    assert backbone.fingerprint(loaded.state()) == backbone.fingerprint(resnet.state())
    assert (loaded.width, loaded.transform) == (resnet.width, resnet.transform)
    assert "bundled" in repr(loaded)
    ready = preprocess.prepare(pixels, resnet.transform)
    torch.testing.assert_close(backbone.resnet18(loaded)(ready), resnet(ready))


def test_imagenet_is_another_name_of_the_bundled_weights():
    assert backbone.fingerprint(weights.read_weights("imagenet").state()) == backbone.fingerprint(
        weights.read_weights().state()
    )
    assert weights.read_weights("imagenet").name == "bundled"


@pytest.mark.parametrize("name", ["bundled", "untrained"])
def test_a_size_that_is_asked_for_is_that_of_every_image(name, pixels):
    for loaded in (weights.read_weights(name, size=96), weights.read_weights(name).at(96)):
        assert loaded.transform.size == 96
        assert preprocess.prepare(pixels, loaded.transform).shape == (12, 3, 96, 96)
    assert backbone.resnet18(weights.read_weights(name), size=32).transform.size == 32


def test_the_size_of_a_card_holds_until_another_is_asked_for(tmp_path):
    torch.save(weights.read_weights().tensors, tmp_path / "mine.pt")
    (tmp_path / "mine.json").write_text('{"size": 48}')
    assert weights.read_weights(tmp_path / "mine.pt").transform.size == 48
    assert weights.read_weights(tmp_path / "mine.pt", size=64).transform.size == 64


@pytest.mark.parametrize("size", [31, 513, 64.0, "64"])
def test_a_size_out_of_range_is_refused(size):
    with pytest.raises(FeatlibError, match="from 32 to 512"):
        weights.read_weights(size=size)


def test_untrained_weights_are_random_as_torchvisions_are():
    ours = weights.read_weights("untrained").state()
    theirs = torchvision_resnet18().state_dict()
    assert ours.keys() == theirs.keys() - {"fc.weight", "fc.bias"}
    for name, tensor in ours.items():
        assert (tensor.shape, tensor.dtype) == (theirs[name].shape, theirs[name].dtype)
        spread, theirs_spread = (t.float().std(correction=0) for t in (tensor, theirs[name]))
        torch.testing.assert_close(spread, theirs_spread, rtol=0.05, atol=0, msg=name)
        assert abs(tensor.float().mean() - theirs[name].float().mean()) < 0.01, name


def test_untrained_weights_are_the_same_for_the_same_seed():
    one, same, other = (backbone.resnet18("untrained", seed=s) for s in (1, 1, 2))
    assert backbone.fingerprint(one) == backbone.fingerprint(same) != backbone.fingerprint(other)


def test_a_checksum_that_is_passed_counts_more_than_none(tmp_path):
    torch.save(weights.read_weights().tensors, tmp_path / "mine.pt")
    digest = hashlib.sha256((tmp_path / "mine.pt").read_bytes()).hexdigest()
    assert weights.read_weights(tmp_path / "mine.pt", sha256=digest.upper()).width == 512
    with pytest.raises(FeatlibError, match="cut off or altered"):
        weights.read_weights(tmp_path / "mine.pt", sha256="0" * 64)


@pytest.mark.parametrize("change", [str.upper, " {}\n".format])
def test_blanks_and_capitals_in_a_checksum_do_not_matter(change):
    digest = hashlib.sha256(weights.BUNDLED.read_bytes()).hexdigest()
    assert weights.read_weights(sha256=change(digest)).width == 512


@pytest.mark.parametrize("name", ["bundled", "imagenet", "untrained"])
def test_a_name_may_come_as_a_path(name):
    assert weights.read_weights(Path(name)).name == name.replace("imagenet", "bundled")


def test_half_precision_is_read_as_float32_and_batchnorms_counters_may_be_missing(tmp_path):
    whole = weights.read_weights().tensors
    kept = {k: t.half() for k, t in whole.items() if not k.endswith("num_batches_tracked")}
    torch.save(kept, tmp_path / "mine.pt")
    loaded = weights.read_weights(tmp_path / "mine.pt")
    assert loaded.tensors.keys() == whole.keys()
    for name, tensor in loaded.tensors.items():
        assert tensor.dtype == whole[name].dtype, name
    assert loaded.transform.size is None
    assert loaded.classes == ()


def test_untrained_weights_leave_the_global_random_state_alone():
    before = torch.get_rng_state()
    backbone.resnet18("untrained")
    assert torch.equal(torch.get_rng_state(), before)


def save_with_hash(folder):
    """Save a state dict as torch.hub wants it: the start of its SHA-256 in its name."""
    network = torchvision_resnet18(num_classes=1000)
    torch.save(network.state_dict(), folder / "weights.pth")
    digest = hashlib.sha256((folder / "weights.pth").read_bytes()).hexdigest()
    return network, (folder / "weights.pth").rename(folder / f"resnet18-{digest[:8]}.pth")


def test_the_address_of_torchvisions_weights_is_theirs():
    assert ResNet18_Weights.IMAGENET1K_V1.url == weights.TORCHVISION_URL


def test_torchvisions_weights_are_downloaded_into_the_cache_and_their_hash_checked(
    tmp_path, server, monkeypatch, empty_cache
):
    network, file = save_with_hash(tmp_path)
    monkeypatch.setattr(weights, "TORCHVISION_URL", f"{server}/{file.name}")
    loaded = backbone.resnet18("torchvision")
    assert torch.equal(loaded.network.conv1.weight, network.conv1.weight)
    assert loaded.transform.size is None
    assert len(loaded.classes) == 1000
    assert (empty_cache / "weights" / file.name).is_file()


@pytest.mark.usefixtures("empty_cache")
def test_a_download_that_was_altered_is_refused(tmp_path, server, monkeypatch):
    _, file = save_with_hash(tmp_path)
    altered = file.rename(tmp_path / "resnet18-00000000.pth")
    monkeypatch.setattr(weights, "TORCHVISION_URL", f"{server}/{altered.name}")
    with pytest.raises(FeatlibError, match="invalid hash"):
        backbone.resnet18("torchvision")


@pytest.mark.usefixtures("empty_cache")
def test_without_a_network_the_error_names_the_weights_that_need_none(monkeypatch):
    monkeypatch.setattr(weights, "TORCHVISION_URL", "http://127.0.0.1:9/resnet18-00000000.pth")
    with pytest.raises(FeatlibError, match='weights="bundled", which needs none'):
        backbone.resnet18("torchvision")
