"""Decoded pictures are kept by the content of their files, so that photographs are decoded once."""

import numpy as np
import pytest
from PIL import Image

from featlib import images
from featlib.engine import decode


def decoded(folder, **options):
    return decode.decode(sorted(folder.rglob("*.*")), 32, progress=False, **options)


def test_the_second_time_pictures_are_read_not_decoded(picture_folder, empty_cache, monkeypatch):
    (picture_folder / "red" / "bad.png").write_text("no picture")
    first = decoded(picture_folder)
    monkeypatch.setattr(decode, "_decode_all", None)  # decoding would fail now
    again = decoded(picture_folder)
    assert len(first) == len(again) == 13
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one, other)
    assert sum(isinstance(picture, str) for picture in again) == 1, "the reason is kept, too"


@pytest.mark.parametrize("change", ["a file's content", "a new file", "the size"])
def test_another_content_is_decoded_anew(change, picture_folder, empty_cache):
    files, size = sorted(picture_folder.rglob("*.png")), 32
    before = decode._digest(files, size)
    if change == "a file's content":
        content = files[0].read_bytes()  # of the same length, so that the bytes themselves count
        files[0].write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif change == "a new file":
        files.append(files[0])
    else:
        size = 64
    assert decode._digest(files, size) != before


def test_moved_files_are_still_known(picture_folder, empty_cache, monkeypatch):
    own = images.from_folder(picture_folder)
    moved = picture_folder.rename(picture_folder.with_name("elsewhere"))
    monkeypatch.setattr(decode, "_decode_all", None)
    assert np.array_equal(images.from_folder(moved).pixels, own.pixels)


def test_without_the_cache_nothing_is_kept(picture_folder, empty_cache):
    decoded(picture_folder, cache=False)
    assert not empty_cache.exists()


def test_many_threads_give_the_same_as_one(picture_folder, monkeypatch):
    one = decoded(picture_folder, cache=False)
    monkeypatch.setattr(decode, "SMALL_FILE", 0)
    for mine, theirs in zip(one, decoded(picture_folder, cache=False), strict=True):
        assert np.array_equal(mine, theirs)


@pytest.mark.parametrize(("width", "height"), [(41, 20), (20, 41), (60, 20), (20, 20)])
def test_of_a_picture_the_middle_is_kept(width, height):
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    left, top = (width - 20) // 2, (height - 20) // 2
    middle = noise[top : top + 20, left : left + 20]
    found = decode.square(Image.fromarray(noise), 20).astype(int)
    # An odd margin is shared: the picture is moved by half a pixel.
    if (width - 20) % 2 or (height - 20) % 2:
        after = noise[top + height % 2 :, left + width % 2 :][:20, :20]
        middle = (middle.astype(int) + after) / 2
    assert abs(found - middle).max() <= 1


def test_a_large_picture_is_scaled_not_cut():
    """A photograph of four quarters is four quarters afterwards."""
    quarters = np.zeros((400, 400, 3), np.uint8)
    quarters[:200, :200], quarters[200:, 200:] = (255, 0, 0), (0, 0, 255)
    found = decode.square(Image.fromarray(quarters), 8)
    assert found[1, 1].tolist() == [255, 0, 0]
    assert found[6, 6].tolist() == [0, 0, 255]
    assert found[1, 6].tolist() == found[6, 1].tolist() == [0, 0, 0]
