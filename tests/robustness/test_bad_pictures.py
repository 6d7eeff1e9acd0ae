"""A row each: a picture file that is odd, and what featlib says or does about it."""

import io
import os
import struct
import sys
import zlib

import numpy as np
import PIL
import pytest
import torch
from helpers import make_pictures, without_roots_rights, write_png
from PIL import Image
from pyarrow import parquet

from featlib import FeatlibError, images, lesson
from featlib.engine import decode
from featlib.engine.words import printable
from featlib.pages import lesson_report
from featlib.scale import shards

RED = (200, 30, 30)


def save(path, mode="RGB", color=RED, size=(40, 40), **options):
    Image.new(mode, size, color).save(path, **options)


def png_of_size(path, width, height):
    """Write a PNG whose header promises a size that its data does not hold."""
    write_png(path, width, height, zlib.compress(b"\0" * 1000))


def truncated_jpeg(path):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:3000])


def cut(path, share, **options):
    """Write a photograph of which only a share of the bytes is there."""
    shades = np.kron(np.random.default_rng(0).integers(0, 256, (20, 20, 3)), np.ones((10, 10, 1)))
    Image.fromarray(shades.astype(np.uint8)).save(path, **options)
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])


def tiff(path, dtype, sample_format, colors=1, value=100):
    """Write an intact TIFF of a kind that Pillow does not write."""
    pixels = np.full((40, 40, colors), value, dtype)
    tags = {
        256: 40, 257: 40, 258: 8 * pixels.itemsize, 259: 1, 262: 1 if colors == 1 else 2,
        277: colors, 278: 40, 279: pixels.nbytes, 339: sample_format,
    }  # fmt: skip
    tags[273] = start = 8 + 2 + 12 * (len(tags) + 1) + 4  # where the pixels begin
    entries = [struct.pack("<HHII", tag, 4, 1, tags[tag]) for tag in sorted(tags)]
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + b"".join(entries) + bytes(4)
    assert len(head) == start
    path.write_bytes(head + pixels.tobytes())


