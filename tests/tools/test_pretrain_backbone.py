"""The recipe of the weights, as a program: run here on a handful of images."""

import json

import pretrain_backbone as tool
import pytest
import torch
from PIL import Image

from featlib import backbone, weights


@pytest.fixture(scope="module")
def tiny_imagenet(tmp_path_factory):
    """Return a folder in Tiny ImageNet's layout: two classes, eight images each, one color each."""
    root = tmp_path_factory.mktemp("tiny-imagenet-200")
    colors = {"n01": (220, 30, 30), "n02": (30, 30, 220)}
    (root / "wnids.txt").write_text("n02\nn01\n")
    (root / "words.txt").write_text("n01\tgoldfish, Carassius auratus\nn02\tshark\nn03\tother\n")
    (root / "val" / "images").mkdir(parents=True)
    lines = []
    for wnid, color in colors.items():
        (root / "train" / wnid / "images").mkdir(parents=True)
        for i in range(8):
            Image.new("RGB", (64, 64), color).save(root / "train" / wnid / "images" / f"{i}.JPEG")
        Image.new("RGB", (64, 64), color).save(root / "val" / "images" / f"{wnid}.JPEG")
        lines.append(f"{wnid}.JPEG\t{wnid}\t0\t0\t9\t9")
    (root / "val" / "val_annotations.txt").write_text("\n".join(lines))
    return root


def test_the_recipe_is_the_one_on_the_card():
    card = json.loads(weights.BUNDLED.with_suffix(".json").read_text())["recipe"]
    recipe = tool.Recipe()
    assert recipe.epochs == card["epochs"]
    assert card["resolutions"] == ", ".join(
        f"{n} {'epochs ' if i == 0 else ''}at {size}{' px' if i == 0 else ''}"
        for i, (n, size) in enumerate(recipe.schedule)
    )
    assert recipe.batch_size == card["batch_size"]
    assert (
        f"peak {recipe.peak_rate:g} at {recipe.peak_at:.0%}".replace("%", " %") in card["schedule"]
    )


def test_reading_gives_pixels_labels_and_names(tiny_imagenet):
    (pixels, labels), (held_out, truth), classes = tool.read_tiny_imagenet(tiny_imagenet)
    assert (pixels.shape, pixels.dtype) == ((16, 3, 64, 64), torch.uint8)
    assert labels.tolist() == [0] * 8 + [1] * 8
    assert held_out.shape == (2, 3, 64, 64)
    assert truth.tolist() == [0, 1]
    assert classes[0] == {"wnid": "n01", "name": "goldfish"}
    assert pixels[0, 0].float().mean() > 200


def test_augmentation_varies_but_is_repeatable():
    pixels = torch.randint(0, 256, (6, 3, 64, 64), dtype=torch.uint8)

    def varied(seed):
        return tool.augment(pixels, 40, 0.3, torch.Generator().manual_seed(seed))

    assert varied(0).shape == (6, 3, 40, 40)
    assert torch.equal(varied(0), varied(0))
    assert not torch.equal(varied(0), varied(1))


def test_a_few_steps_learn_and_the_result_loads_into_featlib(tiny_imagenet, tmp_path):
    data, held_out, classes = tool.read_tiny_imagenet(tiny_imagenet)
    recipe = tool.Recipe(schedule=((6, 32), (14, 64)), batch_size=8, peak_rate=0.005)
    network = tool.train(data, recipe, len(classes))
    measured = tool.accuracy(network, held_out, top=(1, 2))
    assert measured == [1.0, 1.0]
    path = tool.save(network, classes, recipe, measured, 1.0, tmp_path)
    loaded = backbone.resnet18(path)
    assert loaded.classes == ("goldfish", "shark")
    half = network.conv1.weight.half().float()
    assert torch.equal(loaded.network.conv1.weight, half)
