"""Why one prediction is as it is: parts of a logit, and parts of an image."""

import math
import re

import pytest
import torch
from helpers import seeded
from torch import nn

from featlib import FeatlibError, explain, images, trace
from featlib.pages import safe_html

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


@pytest.fixture(scope="module")
def pets():
    """Six images of two classes, one in each class held out; four features each."""
    pixels = torch.randint(0, 256, (6, 3, 64, 64), dtype=torch.uint8, generator=seeded())
    return images.from_arrays(
        pixels,
        [0, 0, 0, 1, 1, 1],
        ["<cat>", "dog"],
        validation=[2, 5],
        captions=["tom & co", "b", "c", "d", "e", "f"],
    )


@pytest.fixture(scope="module")
def rows():
    return torch.rand(6, 4, generator=seeded(1)) * 5


@pytest.fixture(scope="module")
def small_head():
    torch.manual_seed(0)
    return nn.Linear(4, 2)


@pytest.fixture(scope="module")
def traced(pets, rows, small_head):
    return trace.predict_from_features(pets.pixels[2], rows[2], small_head, pets.classes)


def test_evidence_adds_up_to_logit_and_probability(traced, pets, rows, small_head):
    found = explain.evidence(traced, small_head, pets, rows, parts=3)
    assert found.classes[0].name == traced.label
    total = traced.layers[2].values.exp().sum()
    mean = rows[pets.train].mean(0)
    for one in found.classes:
        number = pets.classes.index(one.name)
        added = one.mean_logit + sum(part.adds for part in one.features) + one.rest
        assert added == pytest.approx(one.logit, abs=1e-4)
        assert one.logit == pytest.approx(traced.layers[2].values[number].item())
        assert one.probability == pytest.approx((torch.tensor(one.logit).exp() / total).item())
        assert one.mean_logit == pytest.approx(small_head(mean)[number].item(), abs=1e-5)
        for part in one.features:
            assert part.adds == pytest.approx((part.value - part.mean) * part.weight, abs=1e-5)
            assert part.mean == pytest.approx(mean[part.number].item())


def test_evidence_shows_the_strongest_parts_and_the_training_pictures_behind_them(
    traced, pets, rows, small_head
):
    found = explain.evidence(traced, small_head, pets, rows, classes=1, parts=4, pictures=2)
    [one] = found.classes
    sizes = [abs(part.adds) for part in one.features]
    assert sizes == sorted(sizes, reverse=True)
    for part in one.features:
        best = sorted(pets.train.tolist(), key=lambda row: -rows[row, part.number])
        assert list(part.rows) == best[:2], "never a validation picture"
    fewer = explain.evidence(traced, small_head, pets, rows, classes=1, parts=2).classes[0]
    assert fewer.features == tuple(
        explain.evidence(traced, small_head, pets, rows, classes=1).classes[0].features[:2]
    )


def test_evidence_unfolds_without_a_kernel_and_says_the_same_as_its_text(
    traced, pets, rows, small_head
):
    found = explain.evidence(traced, small_head, pets, rows, classes=2, parts=3, pictures=2)
    html = found._repr_html_()
    assert html.count("<details>") == html.count("</details>") == 2 * (1 + 1 + 3)
    assert html.count("<img ") == html.count("<img alt=") == 1 + 2 * 3 * 2
    assert "tom &amp; co" in html
    assert "&lt;cat&gt;" in html
    assert "<cat>" not in html
    assert not re.search(r"<script|http|\son\w+=|color:", html), "it runs and loads nothing"
    plain = re.sub(r"<[^>]+>", "", html).replace("&lt;", "<").replace("&gt;", ">")
    for line in repr(found).splitlines():
        assert line.strip().split("; highest in")[0] in plain
    cleaned = safe_html.clean(html)
    assert cleaned.count("<details>") == html.count("<details>")
    assert cleaned.count('src="data:') == html.count('src="data:'), "on a page it is the same"


@pytest.mark.parametrize("logits", [(6.2264, 0.7081), (2.0, 0.1149), (0.3349, 9.8851)])
def test_evidence_shows_enough_digits_to_compute_the_probability_again(pets, rows, logits):
    head = nn.Linear(4, 2)
    head.weight.data, head.bias.data = torch.zeros(2, 4), torch.tensor(logits)
    traced = trace.predict_from_features(pets.pixels[2], rows[2], head, pets.classes)
    text = repr(explain.evidence(traced, head, pets, rows))
    shown = re.findall(r"probability (\S+) ≈ e\^(\S+) ÷ ([\d,.]+), the sum", text)
    assert len(shown) == 2
    for probability, logit, total in shown:
        again = math.exp(float(logit)) / float(total.replace(",", ""))
        assert again == pytest.approx(float(probability), abs=0.0011)


def test_evidence_takes_a_picture_from_anywhere(resnet, pets):
    torch.manual_seed(0)
    layer, features = nn.Linear(512, 2), torch.rand(6, 512, generator=seeded())
    own = torch.randint(0, 256, (3, 80, 100), dtype=torch.uint8, generator=seeded())
    found = explain.evidence(trace.predict(own, resnet, layer, pets.classes), layer, pets, features)
    assert len(found.classes) == 2
    assert [len(one.features) for one in found.classes] == [4, 4]
    assert [len(part.rows) for part in found.classes[0].features] == [4] * 4, "all there are"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prediction": "cat"}, "a PredictionTrace, got str 'cat'"),
        ({"head": len}, "a head, a torch.nn.Linear"),
        ({"head": nn.Linear(4, 3)}, "with 2 classes, got 3"),
        ({"head": nn.Linear(5, 2)}, "N×5"),
        ({"images": [1]}, "images, an ImageSet"),
        ({"features": torch.zeros(5, 4)}, "features of the 6 images, got 5 rows"),
        ({"features": None}, "N×4"),
        ({"classes": 0}, "classes as a whole number from 1 to 20"),
        ({"parts": 21}, "parts as a whole number from 1 to 20"),
        ({"pictures": 1.5}, "pictures as a whole number from 1 to 20"),
    ],
)
def test_evidence_of_what_does_not_fit_is_refused(change, said, traced, pets, rows, small_head):
    fits = {"prediction": traced, "head": small_head, "images": pets, "features": rows}
    with pytest.raises(FeatlibError, match=said):
        explain.evidence(**fits | change)
