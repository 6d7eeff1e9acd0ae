"""Decoded pictures are kept by the content of their files, so that photographs are decoded once."""

import functools
import os
import shutil

import numpy as np
import pytest
from PIL import Image, ImageOps

from featlib import FeatlibError, images
from featlib.engine import decode


def decoded(folder, **options):
    return decode.decode(sorted(folder.rglob("*.*")), 32, **options)


def test_the_second_time_pictures_are_read_not_decoded(picture_folder, empty_cache, monkeypatch):
    (picture_folder / "red" / "bad.png").write_text("no picture")
    first, _ = decoded(picture_folder)
    monkeypatch.setattr(decode, "_decode_all", None)  # decoding would fail now
    again, reasons = decoded(picture_folder)
    assert first.shape == (12, 32, 32, 3)
    assert np.array_equal(first, again)
    assert len(reasons) == 13
    assert sum(reason is not None for reason in reasons) == 1, "the reason is kept, too"


def test_a_run_that_was_stopped_goes_on_at_the_next_piece(picture_folder, empty_cache, monkeypatch):
    monkeypatch.setattr(decode, "PIECE", 5)
    whole, _ = decoded(picture_folder, cache=False)
    plain, seen = decode.decode_one, []

    def stop_at_the_ninth(file, size):
        seen.append(file)
        if len(seen) == 9:
            raise KeyboardInterrupt
        return plain(file, size)

    monkeypatch.setattr(decode, "decode_one", stop_at_the_ninth)
    with pytest.raises(KeyboardInterrupt):
        decoded(picture_folder)
    seen.extend(range(100))  # no more stops
    again, _ = decoded(picture_folder)
    assert len(seen) == 109 + 7, "the first five were read, seven are decoded"
    assert np.array_equal(again, whole)


def test_what_memory_shall_not_hold_lies_in_a_file(
    picture_folder, empty_cache, monkeypatch, caplog
):
    whole, _ = decoded(picture_folder, cache=False)
    monkeypatch.setattr(decode, "MEMORY", 10_000)
    large, _ = decoded(picture_folder)
    assert isinstance(large, np.memmap)
    assert np.array_equal(large, whole)
    assert "12 pictures at 32×32 pixels" in caplog.text
    assert [path.name for path in empty_cache.iterdir()] == ["pictures"], "the file has no name"


def test_where_the_cache_cannot_be_written_the_large_file_lies_elsewhere(
    picture_folder, empty_cache, monkeypatch
):
    whole, _ = decoded(picture_folder, cache=False)
    monkeypatch.setattr(decode, "MEMORY", 10_000)
    empty_cache.write_text("a file where the folder should be")
    large, _ = decoded(picture_folder)
    assert isinstance(large, np.memmap)
    assert np.array_equal(large, whole)


def test_where_no_disk_has_room_that_is_said_before_anything_is_written(
    picture_folder, empty_cache, monkeypatch
):
    monkeypatch.setattr(decode, "MEMORY", 10_000)
    full = shutil.disk_usage(picture_folder)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: full)
    with pytest.raises(FeatlibError, match=r"a disk with room .* no room for 0\.0 GB .* smaller"):
        images.from_folder(picture_folder, size=32)
    assert list(empty_cache.iterdir()) == []


USUAL = {
    "photographs": ([3000, 480, 224], 224),
    "half of them thumbnails": ([3000, 64], 224),
    "most of them thumbnails": ([3000, 64, 111], 128),
    "nothing that can be read": ([], 224),
}


@pytest.mark.parametrize("case", USUAL)
def test_the_usual_size_of(case):
    sides, size = USUAL[case]
    assert decode.usual_size(sides) == size


def test_the_shorter_side_is_read_from_a_few_headers(tmp_path):
    for i in range(20):
        Image.new("RGB", (300, 100 + i)).save(tmp_path / f"{i:02}.png")
    (tmp_path / "20.png").write_text("no picture")
    files = [*sorted(tmp_path.iterdir()), tmp_path / "not there.png"]
    assert decode.shorter_sides(files) == list(range(100, 120))
    assert decode.shorter_sides(files, most=5) == [100, 105, 110, 115]


@pytest.mark.parametrize("change", ["a file's content", "a new file", "the size"])
def test_another_content_is_decoded_anew(change, picture_folder, empty_cache):
    files, size = sorted(picture_folder.rglob("*.png")), 32
    before = decode._digest(files, size, bool)
    if change == "a file's content":
        content = files[0].read_bytes()  # of the same length, so that the bytes themselves count
        files[0].write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    elif change == "a new file":
        files.append(files[0])
    else:
        size = 64
    assert decode._digest(files, size, bool) != before


def test_of_what_is_no_picture_only_the_head_is_read(tmp_path):
    film = tmp_path / "film.mp4"
    film.write_bytes(b"\0\0\0\x18ftypisom" + bytes(3_000_000))
    assert sum(map(len, decode._parts(film))) == decode.HEAD


def test_a_picture_is_hashed_piece_by_piece(tmp_path):
    file = tmp_path / "large.bmp"
    Image.new("RGB", (1000, 1000)).save(file)
    sizes = [len(part) for part in decode._parts(file)]
    assert sum(sizes) == file.stat().st_size
    assert max(sizes) <= 1 << 20


def test_a_bar_can_show_itself_before_the_first_piece_is_hashed(picture_folder, empty_cache):
    files = sorted(picture_folder.rglob("*.png"))
    seen = []
    decode.decode(files, None, tick=lambda n: seen.append((n, empty_cache.exists())))
    assert seen[:24] == [(0, False)] * 24, "twelve headers were read, and twelve files hashed"
    assert sum(n for n, _ in seen) == 12


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