REFUSED = {
    "text named .png": (
        lambda p: p.write_text("hello"),
        "x.png",
        "no PNG, JPEG, WEBP, GIF, BMP, TIFF, AVIF, HEIC",
    ),
    "empty file": (lambda p: p.write_bytes(b""), "x.jpg", "no PNG"),
    "truncated JPEG": (truncated_jpeg, "x.jpg", "damaged"),
    "1×1 image": (lambda p: save(p, size=(1, 1)), "x.png", "too small: 1×1"),
    "20,000×20,000 bomb": (lambda p: png_of_size(p, 20_000, 20_000), "x.png", "too large"),
    "10,000×10,000 bomb": (lambda p: png_of_size(p, 10_000, 10_000), "x.png", "too large"),
    "a promise of more data": (lambda p: png_of_size(p, 500, 500), "x.png", "damaged"),
    "half a JPEG": (lambda p: cut(p, 0.5), "x.jpg", "damaged: its end is missing"),
    "a JPEG that lacks a quarter": (lambda p: cut(p, 0.75), "x.jpg", "damaged: its end is missing"),
    "a JPEG without its pixels": (lambda p: cut(p, 0.05), "x.jpg", "damaged"),
    "a PNG cut short": (lambda p: cut(p, 0.95), "x.png", "damaged"),
    "a GIF cut short": (lambda p: cut(p, 0.9), "x.gif", "damaged"),
    "a TIFF cut short": (lambda p: cut(p, 0.9), "x.tif", "damaged"),
    "a WebP cut short": (lambda p: cut(p, 0.9), "x.webp", "damaged"),
    "a HEIC of zeros": (
        lambda p: p.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)),
        "x.heic",
        "damaged: only its first bytes",
    ),
    "a TIFF of zeros": (lambda p: p.write_bytes(b"II*\0" + bytes(500)), "x.tif", "damaged: only"),
    "float64": (lambda p: tiff(p, np.float64, 3), "x.tif", "a kind of TIFF that is not read"),
    "float16": (lambda p: tiff(p, np.float16, 3), "x.tif", "save it as PNG with 8 bits"),
    "float32 in colors": (lambda p: tiff(p, np.float32, 3, 3), "x.tif", "a kind of TIFF"),
    "a film": (lambda p: p.write_bytes(b"\0\0\0\x18ftypisom" + bytes(900)), "x.mp4", "no PNG"),
    "PDF named .jpg": (lambda p: save(p, format="PDF"), "x.jpg", "no PNG"),
    "PostScript, which would run": (lambda p: save(p, format="EPS"), "x.eps", "no PNG"),
    "notes beside the pictures": (lambda p: p.write_text("my notes"), "notes.txt", "no PNG"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_is_no_picture_is_skipped_by_name_with_its_reason(case, picture_folder):
    make, name, reason = REFUSED[case]
    make(picture_folder / "red" / name)
    before = (picture_folder / "red" / name).read_bytes()
    own = images.from_folder(picture_folder)
    assert len(own) == 12
    [(file, said)] = own.skipped
    assert file == f"red/{name}"
    assert reason in said
    assert (picture_folder / "red" / name).read_bytes() == before
    with pytest.raises(FeatlibError, match=r"a picture"):
        images.read_picture(picture_folder / "red" / name)


def test_a_film_is_not_read_whole(picture_folder, memory_stays_bounded):
    with open(picture_folder / "red" / "film.mp4", "wb") as file:
        file.write(b"\0\0\0\x18ftypisom")
        file.truncate(1_500_000_000)  # zeros that take no room on a disk
    own = images.from_folder(picture_folder, size=32)
    assert [name for name, _ in own.skipped] == ["red/film.mp4"]


BEGINNINGS = {
    "x.jpg": b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0",
    "x.webp": b"RIFF\xf8\xff\xff\x10WEBPVP8 ",
    "x.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "x.avif": b"\0\0\0\x18ftypavif\0\0\0\0mif1avif",
    "x.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
}


@pytest.mark.parametrize("name", BEGINNINGS)
def test_a_file_too_large_for_a_picture_is_not_read(
    name, picture_folder, memory_stays_bounded, monkeypatch
):
    with open(picture_folder / "red" / name, "wb") as file:
        file.write(BEGINNINGS[name])
        file.truncate(1_500_000_000)  # zeros that take no room on a disk
    assert sum(map(len, decode._parts(picture_folder / "red" / name))) < 100, "nor hashed"
    most = 600 if name == "x.png" else 200
    said = f"too large: a file of 1,500 MB, at most {most} MB are read"
    own = images.from_folder(picture_folder)
    assert own.skipped == ((f"red/{name}", said),)
    with pytest.raises(FeatlibError, match=said):
        images.read_picture(picture_folder / "red" / name)
    opened = []
    monkeypatch.setattr(decode, "_open", opened.append)
    assert decode.shorter_sides([picture_folder / "red" / name]) == opened == []


@pytest.mark.parametrize("name", ["x.webp", "x.heic", "x.avif"])
def test_zeros_are_not_taken_into_memory(name, tmp_path, monkeypatch):
    """Their readers take a whole file before they look at it."""
    with open(tmp_path / name, "wb") as file:
        file.write(BEGINNINGS[name])
        file.truncate(199_000_000)
    monkeypatch.setattr(decode.FILES, "hold", None)  # would fail where the file is read
    assert decode.decode_one(tmp_path / name, 32) == decode.containers.NOTHING_BEHIND


def test_a_jpeg_of_zeros_is_not_searched_byte_by_byte(tmp_path):
    """Pillow looks at each one for the next marker, which takes half a minute."""
    with open(tmp_path / "x.jpg", "wb") as file:
        file.write(BEGINNINGS["x.jpg"])
        file.truncate(199_000_000)
    assert "20 MB before its pixels" in decode.decode_one(tmp_path / "x.jpg", 32)


# Beside the pixels


SHORT, LONG, ASCII, RATIONAL, FLOAT, DOUBLE, UNDEFINED = 3, 4, 2, 5, 11, 12, 7
CLOCKWISE = (0x0112, SHORT, 1, b"\6\0\0\0")  # so it is to be turned


def exif(*entries, start=8):
    """Return EXIF of one directory: of each tag its number, type, count, and four bytes."""
    packed = [struct.pack("<HHI4s", *entry) for entry in sorted(entries)]
    count = struct.pack("<H", len(packed))
    return b"Exif\0\0II*\0" + struct.pack("<I", start) + count + b"".join(packed) + bytes(200)


TURNED = exif(CLOCKWISE)
WRONG_TYPES = {
    "a number where text is due": (0x010F, LONG, 1, b"\5\0\0\0"),
    "a fraction where text is due": (0x010E, FLOAT, 1, struct.pack("<f", 0.5)),
    "text where a number is due": (0x011A, ASCII, 2, b"a\0\0\0"),
    "text where a directory is due": (0x8769, ASCII, 4, b"abc\0"),
    "a fraction where a directory is due": (0x8825, FLOAT, 1, struct.pack("<f", 1e9)),
    "a directory that is this one": (0x8769, LONG, 1, b"\x08\0\0\0"),
    "a value that lies outside": (0x9286, UNDEFINED, 1000, b"\xff\xff\xff\x7f"),
    "more values than there are": (0x010F, SHORT, 2**32 - 1, b"\x08\0\0\0"),
    "a fraction over zero": (0x011A, RATIONAL, 1, b"\x70\0\0\0"),
    "a type that there is not": (0x010F, 99, 1, b"\5\0\0\0"),
    "a tag that nobody knows": (0xFFFE, SHORT, 2, b"\1\0\2\0"),
}


@pytest.mark.parametrize("ending", ["jpg", "png", "webp"])
@pytest.mark.parametrize("case", WRONG_TYPES)
def test_a_wrong_type_in_exif_costs_nothing(case, ending, picture_folder):
    """Not even that the picture is turned: only this is read."""
    path = picture_folder / "red" / f"x.{ending}"
    rotated(path, exif(CLOCKWISE, WRONG_TYPES[case]))
    own = images.from_folder(picture_folder, size=64, cache=False)
    assert (len(own), own.skipped) == (13, ())
    if case == "more values than there are" and int(PIL.__version__.partition(".")[0]) < 13:
        # Pillow 12 reads no further than this tag, so the picture stays on its side.
        with decode.strictly(), Image.open(path) as image:
            assert decode.orientation(image) == 1
        return
    picture = images.read_picture(path, 64).float()
    assert picture[1, :24].mean() < 60, "red is on top"
    assert picture[1, 40:].mean() > 230
    with decode.strictly(), Image.open(path) as image:
        assert decode.orientation(image) == 6


NO_TURN = {
    "0": (SHORT, 1, b"\0\0\0\0"),
    "9": (SHORT, 1, b"\x09\0\0\0"),
    "65,535": (SHORT, 1, b"\xff\xff\0\0"),
    "below 0": (9, 1, b"\xff\xff\xff\xff"),
    "a fraction": (FLOAT, 1, struct.pack("<f", 6)),
    "text": (ASCII, 2, b"6\0\0\0"),
    "bytes": (UNDEFINED, 1, b"\6\0\0\0"),
    "no number": (SHORT, 0, b"\6\0\0\0"),
    "a double that lies outside": (DOUBLE, 1, b"\xff\xff\xff\x7f"),
}


@pytest.mark.parametrize("case", NO_TURN)
def test_an_orientation_that_is_none_leaves_the_picture_as_it_is(case, tmp_path):
    rotated(tmp_path / "x.jpg", exif((0x0112, *NO_TURN[case])))
    picture = images.read_picture(tmp_path / "x.jpg", 64).float()
    assert picture[1, :, :24].mean() < 60, "red is at the left"


def chunk(kind, content):
    size, check = struct.pack(">I", len(content)), struct.pack(">I", zlib.crc32(kind + content))
    return size + kind + content + check


def in_png(*chunks, at=33):
    """Return a red PNG with more chunks, behind its header or before its end."""
    file = io.BytesIO()
    Image.new("RGB", (40, 40), RED).save(file, "PNG")
    data = file.getvalue()
    return data[:at] + b"".join(chunks) + data[at:]


def in_jpeg(*segments):
    """Return a red JPEG with more segments, each a kind and its content."""
    file = io.BytesIO()
    Image.new("RGB", (40, 40), RED).save(file, "JPEG")
    parts = (bytes([255, k]) + struct.pack(">H", len(c) + 2) + c for k, c in segments)
    return file.getvalue()[:2] + b"".join(parts) + file.getvalue()[2:]


PACKED = zlib.compress(bytes(100_000_000), 9)  # 100 MB in 100 kB
PROFILE = b"ICC_PROFILE\0"
XMP = b"http://ns.adobe.com/xap/1.0/\0"
BESIDE = {
    "EXIF cut in its header": in_jpeg((0xE1, b"Exif\0\0II*")),
    "EXIF cut in its directory": in_jpeg((0xE1, exif(CLOCKWISE)[:20])),
    "EXIF whose directory lies outside": in_jpeg((0xE1, exif(CLOCKWISE, start=2**32 - 1))),
    "EXIF of no order of bytes": in_jpeg((0xE1, b"Exif\0\0XX*\0" + bytes(100))),
    "EXIF of 6 MB": in_jpeg(*[(0xE1, b"Exif\0\0" + b"II*\0" * 16_000)] * 100),
    "EXIF in text that is none": in_png(
        chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(b"\nexif\n 9\nno hex"))
    ),
    "EXIF of a PNG cut": in_png(chunk(b"eXIf", b"II*\0\x08")),
    "EXIF behind the pixels": in_png(chunk(b"eXIf", exif(CLOCKWISE)[6:]), at=-12),
    "XMP of no end": in_jpeg((0xE1, XMP + b'<x tiff:Orientation="')),
    "XMP of a wrong orientation": in_jpeg((0xE1, XMP + b'<x tiff:Orientation="9"')),
    "XMP that is no text": in_jpeg((0xE1, XMP + b'\xff\xfe\0tiff:Orientation=">\x1b[31m')),
    "ICC cut": in_jpeg((0xE2, PROFILE)),
    "ICC of many parts, one there": in_jpeg((0xE2, PROFILE + b"\1\xff" + bytes(90))),
    "ICC of no profile": in_png(chunk(b"iCCP", b"x\0\0" + zlib.compress(b"no profile"))),
    "ICC of no deflate": in_png(chunk(b"iCCP", b"x\0\0no deflate")),
    "ICC of a way to pack that there is not": in_png(chunk(b"iCCP", b"x\0\7")),
    "ICC of 100 MB": in_png(chunk(b"iCCP", b"x\0\0" + PACKED)),
    "text of 100 MB": in_png(chunk(b"zTXt", b"x\0\0" + PACKED)),
    "text of 100 MB behind": in_png(chunk(b"zTXt", b"x\0\0" + PACKED), at=-12),
    "text of 100 MB in any script": in_png(chunk(b"iTXt", b"x\0\1\0en\0x\0" + PACKED)),
    "text of a hundred times one": in_png(
        *[chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(1_000_000)))] * 100
    ),
    "text of no end": in_png(chunk(b"iTXt", b"x\0\1")),
    "text of no name": in_png(chunk(b"tEXt", b"")),
    "text of a terminal": in_png(chunk(b"tEXt", b"\x1b[31m\0\x1b]0;x\7")),
    "transparency of no length": in_png(chunk(b"tRNS", b"")),
    "a size in inches of no length": in_png(chunk(b"pHYs", b"\1")),
    "colors of no length": in_png(chunk(b"cHRM", b"\1")),
    "frames of no length": in_png(chunk(b"acTL", b"")),
    "more pictures, cut": in_jpeg((0xE2, b"MPF\0")),
    "more pictures, of no directory": in_jpeg((0xE2, b"MPF\0II*\0\xff\xff\xff\x7f")),
    "more pictures, of wrong types": in_jpeg(
        (0xE2, b"MPF\0" + exif((0xB001, ASCII, 2, b"9\0\0\0"), (0xB002, LONG, 1, bytes(4)))[6:])
    ),
    "more pictures than there are": in_jpeg(
        (0xE2, b"MPF\0" + exif((0xB001, LONG, 1, b"\xff\xff\0\0"))[6:])
    ),
    "Photoshop's blocks, cut": in_jpeg((0xED, b"Photoshop 3.0\x008BIM\3\xed\0\0\0\0\0\x10")),
    "Photoshop's blocks, of no name": in_jpeg((0xED, b"Photoshop 3.0\x008BIM\4\4\xff")),
    "Adobe's color, cut": in_jpeg((0xEE, b"Adobe")),
    "JFIF, cut": in_jpeg((0xE0, b"JFIF")),
}


