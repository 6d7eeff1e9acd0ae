"""Why one prediction is as it is: parts of a logit, and parts of an image."""

import pytest
import torch
from helpers import seeded
from torch import nn

from featlib import FeatlibError, explain, trace

CLASSES = ["a", "b", "c"]


@pytest.fixture(scope="module")
def image():
    return torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8, generator=seeded())


@pytest.fixture(scope="module")
def layer():
    torch.manual_seed(0)
    return nn.Linear(512, 3)


def test_contributions_add_up_to_the_logit(image, resnet, layer):
    traced = trace.predict(image, resnet, layer, CLASSES)
    _, features, logits, _ = (part.values for part in traced.layers)
    for number in range(3):
        parts = explain.contributions(features, layer, number)
        assert parts.shape == (513,)
        assert parts.sum().item() == pytest.approx(logits[number].item(), abs=1e-4)
        assert parts[-1] == layer.bias[number]


def test_against_a_reference_the_same_logit_is_split_otherwise(layer):
    features, mean = torch.randn(2, 512, generator=seeded()).unbind()
    logits = layer(torch.stack([features, mean]))[:, 1]
    parts = explain.contributions(features, layer, 1, mean)
    assert parts.sum().item() == pytest.approx(logits[0].item(), abs=1e-4)
    assert parts[-1].item() == pytest.approx(logits[1].item(), abs=1e-4)
    assert explain.contributions(mean, layer, 1, mean)[:-1].abs().max() == 0
    with pytest.raises(FeatlibError, match="contributions, reference"):
        explain.contributions(features, layer, 1, mean[:5])


def test_contributions_of_a_class_that_is_not_there_are_refused(layer):
    with pytest.raises(FeatlibError, match="from 0 to 2"):
        explain.contributions(torch.zeros(512), layer, 3)


def test_occlusion_is_the_fall_of_the_logit(image, resnet, layer):
    fall = explain.occlusion(image, resnet, layer, 1, patch=32, stride=32)
    covered = image.clone()
    covered[:, 32:, :32] = 128
    before, after = (
        trace.predict(picture, resnet, layer, CLASSES).layers[2].values[1]
        for picture in (image, covered)
    )
    assert fall.shape == (2, 2)
    assert fall[1, 0].item() == pytest.approx((before - after).item(), abs=1e-4)


def test_a_patch_larger_than_the_image_is_refused(image, resnet, layer):
    with pytest.raises(FeatlibError, match="patch as a whole number from 1 to 64"):
        explain.occlusion(image, resnet, layer, 0, patch=65)


def test_features_that_do_not_fit_the_head_are_refused(layer):
    with pytest.raises(FeatlibError, match="N×512"):
        explain.contributions(torch.zeros(64), layer, 0)


@pytest.mark.parametrize("number", [3, -1])
def test_occlusion_of_a_class_that_is_not_there_is_refused(image, resnet, layer, number):
    with pytest.raises(FeatlibError, match="from 0 to 2"):
        explain.occlusion(image, resnet, layer, number)


def test_the_square_moves_by_its_stride_over_images_that_are_not_square(resnet, layer):
    image = torch.zeros(3, 64, 96, dtype=torch.uint8)
    assert explain.occlusion(image, resnet, layer, 0, patch=32, stride=16).shape == (3, 5)


def test_occlusion_leaves_the_image_as_it_is(image, resnet, layer):
    before = image.clone()
    explain.occlusion(image, resnet, layer, 0, patch=64, stride=64)
    assert torch.equal(image, before)


def test_places_that_do_not_fit_into_one_batch_are_all_measured(image, resnet, layer):
    fall = explain.occlusion(image, resnet, layer, 2, patch=8, stride=4)
    covered = image.clone()
    covered[:, 56:, 52:60] = 128
    before, after = (
        trace.predict(picture, resnet, layer, CLASSES).layers[2].values[2]
        for picture in (image, covered)
    )
    assert fall.shape == (15, 15)
    assert fall[14, 13].item() == pytest.approx((before - after).item(), abs=1e-4)


def test_a_head_without_a_bias_adds_none():
    layer = nn.Linear(3, 2, bias=False)
    parts = explain.contributions(torch.ones(3), layer, 1)
    assert parts.tolist() == [*layer.weight[1].tolist(), 0]


def test_a_bias_that_is_no_number_is_refused():
    layer = torch.nn.Linear(4, 2)
    layer.bias.data[0] = float("nan")
    with pytest.raises(FeatlibError, match=r"head\.bias"):
        explain.contributions(torch.ones(4), layer, 0)
