"""A row each: an array of a wrong shape, dtype or range, and what the message advises."""

import numpy as np
import pytest
import torch
from PIL import Image

from featlib import FeatlibError, checks, features, head, images, preprocess, trace, validation
from featlib.preprocess import Transform


def image_set(**given):
    """Make an image set of four images, or of what is given."""
    plain = {
        "name": "own", "pixels": RAW, "labels": LABELS, "classes": ("a", "b"), "train": [0, 1, 2],
        "validation": [3], "captions": ["one", "two", "three", "four"],
    }  # fmt: skip
    return images.ImageSet(**(plain | given))


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


# What images.from_arrays takes, since there is no doubt what is meant


GRAY = RAW[:, :1]
IN_COLOR = [Image.fromarray(row.permute(1, 2, 0).numpy()) for row in RAW]
PLAIN_PIXELS = {
    "a NumPy array": (RAW.numpy(), RAW),
    "H×W×C": (RAW.permute(0, 2, 3, 1), RAW),
    "gray without channels": (GRAY[:, 0], GRAY.expand(-1, 3, -1, -1)),
    "gray with one channel": (GRAY.numpy(), GRAY.expand(-1, 3, -1, -1)),
    "0–1": (UNIT, RAW),
    "int64": (RAW.long(), RAW),
    "nested lists": (RAW.tolist(), RAW),
    "a list of tensors": (list(RAW), RAW),
    "a list of pictures of Pillow": (IN_COLOR, RAW),
    "a tuple of gray ones": (
        tuple(Image.fromarray(row[0].numpy()) for row in RAW), GRAY.expand(-1, 3, -1, -1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("make", ["from_arrays", "ImageSet"])
@pytest.mark.parametrize("case", PLAIN_PIXELS)
def test_plain_pixels(case, make):
    value, pixels = PLAIN_PIXELS[case]
    if make == "from_arrays":
        own = images.from_arrays(value, LABELS, ["a", "b"])
    else:
        own = image_set(pixels=value)
    assert torch.equal(own.pixels, pixels)


PLAIN_LABELS = {
    "a list": [0, 1, 0, 1],
    "int32": LABELS.int().numpy(),
    "uint8": LABELS.byte(),
    "uint16": LABELS.numpy().astype(np.uint16),
    "true and false": LABELS.bool().numpy(),
    "whole floats": LABELS.float(),
    "one-hot": torch.eye(2)[LABELS],
    "names": ["a", "b", "a", "b"],
    "an array of names": np.array(["a", "b", "a", "b"]),
    "names as objects": np.array(["a", "b", "a", "b"], dtype=object),
}


@pytest.mark.parametrize("case", PLAIN_LABELS)
def test_plain_labels(case):
    for own in (
        images.from_arrays(RAW, PLAIN_LABELS[case], ["a", "b"]),
        image_set(labels=PLAIN_LABELS[case]),
    ):
        assert torch.equal(own.labels, LABELS)
        assert own.labels.dtype == torch.int64


def test_names_get_the_numbers_of_their_classes_not_of_the_alphabet():
    own = images.from_arrays(RAW, ["a", "b", "a", "b"], ["b", "a"])
    assert own.labels.tolist() == [1, 0, 1, 0]


PLAIN_ROWS = {
    "a list": [1, 3],
    "a tuple": (1, 3),
    "a range": range(1, 4, 2),
    "a set": {3, 1},
    "a NumPy array": np.array([1, 3], dtype=np.int16),
    "a tensor": torch.tensor([1, 3]),
    "a mask": torch.tensor([False, True, False, True]),
}


@pytest.mark.parametrize("case", PLAIN_ROWS)
def test_a_split_of_ones_own(case):
    for own in (
        images.from_arrays(RAW, LABELS, ["a", "b"], validation=PLAIN_ROWS[case]),
        image_set(train=[0, 2], validation=PLAIN_ROWS[case]),
    ):
        assert (own.train.tolist(), own.validation.tolist()) == ([0, 2], [1, 3])
        assert own.train.dtype == own.validation.dtype == torch.int64


# What it refuses, and the advice for this very value


REFUSED = {
    "floats 0–255": ({"pixels": RAW.float()}, r"look like 0–255: images\.round\(\)"),
    "a tensor without values": ({"pixels": RAW.to("meta")}, "make it on the CPU"),
    "labels without values": ({"labels": LABELS.to("meta")}, "make it on the CPU"),
    "tensors without values": ({"pixels": list(RAW.to("meta"))}, "on 'meta'"),
    "pictures of two sizes": (
        {"pixels": [*IN_COLOR[:3], IN_COLOR[3].resize((9, 9))]},
        r"RGB picture 64×64, RGB picture 9×9\. .*resize",
    ),
    "a picture of Pillow that is tiny": (
        {"pixels": [Image.new("RGB", (3, 3))] * 4},
        "RGB picture 3×3: too small",
    ),
    "a list of paths": ({"pixels": ["a.png"] * 4}, "images.read_picture"),
    "lists of two lengths": ({"pixels": [[1], [1, 2]]}, "one height and width"),
    "a path": ({"pixels": "cats"}, "images.from_folder"),
    "no list": ({"pixels": []}, r"numpy\.zeros"),
    "None": ({"pixels": None}, r"numpy\.zeros"),
    "a name of no class": ({"labels": ["a", "b", "c", "a"]}, "among the classes 'a', 'b', .* 'c'"),
    "a number too many": ({"labels": [0, 1, 2, 0]}, "labels from 0 to 2"),
    "no labels": ({"labels": None}, "a list with one label an image"),
    "one label": ({"labels": 1}, "a list with one label an image"),
    "fractions": ({"labels": [0.5] * 4}, "Labels are whole numbers"),
    "labels of two lengths": ({"labels": [[0], [0, 1]]}, "a list with one label an image"),
    "too few captions": ({"captions": ["one"]}, "captions of 4 images, got 1 captions"),
    "captions that are one": ({"captions": "abcd"}, "captions of 4 images, got str 'abcd'"),
    "captions that are none": ({"captions": 4}, "captions of 4 images, got int 4"),
    "skipped that is no list": ({"skipped": 4}, "pairs of a file and a reason"),
    "skipped without reasons": ({"skipped": ["a.png"]}, "pairs of a file and a reason"),
    "a number for a name": ({"name": 4}, "name as text"),
    "rows of no image": ({"validation": [4]}, "rows from 4 to 4"),
    "no row": ({"validation": []}, "at least one"),
    "half a row": ({"validation": [0.5]}, "different rows from 0 to 3"),
    "rows without values": ({"validation": torch.tensor([1]).to("meta")}, "different rows"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_image_set_of(case):
    given, said = REFUSED[case]
    arrays = {"pixels": RAW, "labels": LABELS, "classes": ["a", "b"]}
    with pytest.raises(FeatlibError, match=said):
        images.from_arrays(**(arrays | given))
    with pytest.raises(FeatlibError, match=said):
        image_set(**given)


SPLITS = {
    "a share as text": ({"validation": "0.2"}, r"Try validation=0\.2"),
    "no share": ({"validation": None}, "validation as a number above 0"),
    "true": ({"validation": True}, "validation as a number above 0"),
    "every row": ({"validation": range(4)}, "at least one row to train on"),
    "a row twice": ({"validation": [1, 1]}, "used twice: 1"),
    "a seed below 0": ({"seed": -1}, r"Try seed=0"),
    "half a seed": ({"seed": 1.5}, r"Try seed=2"),
    "a seed too large": ({"seed": 2**32}, r"Try seed=4294967295"),
}


@pytest.mark.parametrize("case", SPLITS)
def test_a_split_by(case):
    given, said = SPLITS[case]
    with pytest.raises(FeatlibError, match=said):
        images.from_arrays(RAW, LABELS, ["a", "b"], **given)


def test_both_sides_of_a_split_are_checked():
    with pytest.raises(FeatlibError, match=r"train as a list .* at least one"):
        image_set(train=[])
    with pytest.raises(FeatlibError, match="used twice: 3"):
        image_set(train=[0, 3], validation=[3])


ARGUMENTS = {
    "too many images": (lambda: images.load("cifar10", n=50_001), r"from 20 to 50000.*n=50000"),
    "too many clothes": (lambda: images.load("fashion_mnist", n=10**6), r"to 60000.*n=60000"),
    "too few": (lambda: images.load("cifar10", n=3), r"Try n=20"),
    "half an image": (lambda: images.load("cifar10", n=20.5), r"n as a whole number"),
    "an array of numbers": (lambda: images.load(n=np.array([1, 2])), "n as a whole number"),
    "other than all emoji": (lambda: images.load(n=50), "all of its 1000 images, got n=50"),
    "another size of emoji": (lambda: images.load(size=128), r"emoji3d"),
    "no size": (lambda: images.load("emoji3d", size=0), r"Try size=8"),
    "a seed below 0": (lambda: images.load("cifar10", seed=-1), "Try seed=0"),
    "half a seed": (lambda: images.load(seed=1.5), "Try seed=2"),
    "a wrong name": (lambda: images.load("emoji"), "did you mean"),
    "a list for a name": (lambda: images.load(["emoji10"]), "name to be one of"),
    "no folder": (lambda: images.from_folder(), "one folder to train on, got none"),
    "two folders": (lambda: images.from_folder("a", train="b"), "got str 'a' and train=str 'b'"),
    "a number for a folder": (lambda: images.from_folder(5), "as text or as a pathlib"),
    "a share as text": (lambda: images.from_folder(".", validation="0.2"), "Try validation=0.2"),
    "a folder that is not there": (lambda: images.from_folder(".", validation="no"), "at 'no'"),
    "rows of a folder, as a tensor": (
        lambda: images.from_folder(".", validation=LABELS),
        "validation as a number",
    ),
    "rows of a folder": (lambda: images.from_folder(".", validation=[1]), "validation as a number"),
    "a folder's seed": (lambda: images.from_folder(".", seed="x"), "seed as a whole number"),
    "a huge size": (lambda: images.from_folder(".", size=10**9), "Try size=4096"),
    "a cache that is a path": (lambda: images.from_folder(".", cache="here"), "True or False"),
    "a bar that is a number": (lambda: images.from_folder(".", progress=3), "True or False"),
    "a number for a picture": (lambda: images.read_picture(5), "as text or as a pathlib"),
    "an address": (lambda: images.read_picture("https://a.org/b.png"), "Download it"),
    "half a size": (lambda: images.read_picture(__file__, size=9.5), "size as a whole number"),
    "no row": (lambda: image_set().picture(99_999), "from -4 to 3, got int 99999. Try i=3"),
    "true for a row": (lambda: image_set().picture(True), "i as a whole number"),
    "text for a row": (lambda: image_set().picture("1"), "Try i=1"),
    "rows for a row": (lambda: image_set().picture(torch.tensor([1, 2])), "i as a whole number"),
    "a number for a word": (lambda: image_set().find(5), "Pass text"),
    "no split": (lambda: image_set().find("one", None), "'train', 'validation'"),
    "no column": (lambda: image_set().contact_sheet(0), "Try columns=1"),
    "text for columns": (lambda: image_set().contact_sheet("8"), "Try columns=8"),
}


@pytest.mark.parametrize("case", ARGUMENTS)
def test_an_argument_that_is(case):
    call, said = ARGUMENTS[case]
    with pytest.raises(FeatlibError, match=said):
        call()


@pytest.mark.parametrize("row", [np.int64(2), torch.tensor(2), np.array(2), -2], ids=type)
def test_a_row_in_other_forms(row):
    assert np.array_equal(image_set().picture(row), RAW[2].permute(1, 2, 0))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_one_number_that_is_not_finite_is_found_among_many(value, dtype):
    many = torch.randn(1000, 33, dtype=dtype)
    assert checks.all_finite(many)
    assert not checks.all_finite(with_one(value, many))
    assert checks.all_finite(many[:0])
