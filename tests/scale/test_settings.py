"""The command line in odd surroundings: locales, folders, no home, no terminal, one core."""

import json
import os
import subprocess
import sys

import pytest

SETTINGS = {
    "locale C, a home with spaces and letters of other scripts, one core": {
        "LC_ALL": "C", "PYTHONUTF8": "0", "HOME": "my hóme 家", "OMP_NUM_THREADS": "1",
    },
    "locale of Turkey, where I is no capital i, and no home at all": {
        "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8", "HOME": None, "XDG_CACHE_HOME": None,
        "XDG_DATA_HOME": None,
    },
}  # fmt: skip


@pytest.mark.parametrize("case", SETTINGS)
def test_all_five_stages(case, picture_folder, tmp_path):
    changes = dict(SETTINGS[case])
    if changes["HOME"]:
        changes["HOME"] = str(tmp_path / changes["HOME"])
        os.mkdir(changes["HOME"])
    environment = {**os.environ, **changes, "FEATLIB_CACHE_DIR": None, "FEATLIB_DATA_DIR": None}
    environment = {name: value for name, value in environment.items() if value is not None}
    command = [sys.executable, "-m", "featlib.cli", "run", "--images", picture_folder, "--json"]
    answer = subprocess.run(
        command, capture_output=True, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL
    )
    assert answer.returncode == 0, answer.stderr.decode()
    assert answer.stderr == b""
    facts = json.loads(answer.stdout)
    assert len(facts["training_trace"]) == 5
    assert facts["features_from_cache"] is False
    assert (tmp_path / facts["report"]).is_file()
    if changes["HOME"]:
        assert list((tmp_path / changes["HOME"]).rglob("*.safetensors"))
