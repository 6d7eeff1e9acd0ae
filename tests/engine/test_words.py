"""How values, errors and names are written in messages."""

import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from featlib.engine import words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (torch.zeros(10, 3, 64, 64, dtype=torch.uint8), "uint8 tensor 10×3×64×64"),
        (np.zeros((2, 5), np.float32), "float32 array 2×5"),
        (torch.tensor(1.5), "float32 tensor scalar"),
        (torch.zeros(0, 512, dtype=torch.bfloat16), "bfloat16 tensor 0×512"),
        ("abc", "str 'abc'"),
        (None, "NoneType None"),
        (torch.zeros(2, device="meta"), "float32 tensor 2 on 'meta'"),
        (torch.eye(2).to_sparse(), "float32 tensor 2×2, sparse_coo"),
        (np.zeros(2, ">i4"), "int32 array 2"),
        (Image.new("L", (20, 10)), "L picture 20×10"),
        (list(range(10**6)), "list [0, 1, 2, 3, 4, 5, ...]"),
        ("x" * 58, f"str '{'x' * 58}'"),
        ("x" * 59, f"str '{'x' * 56}..."),
    ],
)
def test_a_value_in_a_few_words(value, text):
    assert words.describe(value) == text


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (1.0, "= 1.000"),
        (0.0314, "= 0.031"),
        (0.001, "= 0.001"),
        (0.00099, "< 0.001"),
        (0, "< 0.001"),
    ],
)
def test_a_p_value_is_written_alike_everywhere(p, text):
    assert words.p_text(p) == text


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("too long"), "too long"),
        (ValueError("\n too long\nand more"), "too long"),
        (MemoryError(), "MemoryError"),
        (ValueError(" \n"), "ValueError"),
        (ValueError("x" * 500), "x" * 200),
    ],
)
def test_the_reason_is_the_first_line_of_an_error(error, text):
    assert words.reason(error) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cats", "cats"),
        ("صورة", "صورة"),
        ("gr\udcfcn", r"gr\udcfcn"),  # as Python reads the byte 252 in a name
        (Path("pictures"), "pictures"),
    ],
)
def test_a_name_becomes_text_that_any_file_can_hold(name, text):
    assert words.readable(name) == text
    words.readable(name).encode()


OBEYED = {
    "a terminal's code": "\x1b[31m",
    "a title": "\x1b]0;y\x07",
    "a code of one character": "\x9b31m",
    "a line break": "\n",
    "a line break of Unicode": "\u2028",
    "a paragraph": "\u2029",
    "writing turned": "\u202e",
    "writing set apart": "\u2067",
    "a mark of direction": "\u200f",
    "a mark of Arabic": "\u061c",
    "a note between the lines": "\ufff9",
    "a return": "\r",
    "half a character": "\udcff",
}


@pytest.mark.parametrize("case", OBEYED)
def test_what_a_terminal_obeys_is_written_out(case, caplog):
    text = f"a{OBEYED[case]}b"
    shown = words.printable(text)
    assert shown.isprintable()
    assert shown.encode().decode("unicode_escape") == text
    assert words.printable(shown) == shown
    logging.getLogger("featlib").warning("images: '%s'", text)
    assert caplog.messages == [f"images: '{shown}'"]


def test_a_warning_is_logged_once(caplog):
    for name in ("x\x1b", "x\x1b", "y"):
        words.say_once(f"tests: {name}")
    assert caplog.messages == [r"tests: x\x1b", "tests: y"]
