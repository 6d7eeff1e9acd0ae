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
