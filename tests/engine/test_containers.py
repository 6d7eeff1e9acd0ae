"""What a picture file says of itself is judged before any decoder sees it."""

import io

import numpy as np
import pytest
from PIL import Image

from featlib.engine import containers, decode

NOISE = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)


def packed(kind, **options):
    decode.formats()  # Pillow can write a HEIC from here on
    file = io.BytesIO()
    Image.fromarray(NOISE).save(file, kind, **options)
    return file.getvalue()


def segment(kind, content):
    return bytes([255, kind]) + (len(content) + 2).to_bytes(2, "big") + content


@pytest.mark.parametrize(
    ("options", "scans"), [({}, 1), ({"restart_marker_blocks": 1}, 1), ({"progressive": True}, 10)]
)
def test_scans_are_counted(options, scans):
    data = packed("JPEG", **options)
    assert containers.jpeg_scans(data) == scans
    assert containers.jpeg_scans(data + data) == scans, "of the first picture"
    assert containers.jpeg_scans(data[:-2]) == scans, "of one that lacks its end"


def test_what_lies_within_a_segment_is_no_scan():
    data = packed("JPEG", exif=b"Exif\0\0" + b"\xff\xda\0\2" * 500)
    assert containers.jpeg_scans(data) == 1


def test_a_start_in_front_of_another_one_is_passed_over():
    assert containers.jpeg_scans(b"\xff\xd8\xff\xd8" + packed("JPEG")[2:]) == 1


TOO_MUCH = {
    "scans": (lambda data: data[:-2] + data[data.index(b"\xff\xda") : -2] * 100, "100 scans"),
    "comments": (lambda data: data[:2] + segment(0xFE, b"") * 2000 + data[2:], "1,000 segments"),
    "zeros": (lambda data: data[:2] + bytes(30_000_000) + data[2:], "20 MB before its pixels"),
    "zeros and no more": (lambda data: data[:20] + bytes(30_000_000), "20 MB before its pixels"),
    "EXIF": (
        lambda data: data[:2] + segment(0xE1, b"Exif\0\0" + bytes(65_000)) * 400 + data[2:],
        "20 MB before its pixels",
    ),
}


@pytest.mark.parametrize("case", TOO_MUCH)
def test_far_more_than_any_camera_writes_is_refused(case):
    change, said = TOO_MUCH[case]
    with pytest.raises(ValueError, match=f"more than {said}"):
        containers.jpeg_scans(change(packed("JPEG")))


def fault(data, length=None):
    return containers.fault(io.BytesIO(data), length or len(data))


@pytest.mark.parametrize("kind", ["WEBP", "AVIF", "HEIF"])
@pytest.mark.parametrize(
    "options",
    [{}, {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"}, {"save_all": True}, {"lossless": True}],
    ids=str,
)
def test_whole_pictures_are_not_refused(kind, options):
    if "save_all" in options:
        options = options | {"append_images": [Image.new("RGB", (64, 64))] * 3}
    data = packed(kind, **options)
    assert fault(data) == ""
    assert fault(data + bytes(50)) == "", "with something behind it"


BEGINNINGS = {
    "WEBP": b"RIFF\xf8\xff\xff\x10WEBPVP8 ",
    "WEBP of no size": b"RIFF\0\0\0\0WEBPVP8X",
    "HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "AVIF": b"\0\0\0\x18ftypavif\0\0\0\0mif1avif",
    "a box of 64 bits": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\1free\0\0\0\0\0\0\0\0",
    "a box without an end": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic\0\0\0\0free",
}


@pytest.mark.parametrize("case", BEGINNINGS)
def test_zeros_behind_the_first_bytes_are_no_picture(case):
    assert fault(BEGINNINGS[case] + bytes(1000)).startswith("damaged: ")


@pytest.mark.parametrize("kind", ["WEBP", "AVIF", "HEIF"])
def test_a_part_that_reaches_beyond_the_file_is_cut(kind):
    data = packed(kind)
    at = 30 if kind == "WEBP" else data.index(b"meta") + 50
    assert fault(data[:at]) == "damaged: its end is missing"
