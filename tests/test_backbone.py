"""Frozen means three things, and each is tested; weights fill the network as they should."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models import resnet18 as torchvision_resnet18

from featlib import FeatlibError, backbone, preprocess


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


@pytest.mark.parametrize("mode", [True, False])
def test_it_stays_in_evaluation_mode_itself_and_within_another_module(mode):
    frozen = backbone.resnet18()
    assert frozen.train(mode) is frozen
    holder = nn.Sequential(frozen, nn.Dropout()).train()
    assert holder[1].training
    assert not any(module.training for module in frozen.modules())


def test_no_gradients_are_recorded_even_for_images_that_ask_for_them(resnet, pixels):
    images = preprocess.prepare(pixels, resnet.transform).requires_grad_()
    assert resnet(images).grad_fn is None


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


@pytest.mark.parametrize(
    "change",
    [
        lambda state: {"other": state["weight"], "bias": state["bias"]},
        lambda state: state | {"weight": state["weight"].view(torch.int32)},
        lambda state: state | {"weight": state["weight"].view(3, 2)},
        lambda state: {"weight": state["weight"]},
    ],
    ids=["another name", "another dtype", "another shape", "a tensor less"],
)
def test_the_fingerprint_sees_more_than_values(change):
    state = {"weight": torch.zeros(2, 3), "bias": torch.zeros(2)}
    assert backbone.fingerprint(change(state)) != backbone.fingerprint(state)


def test_the_fingerprint_does_not_depend_on_order_or_memory():
    weight = torch.arange(6.0).view(2, 3)
    one = {"a": weight, "b": torch.ones(2)}
    same = {"b": torch.ones(2), "a": weight.T.contiguous().T}
    assert same["a"].stride() != one["a"].stride()
    assert backbone.fingerprint(one) == backbone.fingerprint(same)


def test_its_repr_counts_what_is_frozen(resnet):
    assert "11,176,512 frozen parameters, 512 features" in repr(resnet)


def test_the_bundled_weights_bring_their_transform_and_their_classes(resnet):
    assert resnet.transform.size is None, "the size belongs to the images"
    assert len(resnet.classes) == resnet.fc.out_features == 200
    assert "goldfish" in resnet.classes


@pytest.mark.parametrize("ending", [".safetensors", ".pt"])
def test_a_learners_own_state_dict_is_loaded(tmp_path, ending):
    mine, path = torchvision_resnet18(num_classes=7), tmp_path / f"mine{ending}"
    save = save_file if ending == ".safetensors" else torch.save
    save(mine.state_dict(), path)
    loaded = backbone.resnet18(path)
    assert loaded.fc.out_features == 7
    assert torch.equal(loaded.network.conv1.weight, mine.conv1.weight)


def test_a_misspelled_name_is_refused():
    with pytest.raises(FeatlibError, match="'bundled', 'imagenet', 'torchvision', 'untrained'"):
        backbone.resnet18("imagnet")
