"""A row each: an array of a wrong shape, dtype or range, and what the message advises."""

import numpy as np
import pytest
import torch

from featlib import FeatlibError, checks, features, head, images, preprocess, trace, validation
from featlib.preprocess import Transform

TRANSFORM = Transform((0.5,) * 3, (0.2,) * 3, 64)
RAW = torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8)
UNIT = RAW.float() / 255
LABELS = torch.tensor([0, 1, 0, 1])
ROWS = torch.randn(4, 512)


def with_one(value, like):
    spoiled = like.clone()
    spoiled.view(-1)[7] = value
    return spoiled


IMAGES = {
    "float images in 0–255": (RAW.float(), "look like 0–255: images.round"),
    "float images in 0–1": (UNIT, r"look like 0–1: \(images \* 255\)"),
    "int64 images": (RAW.long(), r"images\.to\(torch\.uint8\)"),
    "H×W×C": (RAW.permute(0, 2, 3, 1), r"permute\(0, 3, 1, 2\)"),
    "one image without its batch": (RAW[0], r"image\[None\]"),
    "gray": (RAW[:, :1], "Three color channels"),
    "no image": (RAW[:0], "no empty batch"),
    "a NumPy array": (RAW.numpy(), r"torch\.from_numpy"),
    "a list": (RAW.tolist(), "images.load"),
    "None": (None, "images.load"),
}


@pytest.mark.parametrize("case", IMAGES)
def test_raw_images(case):
    value, said = IMAGES[case]
    with pytest.raises(FeatlibError, match=said):
        preprocess.scale(value)


UNIT_IMAGES = {
    "uint8 in 0–1": ((UNIT > 0.5).byte(), "Scale them first"),
    "float in 0–255": (RAW.float(), "divide by 255 once"),
    "already normalized": ((UNIT - 0.5) / 0.2, "normalized already"),
    "a NaN": (with_one(float("nan"), UNIT), "in 1 of 4 rows"),
    "an infinity": (with_one(float("inf"), UNIT), "in 1 of 4 rows"),
    "float64": (UNIT.double(), r"images\.to\(torch\.float32\)"),
}


@pytest.mark.parametrize("case", UNIT_IMAGES)
def test_images_to_normalize(case):
    value, said = UNIT_IMAGES[case]
    with pytest.raises(FeatlibError, match=said):
        preprocess.normalize(value, TRANSFORM)


FEATURES = {
    "a NaN": (with_one(float("nan"), ROWS), "in 1 of 4 rows"),
    "one row": (ROWS[0], "One row an image"),
    "images": (UNIT, "flatten"),
    "float64": (ROWS.double(), r"features\.to\(torch\.float32\)"),
    "NumPy": (ROWS.numpy(), "from_numpy"),
}


@pytest.mark.parametrize("case", FEATURES)
def test_features_to_train_on(case):
    value, said = FEATURES[case]
    with pytest.raises(FeatlibError, match=said):
        head.train(value, LABELS, 2)


WRONG_LABELS = {
    "out of range": (LABELS + 1, "labels from 1 to 2"),
    "negative": (LABELS - 1, "labels from -1 to 0"),
    "too few": (LABELS[:3], "one label an image"),
    "floats": (LABELS.float(), r"labels\.to\(torch\.int64\)"),
    "one-hot": (torch.eye(2, dtype=torch.int64)[LABELS], "one label an image"),
}


@pytest.mark.parametrize("case", WRONG_LABELS)
def test_labels(case):
    value, said = WRONG_LABELS[case]
    with pytest.raises(FeatlibError, match=said):
        head.train(ROWS, value, 2)
    with pytest.raises(FeatlibError, match=said):
        images.from_arrays(RAW, value, ["a", "b"])
    layer, _ = head.train(ROWS, LABELS, 2)
    with pytest.raises(FeatlibError, match=said):
        validation.evaluate(layer, ROWS, value, ["a", "b"])


@pytest.mark.parametrize("classes", [[], ["only one"], ["same", "same"], "ab"], ids=str)
def test_classes(classes):
    with pytest.raises(FeatlibError, match="at least two classes with different names"):
        images.from_arrays(RAW, LABELS, classes)


def test_features_of_another_width_are_refused_by_the_head_that_cannot_take_them():
    layer, _ = head.train(ROWS, LABELS, 2)
    with pytest.raises(FeatlibError, match="N×512"):
        validation.evaluate(layer, ROWS[:, :100], LABELS, ["a", "b"])


def test_extract_checks_its_images_before_any_work(resnet):
    with pytest.raises(FeatlibError, match="permute"):
        features.extract(RAW.permute(0, 2, 3, 1), resnet)


def test_predict_wants_one_image(resnet):
    layer, _ = head.train(ROWS, LABELS, 2)
    with pytest.raises(FeatlibError, match="Pass one row"):
        trace.predict(RAW, resnet, layer, ["a", "b"])


def test_a_numpy_array_is_welcome_where_arrays_are_the_point():
    own = images.from_arrays(RAW.numpy(), LABELS.numpy(), ["a", "b"])
    assert np.array_equal(own.pixels, RAW)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_one_number_that_is_not_finite_is_found_among_many(value, dtype):
    many = torch.randn(1000, 33, dtype=dtype)
    assert checks.all_finite(many)
    assert not checks.all_finite(with_one(value, many))
    assert checks.all_finite(many[:0])