@pytest.mark.parametrize("case", BESIDE)
def test_what_lies_beside_the_pixels_costs_one_picture_at_most(
    case, picture_folder, memory_stays_bounded
):
    (picture_folder / "red" / "x").write_bytes(BESIDE[case])
    own = images.from_folder(picture_folder, size=64, cache=False)
    if len(own) == 12:
        [(name, said)] = own.skipped
        assert name == "red/x"
        assert said.startswith(("damaged: ", "too large: "))
        assert said.isprintable()
    else:
        assert own.skipped == ()
        picture = own.pixels[own.captions.index("red/x")].float()
        assert picture.mean((1, 2)).tolist() == pytest.approx(RED, abs=4)


def scans(n):
    """Return a JPEG of which one scan is there again and again, and so changes nothing."""
    file = io.BytesIO()
    Image.new("RGB", (500, 500), RED).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    last = data.rindex(decode.JPEG_SCAN)
    return data[:-2] + data[last:-2] * n + decode.JPEG_END


def test_a_jpeg_of_many_scans_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    """One of 1,500 took 14 seconds."""
    (tmp_path / "x.jpg").write_bytes(scans(20))
    assert not isinstance(decode.decode_one(tmp_path / "x.jpg", 32), str)
    (tmp_path / "x.jpg").write_bytes(scans(1500))
    monkeypatch.setattr(decode, "_square", None)  # would fail where it is decoded
    said = "damaged: more than 100 scans, about ten are usual"
    assert decode.decode_one(tmp_path / "x.jpg", 32) == said