# What begins as a picture


BEGINNINGS = {
    "PNG": True, "JPEG": True, "WEBP": True, "GIF": True, "BMP": True, "DIB": True, "TIFF": True,
    "AVIF": True, "HEIF": True, "PPM": True, "PDF": False, "ICO": False, "EPS": False,
}  # fmt: skip


@pytest.mark.parametrize("kind", BEGINNINGS)
def test_the_first_bytes_tell_a_picture_whatever_its_ending(kind, tmp_path):
    decode.formats()  # Pillow can write a HEIC from here on
    for name in ("picture", "picture.txt", "picture.png"):
        Image.new("RGB", (40, 40), (200, 30, 30)).save(tmp_path / name, kind)
        assert decode.begins_as_picture(tmp_path / name) == BEGINNINGS[kind]
        with decode.strictly():
            assert isinstance(decode.decode_one(tmp_path / name, 16), str) != BEGINNINGS[kind]


@pytest.mark.parametrize("head", [b"", b"P", b"hello", b"RIFF", b"\0\0\0\x18ftypisom\0\0\0\0"])
def test_what_begins_otherwise_is_none(head, tmp_path):
    (tmp_path / "x.png").write_bytes(head)
    assert not decode.begins_as_picture(tmp_path / "x.png")
    assert not decode.begins_as_picture(tmp_path / "nowhere.png")
    assert not decode.begins_as_picture(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="a pipe of Unix")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.png")
    assert not decode.begins_as_picture(tmp_path / "x.png")


def test_the_reader_of_heic_is_registered_once(monkeypatch, picture_folder):
    import pillow_heif

    calls = []
    monkeypatch.setattr(pillow_heif, "register_heif_opener", lambda: calls.append(1))
    monkeypatch.setattr(decode, "formats", functools.cache(decode.formats.__wrapped__))
    decoded(picture_folder, cache=False)
    decoded(picture_folder, cache=False)
    assert calls == [1]


# From a file to pixels


TURNED = b"\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0"  # EXIF's directory: turn me clockwise


def noise(path, mode="RGB", **options):
    values = np.random.default_rng(0).integers(0, 256, (90, 120, len(mode)), dtype=np.uint8)
    Image.fromarray(values).save(path, **options)


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exact": True, "lossless": True}])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_webp_comes_out_as_pillow_reads_it(mode, options, tmp_path):
    noise(tmp_path / "x.webp", mode, exif=b"Exif\0\0II*\0\x08\0\0\0" + TURNED, **options)
    with Image.open(tmp_path / "x.webp") as image:
        assert (image.mode, decode.orientation(image)) == (mode, 6)
        assert np.array_equal(decode.decode_one(tmp_path / "x.webp", 32), decode.square(image, 32))


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "avif", "heic"])
def test_a_file_in_memory_is_read_as_one_on_the_disk(ending, tmp_path):
    decode.formats()  # so that Pillow can write each of them, too
    file = tmp_path / f"x.{ending}"
    noise(file)
    content = file.read_bytes()
    assert decode.begins_as_picture(content[:100])
    assert decode.shorter_sides([content]) == decode.shorter_sides([file]) == [90]
    assert np.array_equal(decode.decode_one(content, 32), decode.decode_one(file, 32))
    half = content[: len(content) // 2]
    file.write_bytes(half)
    assert decode.decode_one(half, 32) == decode.decode_one(file, 32)


def test_what_is_no_picture_in_memory_is_said():
    assert not decode.begins_as_picture(b"a text")
    assert decode.decode_one(b"a text", 32) == decode.NO_FORMAT
    assert decode.shorter_sides([b"", b"a text"]) == []


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_pillow_turns_it(orientation, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    noise(tmp_path / "x.png", exif=exif)
    with Image.open(tmp_path / "x.png") as image:
        assert decode.orientation(image) == orientation
        upright = np.asarray(ImageOps.exif_transpose(image))
    assert np.array_equal(decode.decode_one(tmp_path / "x.png", 0), upright)


def test_the_first_picture_of_several_in_a_jpeg_is_read(tmp_path):
    first, second = (Image.new("RGB", (40, 40), color) for color in ("red", "blue"))
    first.save(tmp_path / "x.jpg", "MPO", save_all=True, append_images=[second])
    found = decode.decode_one(tmp_path / "x.jpg", 16)
    assert abs(found.astype(int) - (254, 0, 0)).max() <= 2


def test_what_lies_in_memory_is_opened_as_a_file_is(tmp_path):
    for name in ("x.jpg", "x.png", "x.webp"):
        noise(tmp_path / name)
        image = decode.opened((tmp_path / name).read_bytes())
        assert np.array_equal(decode.square(image, 0), decode.decode_one(tmp_path / name, 0))
    for data in (b"", b"no picture"):
        with pytest.raises(decode.RefusedError, match="no PNG"):
            decode.opened(data)


def test_a_file_that_goes_away_meanwhile_costs_itself_only(picture_folder, monkeypatch):
    def gone(data, size):
        files[0].unlink(missing_ok=True)
        return square(data, size)

    files, square = sorted(picture_folder.rglob("*.*")), decode._square
    monkeypatch.setattr(decode, "_square", gone)
    pictures, reasons = decode.decode([files[1], *files], 32, cache=False)
    assert len(pictures) == 12
    assert [reason for reason in reasons if reason] == [decode.NO_FILE]
