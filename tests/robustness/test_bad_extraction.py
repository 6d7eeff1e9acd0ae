"""Whatever stage 3 is given: it works, or an error says what would fit."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from featlib import FeatlibError, features, preprocess

NOISE = torch.zeros(2, 3, 64, 64, dtype=torch.uint8)
ODD = {
    "None": None,
    "a text": "x",
    "NaN": float("nan"),
    "no finite number": float("inf"),
    "a number of NumPy's": np.float32(2.5),
    "a list": [1, 2],
    "a dict": {},
    "an array": np.zeros(2),
    "a tensor of labels": torch.arange(3),
    "a tensor without values": NOISE.to("meta"),
    "a sparse tensor": (NOISE + 1).to_sparse(),
    "a picture": [Image.new("RGB", (64, 64))],
    "a path": Path("pictures"),
    "a module": nn.Linear(1, 1),
    "a type": torch.Tensor,
}
ARGUMENTS = {
    features.extract: (
        "images", "backbone", "batch_size", "precision", "device", "cache", "progress",
    ),
    features.is_cached: ("images", "backbone", "precision", "device"),
    features.cache_paths: ("images", "backbone", "precision", "device"),
    features.fast_forward: ("backbone", "precision", "device"),
}  # fmt: skip


@pytest.mark.parametrize("case", ODD)
@pytest.mark.parametrize(
    ("function", "argument"),
    [(function, name) for function, names in ARGUMENTS.items() for name in names],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_an_odd_argument_is_refused_with_its_name_and_a_fix(function, argument, case, resnet):
    good = {"images": NOISE, "backbone": resnet}
    given = {name: good[name] for name in ARGUMENTS[function] if name in good}
    with pytest.raises(FeatlibError, match=r"^features.*: wanted .*, got .*\. \S.*\.$"):
        function(**given | {argument: ODD[case]})


def test_what_means_the_same_works(resnet, emoji10):
    rows = features.extract(NOISE, resnet, cache=False)
    same = {"batch_size": np.int64(1), "device": torch.device("cpu"), "progress": np.bool_(False)}
    torch.testing.assert_close(features.extract(NOISE, resnet, cache=False, **same), rows)
    huge = features.extract(NOISE, resnet, batch_size=10**30, cache=False)
    torch.testing.assert_close(huge, rows)
    with_gradient = preprocess.scale(NOISE).requires_grad_()
    torch.testing.assert_close(features.extract(with_gradient, resnet), rows)
    assert features.cache_paths(emoji10, resnet) == features.cache_paths(emoji10.pixels, resnet)


@pytest.mark.parametrize(
    ("given", "fix"),
    [
        ("bundled", r"weights\.read_weights\('bundled'\)"),
        (Path("own.pt"), r"weights\.read_weights\('own\.pt'\)"),
        (nn.Linear(1, 1), r"weights\.read_weights\(network\)"),
        (None, r"weights\.read_weights\(\)"),
    ],
)
def test_what_is_no_backbone_is_answered_with_how_to_get_one(given, fix):
    with pytest.raises(FeatlibError, match=fix):
        features.extract(NOISE, given)