def test_some_scans_of_many_pixels_are_refused_as_well(tmp_path, monkeypatch):
    data = scans(60)
    large = struct.pack(">HH", 7000, 7000)
    (tmp_path / "x.jpg").write_bytes(data.replace(struct.pack(">HH", 500, 500), large, 1))
    monkeypatch.setattr(decode, "_square", None)  # would fail where it is decoded
    said = "too large: 70 scans of 7000×7000 pixels"
    assert decode.decode_one(tmp_path / "x.jpg", 32) == said


class OddError(Exception):
    """Something that no reader of pictures is known to raise."""


@pytest.mark.parametrize("error", [OddError("\x1b[31mred"), MemoryError(), RecursionError("deep")])
def test_whatever_a_decoder_raises_is_the_reason_of_that_file(error, picture_folder, monkeypatch):
    def decoder(image, size):
        if image.format == "GIF":
            raise error
        return square(image, size)

    square = decode._square
    monkeypatch.setattr(decode, "_square", decoder)
    save(picture_folder / "red" / "x.gif")
    own = images.from_folder(picture_folder, cache=False)
    assert len(own) == 12
    [(name, said)] = own.skipped
    assert name == "red/x.gif"
    assert said.isprintable()


def test_a_person_who_stops_it_is_not_taken_for_damage(picture_folder, monkeypatch):
    def stop(image, size):
        raise KeyboardInterrupt

    monkeypatch.setattr(decode, "_square", stop)
    with pytest.raises(KeyboardInterrupt):
        images.from_folder(picture_folder, cache=False)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}], ids=str)
