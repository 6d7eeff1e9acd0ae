"""The largest picture that is read, and what memory it takes."""

import struct
import zlib

import numpy as np
import pytest
from helpers import write_png
from PIL import Image

from featlib.engine import decode

# Of each mode of a PNG: bits a channel, the number of the kind, bytes a pixel.
PNG_MODES = {"RGB": (8, 2, 3), "RGBA": (8, 6, 4), "P": (8, 3, 1), "I;16": (16, 0, 2)}


def black_png(path, side, mode):
    """Write a black square: Pillow would pack every row, here one is packed and repeated."""
    depth, color, size = PNG_MODES[mode]
    zeros = 1 + side * size  # a row of a PNG: how it is filtered, then its pixels
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    row = packer.compress(bytes(zeros)) + packer.flush(zlib.Z_FULL_FLUSH)
    # Adler's checksum is of two sums: of the bytes, from 1 on, and of these sums.
    checksum = struct.pack(">HH", side * zeros % 65521, 1)
    data = b"\x78\x9c" + row * side + packer.flush() + checksum
    write_png(path, side, side, data, depth, color, b"\0\0\0" if mode == "P" else None)


@pytest.mark.usefixtures("memory_stays_bounded")
@pytest.mark.parametrize("mode", PNG_MODES)
def test_the_largest_picture_takes_less_than_a_gigabyte(mode, tmp_path):
    largest = int(Image.MAX_IMAGE_PIXELS**0.5)
    black_png(tmp_path / "x.png", largest, mode)
    with Image.open(tmp_path / "x.png") as image:
        assert (image.mode, image.size) == (mode, (largest, largest))
    with decode.strictly():
        found = decode.decode_one(tmp_path / "x.png", 64)
    # The transparent one lies on white.
    assert np.array_equal(found, np.full((64, 64, 3), 255 if mode == "RGBA" else 0))
