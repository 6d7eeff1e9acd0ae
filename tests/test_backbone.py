"""Frozen means three things; and weights are read only when they are what they should be."""

import hashlib

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models import ResNet18_Weights
from torchvision.models import resnet18 as torchvision_resnet18

from featlib import FeatlibError, backbone, preprocess, weights


def test_it_returns_512_features_an_image(resnet, pixels):
    features = resnet(preprocess.prepare(pixels, resnet.transform))
    assert (features.shape, features.dtype) == ((12, 512), torch.float32)


def test_frozen_1_no_parameter_asks_for_gradients(resnet, pixels):
    assert not any(p.requires_grad for p in resnet.parameters())
    assert not resnet(preprocess.prepare(pixels, resnet.transform)).requires_grad


@pytest.mark.parametrize("call", ["backbone", "holder", "inner network"])
def test_frozen_2_and_3_batchnorm_keeps_its_statistics_whoever_calls_train(call, pixels):
    frozen = backbone.resnet18()
    before = backbone.fingerprint(frozen)
    {
        "backbone": frozen,
        "holder": nn.Sequential(frozen, nn.Linear(512, 10)),
        "inner network": frozen.network,
    }[call].train()
    frozen(preprocess.prepare(pixels, frozen.transform))
    assert backbone.fingerprint(frozen) == before


def test_without_that_batchnorm_does_drift(pixels):
    plain = torchvision_resnet18().requires_grad_(False).train()
    before = backbone.fingerprint(plain)
    plain(preprocess.scale(pixels))
    assert backbone.fingerprint(plain) != before


def test_the_fingerprint_sees_buffers_and_single_bits():
    layer = nn.BatchNorm1d(4)
    before = backbone.fingerprint(layer)
    layer.running_mean[2] = torch.nextafter(torch.tensor(0.0), torch.tensor(1.0))
    assert backbone.fingerprint(layer) != before


def test_the_bundled_weights_bring_their_transform_and_their_classes(resnet):
    assert resnet.transform.size == 64
    assert len(resnet.classes) == resnet.fc.out_features == 200
    assert "goldfish" in resnet.classes


def test_weights_alone_are_those_of_the_backbone_they_fill(resnet, pixels):
    loaded = weights.read_weights()
    assert backbone.fingerprint(loaded.state()) == backbone.fingerprint(resnet.state())
    assert (loaded.width, loaded.transform) == (resnet.width, resnet.transform)
    assert "bundled" in repr(loaded)
    ready = preprocess.prepare(pixels, resnet.transform)
    torch.testing.assert_close(backbone.resnet18(loaded)(ready), resnet(ready))


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


def test_untrained_weights_leave_the_global_random_state_alone():
    before = torch.get_rng_state()
    backbone.resnet18("untrained")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("ending", [".safetensors", ".pt"])
def test_a_learners_own_state_dict_is_loaded(tmp_path, ending):
    mine, path = torchvision_resnet18(num_classes=7), tmp_path / f"mine{ending}"
    save = save_file if ending == ".safetensors" else torch.save
    save(mine.state_dict(), path)
    loaded = backbone.resnet18(path)
    assert loaded.fc.out_features == 7
    assert torch.equal(loaded.network.conv1.weight, mine.conv1.weight)


def test_a_misspelled_name_is_refused():
    with pytest.raises(FeatlibError, match="'bundled', 'imagenet', 'untrained'"):
        backbone.resnet18("imagnet")


@pytest.fixture
def hub_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch-home"))


def save_with_hash(folder):
    """Save a state dict as torch.hub wants it: the start of its SHA-256 in its name."""
    network = torchvision_resnet18(num_classes=1000)
    torch.save(network.state_dict(), folder / "weights.pth")
    digest = hashlib.sha256((folder / "weights.pth").read_bytes()).hexdigest()
    return network, (folder / "weights.pth").rename(folder / f"resnet18-{digest[:8]}.pth")


def test_the_address_of_the_imagenet_weights_is_torchvisions():
    assert ResNet18_Weights.IMAGENET1K_V1.url == weights.IMAGENET_URL


@pytest.mark.usefixtures("hub_folder")
def test_imagenet_weights_are_downloaded_and_their_hash_checked(tmp_path, server, monkeypatch):
    network, file = save_with_hash(tmp_path)
    monkeypatch.setattr(weights, "IMAGENET_URL", f"{server}/{file.name}")
    loaded = backbone.resnet18("imagenet")
    assert torch.equal(loaded.network.conv1.weight, network.conv1.weight)
    assert loaded.transform.size == 224
    assert len(loaded.classes) == 1000


@pytest.mark.usefixtures("hub_folder")
def test_a_download_that_was_altered_is_refused(tmp_path, server, monkeypatch):
    _, file = save_with_hash(tmp_path)
    altered = file.rename(tmp_path / "resnet18-00000000.pth")
    monkeypatch.setattr(weights, "IMAGENET_URL", f"{server}/{altered.name}")
    with pytest.raises(FeatlibError, match="invalid hash"):
        backbone.resnet18("imagenet")


@pytest.mark.usefixtures("hub_folder")
def test_without_a_network_the_error_names_the_weights_that_need_none(monkeypatch):
    monkeypatch.setattr(weights, "IMAGENET_URL", "http://127.0.0.1:9/resnet18-00000000.pth")
    with pytest.raises(FeatlibError, match='weights="bundled", which needs none'):
        backbone.resnet18("imagenet")