@pytest.mark.parametrize("lacking", [1, 2, 10])
def test_a_jpeg_whose_lower_half_is_gray_itself_is_whole(lacking, options, tmp_path, caplog):
    shades = np.full((200, 200, 3), 128, np.uint8)
    shades[:100] = np.kron(
        np.random.default_rng(0).integers(0, 256, (10, 20, 3)), np.ones((10, 10, 1))
    )
    Image.fromarray(shades).save(tmp_path / "x.jpg", **options)
    whole = images.read_picture(tmp_path / "x.jpg", 32).float()
    data = (tmp_path / "x.jpg").read_bytes()
    (tmp_path / "x.jpg").write_bytes(data[:-lacking])
    found = images.read_picture(tmp_path / "x.jpg", 32).float()
    assert (found - whole).abs().max() <= 4
    assert "the end of" in caplog.text


def test_a_gray_jpeg_that_lacks_its_lower_half_is_refused(tmp_path):
    """Gray above and gray below: what is missing is told by the bytes, not by the color."""
    shades = np.full((200, 200), 128, np.uint8)
    shades[:20] = np.random.default_rng(0).integers(0, 256, (20, 200))
    Image.fromarray(shades).save(tmp_path / "x.jpg")
    data = (tmp_path / "x.jpg").read_bytes()
    (tmp_path / "x.jpg").write_bytes(data[: len(data) - 100])
    with pytest.raises(FeatlibError, match=r"its end is missing, \d+% of the picture"):
        images.read_picture(tmp_path / "x.jpg", 32)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}], ids=str)
@pytest.mark.parametrize("lacking", [1, 2, 10, 100])
def test_a_jpeg_that_lacks_its_last_bytes_is_read_and_that_is_said(
    lacking, options, tmp_path, caplog
):
    cut(tmp_path / "x.jpg", 1, **options)
    whole = images.read_picture(tmp_path / "x.jpg", 32).float()
    assert not caplog.text
    data = (tmp_path / "x.jpg").read_bytes()
    (tmp_path / "x.jpg").write_bytes(data[:-lacking])
    found = images.read_picture(tmp_path / "x.jpg", 32).float()
    assert (found - whole)[:, :28].abs().max() <= 4, "all but its last rows"
    assert "the end of" in caplog.text


