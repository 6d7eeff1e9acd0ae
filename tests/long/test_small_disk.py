"""The command line on a real disk of 8 kB, beside the limits in tests/slow/test_disks.py."""

import os
import subprocess
import sys

import pytest

ON_A_SMALL_DISK = """
mount -t tmpfs -o size=8k tmpfs disk
export FEATLIB_CACHE_DIR=disk/cache FEATLIB_DATA_DIR=disk/data TQDM_DISABLE=1
"$PYTHON" -m featlib run --images pictures --report disk/report
echo "run: $?"
"$PYTHON" -m featlib extract pictures --out disk/features
echo "extract: $?"
find disk -type f -name 'part*'
"""


def _may_mount():
    words = ["unshare", "--mount", "--map-root-user", "true"]
    try:
        return subprocess.run(words, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not _may_mount(), reason="no right to mount a disk")
def test_a_disk_of_eight_kilobytes(picture_folder, tmp_path):
    (tmp_path / "disk").mkdir()
    answer = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", ON_A_SMALL_DISK],
        cwd=tmp_path,
        env=os.environ | {"PYTHON": sys.executable},
        capture_output=True,
        text=True,
    )
    assert "Validation:" in answer.stdout, "what was computed is shown all the same"
    assert "run: 1\nextract: 1\n" in answer.stdout
    assert not answer.stdout.endswith("parquet\n")
    assert "Traceback" not in answer.stderr
    *cache, report_, parts = answer.stderr.splitlines()
    assert all("nothing is kept" in line for line in cache)
    assert "to write 'disk/report" in report_
    assert "got [Errno 28] No space left on device. Choose another" in report_
    assert "disk/features', got [Errno 28] No space left on device. Make room" in parts
