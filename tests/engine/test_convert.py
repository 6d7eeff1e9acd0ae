"""Conversions: what featlib does by itself is what it advises, step by step.

What each check advises is tested with the checks.
"""

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from featlib import preprocess
from featlib.engine import convert

RAW = torch.randint(0, 256, (4, 3, 16, 16), dtype=torch.uint8)
TO_PIXELS = {
    "right": RAW,
    "channels last": RAW.permute(0, 2, 3, 1),
    "gray": RAW[:, 0],
    "int64": RAW.long(),
    "floats 0–1": RAW / 255,
    "floats 0–255": RAW.float(),
    "16 bits": RAW.to(torch.int32) * 257,
    "of NumPy": RAW.numpy(),
    "turned around": RAW.numpy()[::-1],
    "read only": np.broadcast_to(RAW.numpy()[:1], (2, 3, 16, 16)),
    "another byte order": RAW.numpy().astype(">i4"),
    "sparse": RAW.to_sparse(),
    "flat": RAW.flatten(1),
    "a picture": Image.new("RGB", (20, 10), "red"),
    "a gray picture": Image.new("L", (20, 10), 9),
}


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("case", TO_PIXELS)
def test_the_python_that_is_advised_gives_what_featlib_makes(case):
    value = TO_PIXELS[case]
    for make in (convert.to_pixels, convert.to_unit_images):
        found = make(value)
        names = {"image": value, "images": value, "torch": torch, "np": np}
        made = eval(found.code, names | {"preprocess": preprocess})
        assert torch.equal(made, found.value)
        assert not found.stuck
        assert make(found.value).advice == "", "nothing is left to do"


PLAIN = {"right", "channels last", "int64", "floats 0–1", "of NumPy", "sparse", "gray"}
DOUBTFUL = {"floats 0–255", "16 bits", "flat"}


@pytest.mark.parametrize("case", sorted(PLAIN | DOUBTFUL))
def test_what_may_mean_something_else_is_not_done_unasked(case):
    assert convert.to_pixels(TO_PIXELS[case]).plain == (case in PLAIN)


@pytest.mark.parametrize(
    "value",
    [
        torch.nested.nested_tensor([torch.zeros(3), torch.zeros(4)], layout=torch.jagged),
        RAW.to("meta"),
        RAW.to(torch.complex64),
        RAW / torch.zeros(()),
        np.array(["a.png"]),
        np.array([None, 1]),
        np.array(["2026"], dtype="datetime64[Y]"),
        torch.tensor(1),
        RAW[:, :2],
    ],
)
def test_where_nothing_leads_on_the_reason_is_said(value):
    for make in (convert.to_pixels, convert.to_one_picture, convert.to_unit_images):
        found = make(value)
        assert found.stuck
        assert found.advice == found.stuck
        assert not found.plain


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_quantized_numbers_are_made_plain_ones():
    value = torch.quantize_per_tensor(RAW / 255, 1 / 255, 0, torch.quint8)
    found = convert.to_pixels(value)
    assert found.code == "(images.dequantize() * 255).round().to(torch.uint8)"
    assert torch.equal(found.value, RAW)


def test_it_brings_neither_torch_nor_numpy():
    script = "import sys, featlib.engine.convert; print({'torch', 'numpy'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert answer.stdout.strip() == "set()", answer.stderr