def test_a_progressive_jpeg_may_end_anywhere_in_its_later_scans(tmp_path):
    cut(tmp_path / "x.jpg", 1, progressive=True)
    data = (tmp_path / "x.jpg").read_bytes()
    first = data.index(decode.JPEG_SCAN)
    second = data.index(decode.JPEG_SCAN, first + 1)
    with decode.strictly():
        for end in range(second + 10, len(data), 7):
            (tmp_path / "x.jpg").write_bytes(data[:end])
            assert not isinstance(decode.decode_one(tmp_path / "x.jpg", 32), str), end
        (tmp_path / "x.jpg").write_bytes(data[: (first + second) // 2])
        assert "its end is missing" in decode.decode_one(tmp_path / "x.jpg", 32)


def sixteen_bit(path):
    Image.fromarray(np.full((40, 40), 40_000, np.uint16)).save(path)


def deep(path, dtype, value, extremes):
    """Write a gray picture of one value with more than 8 bits, and with one brighter corner.

    Of two extremes the first one is the corner's darker half.
    """
    array = np.full((40, 40), value, dtype)
    array[:2, :2] = extremes
    Image.fromarray(array).save(path)


def ct():
    """Return what a scanner of bodies gives: air is −1000, water 0, bone 1000."""
    array = np.zeros((40, 40, 1))
    array[:2, :2, 0] = (-1000, 1000)
    return array


def deep_colors(path, color):
    """Write a PNG of one color with 16 bits a channel, which Pillow cannot write."""
    row = b"\0" + np.array(color * 40, ">u2").tobytes()
    write_png(path, 40, 40, zlib.compress(row * 40), depth=16, color=2 if len(color) == 3 else 6)


def animated(path):
    frames = [Image.new("RGB", (40, 40), color) for color in (RED, (0, 0, 255))]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def rotated(path, exif=TURNED):
    """Save a picture that is red at its left, and whose EXIF says: turn me clockwise."""
    image = Image.new("RGB", (40, 40), "white")
    image.paste(RED, (0, 0, 20, 40))
    image.save(path, exif=exif)


def transparent_palette(path):
    image = Image.new("P", (40, 40), 0)
    image.putpalette([*RED, 0, 0, 255])
    image.save(path, transparency=0)


WHITE = (255, 255, 255)
CONVERTED = {
    "CMYK JPEG": (lambda p: save(p, "CMYK", (0, 255, 255, 0)), "x.jpg", (254, 0, 0)),
    "gray": (lambda p: save(p, "L", 90), "x.png", (90, 90, 90)),
    "black and white": (lambda p: save(p, "1", 1), "x.png", WHITE),
    "palette": (lambda p: Image.new("RGB", (40, 40), RED).quantize(4).save(p), "x.gif", RED),
    "16 bits a channel": (sixteen_bit, "x.png", (156, 156, 156)),
    "transparent": (lambda p: save(p, "RGBA", (0, 0, 0, 0)), "x.png", WHITE),
    "half transparent": (lambda p: save(p, "RGBA", (0, 0, 0, 128)), "x.webp", (127, 127, 127)),
    "gray with transparency": (lambda p: save(p, "LA", (0, 0)), "x.png", WHITE),
    "transparent palette": (transparent_palette, "x.png", WHITE),
    "animated: the first frame": (animated, "x.gif", RED),
    "BMP": (save, "x.bmp", RED),
    "TIFF": (save, "x.tif", RED),
    "TIFF of any other ending": (lambda p: save(p, format="TIFF"), "x.png", RED),
    "AVIF": (save, "x.avif", RED),
    "HEIC": (lambda p: (decode.formats(), save(p)), "x.HEIC", RED),
    "HEIC named .jpg": (lambda p: (decode.formats(), save(p, format="HEIF")), "x.jpg", RED),
    "JPEG named .jfif": (lambda p: save(p, format="JPEG"), "x.jfif", RED),
    "JPEG named .jpe": (lambda p: save(p, format="JPEG"), "x.jpe", RED),
    "no ending": (lambda p: save(p, format="PNG"), "x", RED),
    "DIB": (save, "x.dib", RED),
    "PPM": (save, "x.ppm", RED),
    "CMYK TIFF": (lambda p: save(p, "CMYK", (0, 255, 255, 0)), "x.tif", (255, 0, 0)),
    "12 of 16 bits": (lambda p: deep(p, np.uint16, 2048, 4095), "x.png", (127, 127, 127)),
    "10 of 16 bits": (lambda p: deep(p, np.uint16, 512, 1023), "x.png", (127, 127, 127)),
    "14 of 16 bits": (lambda p: deep(p, np.uint16, 8192, 16383), "x.tif", (127, 127, 127)),
    "16 of 16 bits": (lambda p: deep(p, np.uint16, 32768, 65535), "x.tif", (127, 127, 127)),
    "16 bits the other way round": (
        lambda p: deep(p, ">u2", 2048, 4095),
        "x.tif",
        (127, 127, 127),
    ),
    "12 of 16 bits a color": (
        lambda p: deep_colors(p, [4095, 2048, 0]),
        "x.png",
        (240, 128, 0),
    ),
    "16 bits a color": (lambda p: deep_colors(p, [65535, 32768, 0]), "x.png", (255, 128, 0)),
    "12 of 16 bits a color, half transparent": (
        lambda p: deep_colors(p, [4095, 2048, 0, 32768]),
        "x.png",
        (247, 191, 127),
    ),
    "32 bits": (lambda p: deep(p, np.int32, 2048, 4095), "x.tif", (127, 127, 127)),
    "30 of 32 bits": (lambda p: deep(p, np.int32, 2**29, 2**30 - 1), "x.tif", (127,) * 3),
    "numbers below 0": (lambda p: deep(p, np.int32, -5, 4095), "x.tif", (0, 0, 0)),
    "fractions 0–1": (lambda p: deep(p, np.float32, 0.5, 1), "x.tif", (127, 127, 127)),
    "fractions 0–255": (lambda p: deep(p, np.float32, 127, 255), "x.tif", (127, 127, 127)),
    "fractions of 12 bits": (lambda p: deep(p, np.float32, 2048, 4095), "x.tif", (127, 127, 127)),
    "fractions a little above 1": (
        lambda p: deep(p, np.float32, 0.5, 1.0001),
        "x.tif",
        (127, 127, 127),
    ),
    "fractions above 1": (lambda p: deep(p, np.float32, 0.6, 1.2), "x.tif", (127, 127, 127)),
    "fractions a little above 255": (
        lambda p: deep(p, np.float32, 128, 256),
        "x.tif",
        (127, 127, 127),
    ),
    "small fractions": (lambda p: deep(p, np.float32, 0.01, 0.01), "x.tif", (63, 63, 63)),
    "dark fractions": (lambda p: deep(p, np.float32, 0.3, 0.3), "x.tif", (76, 76, 76)),
    "fractions −1 to 1": (lambda p: deep(p, np.float32, 0, (-1, 1)), "x.tif", (127, 127, 127)),
    "a fraction below 0": (
        lambda p: deep(p, np.float32, 0.5, (-0.001, 1)),
        "x.tif",
        (127, 127, 127),
    ),
    "only numbers below 0": (lambda p: deep(p, np.float32, -5, -5), "x.tif", (0, 0, 0)),
    "the largest fractions": (
        lambda p: deep(p, np.float32, 0, (-3e38, 3e38)),
        "x.tif",
        (127, 127, 127),
    ),
    "a CT of 32 bits": (lambda p: deep(p, np.int32, 0, (-1000, 1000)), "x.tif", (127,) * 3),
    "a CT of 16 bits": (lambda p: tiff(p, np.int16, 2, value=ct()), "x.tif", (126, 126, 126)),
    "8 of 32 bits": (lambda p: deep(p, np.int32, 127, 255), "x.tif", (127, 127, 127)),
    "a little more than 8 of 32 bits": (
        lambda p: deep(p, np.int32, 127, 256),
        "x.tif",
        (127, 127, 127),
    ),
    "32 bits without a sign": (
        lambda p: tiff(p, np.uint32, 1, value=2**32 - 1),
        "x.tif",
        WHITE,
    ),
    "no number": (lambda p: deep(p, np.float32, float("nan"), 1), "x.tif", (0, 0, 0)),
    "an infinite number": (lambda p: deep(p, np.float32, float("inf"), 1), "x.tif", (0, 0, 0)),
    "one long strip": (lambda p: save(p, size=(2000, 10)), "x.png", RED),
}


@pytest.mark.parametrize("case", CONVERTED)
def test_any_color_mode_becomes_rgb(case, tmp_path):
    make, name, color = CONVERTED[case]
    make(tmp_path / name)
    picture = images.read_picture(tmp_path / name, 64)
    assert (picture.shape, picture.dtype) == ((3, 64, 64), torch.uint8)
    assert picture.float().mean((1, 2)).tolist() == pytest.approx(color, abs=4)


@pytest.mark.parametrize("noise", [30, 200, 255])
def test_a_black_picture_of_16_bits_stays_dark(noise, tmp_path):
    """A scale of its own for each picture would make white noise of it."""
    dark = np.random.default_rng(0).integers(0, noise + 1, (40, 40), dtype=np.uint16)
    Image.fromarray(dark).save(tmp_path / "x.png")
    assert images.read_picture(tmp_path / "x.png", 40).max() <= noise // 4


def test_pictures_that_use_few_of_their_16_bits_are_not_taken_for_copies(tmp_path):
    noise = np.random.default_rng(0)
    for name, offset in (("a", 50), ("b", 0)):
        (tmp_path / name).mkdir()
        for i in range(5):
            values = noise.integers(0, 200, (40, 40)).astype(np.uint16) + offset
            Image.fromarray(values.astype(np.uint16)).save(tmp_path / name / f"{i}.png")
    own = images.from_folder(tmp_path, cache=False)
    assert (len(own), own.skipped) == (10, ())


def test_a_picture_is_read_alone_as_it_is_among_others(tmp_path):
    for name, brightest in (("dark", 900), ("bright", 4000)):
        (tmp_path / name).mkdir()
        for i in range(2):
            values = np.full((40, 40), brightest - 100 * i, np.uint16)
            Image.fromarray(values).save(tmp_path / name / f"{i}.png")
    own = images.from_folder(tmp_path, size=16, cache=False)
    for row, name in enumerate(own.captions):
        assert torch.equal(images.read_picture(tmp_path / name, 16), own.pixels[row])


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "tif", "avif", "heic"])
def test_exif_rotation_is_honored(ending, tmp_path):
    decode.formats()  # Pillow can write a HEIC from here on
    rotated(tmp_path / f"x.{ending}")
    picture = images.read_picture(tmp_path / f"x.{ending}", 64).float()
    assert picture[1, :24].mean() < 60, "red is on top"
    assert picture[1, 40:].mean() > 230


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        ({}, r"at least two folders .* got 0"),
        ({"cats": 3}, r"at least two folders .* got 1 \(cats\)"),
        ({"cats": 3, "dogs": 0}, r"at least two pictures in the folder 'dogs', got 0"),
        ({"cats": 3, "dogs": 1}, r"at least two pictures in the folder 'dogs', got 1"),
    ],
    ids=["an empty folder", "one class", "an empty class", "a class with one picture"],
)
def test_a_folder_that_cannot_be_learned_from_is_an_error(classes, said, tmp_path):
    for seed, (name, n) in enumerate(classes.items()):
        make_pictures(tmp_path, {name: RED}, n=n, seed=seed)
    with pytest.raises(FeatlibError, match=said):
        images.from_folder(tmp_path)


