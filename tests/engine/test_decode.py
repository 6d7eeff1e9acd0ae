"""Decoded pictures are kept by the content of their files, so that photographs are decoded once."""

import numpy as np
import pytest

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
        files[0].write_bytes(files[1].read_bytes())
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
