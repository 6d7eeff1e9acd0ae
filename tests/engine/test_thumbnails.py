"""Small pictures as text: a PNG that Pillow reads, with nothing in it that zlib compressed."""

import base64
import io
import zlib

import pytest
import torch
from helpers import seeded
from PIL import Image

from featlib.engine.thumbnails import photograph, thumbnail


def opened(address):
    head, data = address.split(",")
    assert head == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


@pytest.mark.parametrize(
    ("shape", "size"),
    [((64, 64), (48, 48)), ((96, 48), (24, 48)), ((8, 8), (8, 8)), ((300, 400), (48, 36))],
)
def test_it_is_a_png_that_fits_into_its_square(shape, size):
    pixels = torch.randint(0, 256, (3, *shape), dtype=torch.uint8, generator=seeded())
    picture = opened(thumbnail(pixels))
    picture.load()
    assert (picture.format, picture.size) == ("PNG", size)


def test_few_colors_are_kept_as_they_are():
    colors = torch.tensor([[255, 0, 0], [0, 128, 255], [10, 20, 30]], dtype=torch.uint8)
    pixels = colors[torch.arange(48 * 48).view(48, 48) % 3].permute(2, 0, 1)
    shown = opened(thumbnail(pixels)).convert("RGB")
    assert shown.getpixel((0, 0)) == (255, 0, 0)
    assert {color for _, color in shown.getcolors() or ()} == set(map(tuple, colors.tolist()))


def test_its_bytes_do_not_depend_on_how_a_library_compresses():
    pixels = torch.randint(0, 256, (3, 300, 300), dtype=torch.uint8, generator=seeded())
    file = base64.b64decode(thumbnail(pixels, side=300).split(",")[1])
    start = file.index(b"IDAT") + 4
    stream = file[start : file.index(b"IEND") - 8]
    rows = zlib.decompress(stream)
    assert len(rows) == 300 * 301
    pieces = -(-len(rows) // 65535)
    assert len(stream) == len(rows) + 5 * pieces + 6, "stored, not compressed"


def test_a_photograph_is_a_small_jpeg():
    assert photograph(torch.zeros(3, 224, 224, dtype=torch.uint8)).startswith("data:image/jpeg")
