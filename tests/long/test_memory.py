"""The largest picture that is read, and what memory it takes."""

import json
import struct
import subprocess
import sys
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


LARGEST_SIDE = 9400  # of a square of 88 million pixels
AT_ONCE = """
import json, os, re, sys
from pathlib import Path

os.cpu_count = os.process_cpu_count = lambda: 16
from featlib.engine import decode

decode.SMALL_FILE = 0  # so that all threads are used
pictures, reasons = decode.decode([Path(sys.argv[1])] * 6, 64, cache=False)
peak = int(re.search("VmHWM:[^0-9]+([0-9]+)", Path("/proc/self/status").read_text())[1]) * 1024
print(json.dumps({"read": len(pictures), "peak": peak, "reasons": reasons}))
"""
LARGE = {
    "x.webp": (("RGB", "red"), {"lossless": True, "method": 0}),
    "transparent.webp": (("RGBA", "#ff000080"), {"lossless": True, "method": 0}),
    "x.png": (("P", 0), {"compress_level": 1}),
    "progressive.jpg": (("RGB", "red"), {"progressive": True}),
}


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells the peak of a process alone")
@pytest.mark.parametrize("name", LARGE)
def test_large_pictures_are_not_decoded_all_at_once(name, tmp_path):
    """With 16 cores, six WebPs took 2.5 gigabytes and more, and six palettes as well."""
    (mode, color), options = LARGE[name]
    Image.new(mode, (LARGEST_SIDE, LARGEST_SIDE), color).save(tmp_path / name, **options)
    command = [sys.executable, "-c", AT_ONCE, str(tmp_path / name)]
    facts = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert facts["read"] == 6, facts["reasons"]
    assert facts["peak"] < 1.5 * 10**9


PHOTOGRAPH = """
import sys
from PIL import Image

image = Image.new("RGB", (16_320, 12_240), "red")
image.paste("blue", (0, 0, 16_320, 6_120))
image.save(sys.argv[1], progressive=sys.argv[2] == "progressive")
"""


@pytest.mark.parametrize("kind", ["of one scan", "progressive"])
def test_a_photograph_of_200_megapixels_is_read(kind, tmp_path, memory_stays_bounded):
    """Its decoder shrinks it while it reads."""
    file = tmp_path / "x.jpg"
    subprocess.run([sys.executable, "-c", PHOTOGRAPH, str(file), kind], check=True)
    with decode.strictly():
        found = decode.decode_one(file, 64)
        assert decode.shorter_sides([file]) == [12_240]
        assert decode.decode_one(file, 0) == "too large: more than 89,478,485 pixels"
    assert not isinstance(found, str), found
    assert abs(found[:28].astype(int) - (0, 0, 254)).max() <= 2
    assert abs(found[36:].astype(int) - (254, 0, 0)).max() <= 2


MANY_CLASSES = """
import json, re, sys, time
from pathlib import Path
import numpy as np
from featlib import images, lesson
from featlib.pages import lesson_report

pixels = np.random.default_rng(0).integers(0, 256, (1200, 3, 16, 16), dtype=np.uint8)
names = [f"species {k}" for k in range(400)]
finished = lesson.run(
    images.from_arrays(pixels, np.arange(1200) % 400, names), cache=False, progress=False
)
started = time.perf_counter()
lesson_report.write(finished, sys.argv[1])
# `resource` would tell the peak of the process that started this one, if it was higher.
peak = int(re.search("VmHWM:[^0-9]+([0-9]+)", Path("/proc/self/status").read_text())[1]) * 1024
print(json.dumps({"seconds": time.perf_counter() - started, "peak": peak}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells the peak of a process alone")
def test_a_run_with_400_classes_takes_less_than_two_gigabytes(tmp_path):
    """With half an inch of the confusion matrix for each class, it took 17."""
    command = [sys.executable, "-c", MANY_CLASSES, str(tmp_path / "report")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    facts = json.loads(done.stdout)
    assert facts["peak"] < 2 * 10**9
    assert facts["seconds"] < 60  # a few; a busy machine is slow
    assert (tmp_path / "report" / "index.html").stat().st_size < 4 * 10**6
