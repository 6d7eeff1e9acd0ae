"""What several tests make use of: pictures, seeds, a good quiz, a user without root's rights."""

import contextlib
import ctypes
import os
import struct
import sys
import zlib

import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from PIL import Image

# All characters but half ones: the same as Hypothesis' own choice, every character of UTF-8. To
# find these it tries all 1.1 million, which takes seconds in a fresh checkout.
CHARACTERS = st.characters(exclude_categories=["Cs"])

GOOD_QUIZ = {
    "title": "A quiz",
    "objectives": {"shapes": "name shapes"},
    "questions": [
        {
            "id": "one",
            "type": "multiple_choice",
            "question": "Which?",
            "objective": "shapes",
            "answers": [{"answer": "a", "correct": True}, {"answer": "b", "correct": False}],
        },
        {
            "id": "two",
            "type": "numeric",
            "question": "How many?",
            "answers": [{"value": 3, "correct": True}],
        },
    ],
}


def make_pictures(root, classes, n=6, size=(80, 60), seed=0):
    noise = np.random.default_rng(seed)
    for name, color in classes.items():
        (root / name).mkdir(parents=True)
        for i in range(n):
            array = noise.normal(color, 30, (size[1], size[0], 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(array).save(root / name / f"{i}.png")
    return root


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@contextlib.contextmanager
def without_roots_rights():
    """Be bound by permissions as everyone else is (Linux's capget and capset, version 3)."""
    if sys.platform == "win32" or os.geteuid():
        yield
        return
    if sys.platform != "linux":
        pytest.skip("no permission binds root here")
    libc, header = ctypes.CDLL(None), (ctypes.c_uint32 * 2)(0x20080522, 0)
    rights = (ctypes.c_uint32 * 6)()
    assert libc.capget(header, rights) == 0
    fewer = (ctypes.c_uint32 * 6)(*rights)
    fewer[0] &= ~0b110  # in effect: neither CAP_DAC_OVERRIDE nor CAP_DAC_READ_SEARCH
    assert libc.capset(header, fewer) == 0
    try:
        yield
    finally:
        assert libc.capset(header, rights) == 0


def write_png(path, width, height, data, depth=8, color=2, palette=None):
    """Write a PNG of a header and packed data, whether these fit together or not."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + (chunk(b"PLTE", palette) if palette else b"")
    chunks += chunk(b"IDAT", data) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