def test_all_classes_with_too_few_pictures_are_named_at_once(tmp_path):
    make_pictures(tmp_path, {"cats": RED, "dogs": RED}, n=2)
    for i in range(25):
        make_pictures(tmp_path, {f"rare{i:02}": RED}, n=i % 2, seed=i)
    with pytest.raises(FeatlibError) as refused:
        images.from_folder(tmp_path, size=16, cache=False)
    assert "'rare00', 'rare01'" in str(refused.value)
    assert "'rare19', and 5 more, got 0, 1, 0, 1" in str(refused.value)
    assert "cats" not in str(refused.value)


def test_what_lies_beside_the_classes_is_listed(picture_folder):
    save(picture_folder / "alone.png")
    (picture_folder / "README.md").write_text("about the pictures")
    own = images.from_folder(picture_folder, cache=False)
    assert [name for name, _ in own.skipped] == ["README.md", "alone.png"]
    assert "no PNG" in own.skipped[0][1]
    assert own.skipped[1][1] == "it is in no folder of a class"


def test_a_class_whose_files_all_fail_says_why(tmp_path):
    make_pictures(tmp_path, {"cats": RED})
    (tmp_path / "dogs").mkdir()
    (tmp_path / "dogs" / "rex.png").write_text("woof")
    with pytest.raises(FeatlibError, match=r"skipped: dogs/rex\.png \(no PNG"):
        images.from_folder(tmp_path)


