"""The command line in odd surroundings: locales, folders, no home, no terminal, one core."""

import json
import os
import subprocess
import sys

import pytest

TURKISH = {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"}  # where I is no capital i
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}


def featlib(words, folder, settings, home):
    """Run a command with other surroundings, without a terminal, and return what it said."""
    own = ("FEATLIB_CACHE_DIR", "FEATLIB_DATA_DIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "HOME")
    environment = {name: value for name, value in os.environ.items() if name not in own}
    environment |= settings | ({"HOME": str(home)} if home else {})
    answer = subprocess.run(
        [sys.executable, "-m", "featlib", *map(str, words)],
        capture_output=True,
        cwd=folder,
        env=environment | {"TQDM_DISABLE": "1"},
        stdin=subprocess.DEVNULL,
    )
    assert answer.returncode == 0, answer.stderr.decode()
    assert answer.stderr == b""
    return answer.stdout


def test_all_five_stages_with_one_core_and_a_home_of_other_letters(picture_folder, tmp_path):
    home = tmp_path / "my hóme 家"
    home.mkdir()
    words = ["run", "--images", picture_folder, "--json"]
    facts = json.loads(featlib(words, tmp_path, TURKISH | {"OMP_NUM_THREADS": "1"}, home))
    assert len(facts["training_trace"]) == 5
    assert (tmp_path / facts["report"]).is_file()
    assert list(home.rglob("*.safetensors"))


@pytest.mark.parametrize("home", [True, False], ids=["a home", "no home at all"])
@pytest.mark.parametrize("settings", [TURKISH, ASCII], ids=["Turkish", "C"])
def test_progress(settings, home, tmp_path):
    said = featlib(["progress"], tmp_path, settings, tmp_path if home else None)
    assert b"03_feature_extraction" in said
    featlib(["progress", "--export", "mine"], tmp_path, settings, tmp_path if home else None)
    assert json.loads((tmp_path / "mine.json").read_text("utf-8"))["answers"] == []