@pytest.mark.parametrize("path", ["nowhere", "a file"])
def test_a_path_that_is_no_folder_is_an_error(path, tmp_path):
    (tmp_path / "a file").write_text("x")
    with pytest.raises(FeatlibError, match="wanted a folder of pictures"):
        images.from_folder(tmp_path / path)


# What is no file, or may not be read


NO_FILES = {
    "a pipe": lambda path: os.mkfifo(path),
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link that leads nowhere": lambda path: path.symlink_to("nowhere.png"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a folder named like a picture": lambda path: path.mkdir(),
}
unix = pytest.mark.skipif(os.name != "posix", reason="pipes, links and permissions of Unix")


@unix
@pytest.mark.parametrize("case", NO_FILES)
def test_what_is_no_file_is_neither_waited_for_nor_read(case, picture_folder, tmp_path, resnet):
    NO_FILES[case](picture_folder / "red" / "x.png")
    found = images.from_folder(picture_folder, progress=False)
    done = shards.extract(picture_folder, tmp_path / "out", resnet, progress=False)
    assert len(found) == done.images == 12
    listed = () if "folder" in case else (("red/x.png", "no file, or a link that leads nowhere"),)
    assert found.skipped == done.unreadable == listed


@unix
def test_a_file_that_may_not_be_read_is_listed(picture_folder, tmp_path, resnet):
    (picture_folder / "red" / "3.png").chmod(0)
    with without_roots_rights():
        found = images.from_folder(picture_folder)
        done = shards.extract(picture_folder, tmp_path / "out", resnet, progress=False)
    assert found.skipped == (("red/3.png", "cannot be read: Permission denied"),)
    assert done.unreadable == found.skipped


@unix
@pytest.mark.parametrize("name", ["", "red", "red/more"])
def test_a_folder_that_may_not_be_read_is_never_passed_over(name, picture_folder, tmp_path, resnet):
    folder = picture_folder / name
    folder.mkdir(exist_ok=True)
    folder.chmod(0)
    try:
        with without_roots_rights():
            with pytest.raises(FeatlibError, match=r"list .* got Permission denied"):
                images.from_folder(picture_folder)
            with pytest.raises(FeatlibError, match=r"list .* got Permission denied"):
                shards.extract(picture_folder, tmp_path / "out", resnet, progress=False)
    finally:
        folder.chmod(0o755)
    assert len(images.from_folder(picture_folder)) == 12


# Names


NAMES = {
    r"$\nowhere$": r"$\nowhere$",  # what matplotlib takes for a formula
    "$5 or $10": "$5 or $10",
    "صورة": "صورة",  # right to left
    "two\nlines": "two\nlines",
}
if sys.platform == "linux":  # macOS lets no file have such a name
    NAMES["gr\udcfcn"] = "gr\\udcfcn"  # as Python reads the byte 252, which is no text


@unix
@pytest.mark.filterwarnings("ignore:Glyph .* missing from font")  # shown as a box
def test_classes_of_any_name_go_all_the_way(tmp_path, resnet):
    folder = make_pictures(tmp_path / "own", {"blue": (40, 40, 200)} | dict.fromkeys(NAMES, RED))
    shown = {"blue", *NAMES.values()}
    finished = lesson.run(str(folder), size=64, progress=False)
    assert finished.images.classes == tuple(sorted(shown))
    page = lesson_report.write(finished, tmp_path / "report").read_text("utf-8")
    assert [name for name in shown if printable(name) not in page] == []
    shards.extract(folder, tmp_path / "features", resnet, progress=False)
    assert set(parquet.read_table(tmp_path / "features")["label"].to_pylist()) == shown
