"""The command line in odd surroundings: locales, folders, no home, no terminal, one core."""

import json
import os
import shutil
import subprocess
import sys

import pytest

TURKISH = {"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"}  # where I is no capital i
OWN = ("FEATLIB_CACHE_DIR", "FEATLIB_DATA_DIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "HOME")
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}


def featlib(words, folder, settings, home):
    """Run a command with other surroundings, without a terminal, and return what it said."""
    environment = {name: value for name, value in os.environ.items() if name not in OWN}
    environment |= settings | ({"HOME": str(home)} if home else {})
    answer = subprocess.run(
        [sys.executable, "-m", "featlib", *map(str, words)],
        capture_output=True,
        cwd=folder,
        env=environment | {"TQDM_DISABLE": "1"},
        stdin=subprocess.DEVNULL,
    )
    assert (answer.returncode, answer.stderr) == (0, b"")
    return answer.stdout


@pytest.mark.long
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
    assert b"512 numbers" in said
    featlib(["progress", "--export", "mine"], tmp_path, settings, tmp_path if home else None)
    assert json.loads((tmp_path / "mine.json").read_text("utf-8"))["answers"] == []


# As the first import of each Python: the user has no entry in the list of users.
UNKNOWN_USER = """
import pwd
def getpwuid(uid):
    raise KeyError(f"getpwuid(): uid not found: {uid}")
pwd.getpwuid = getpwuid
"""
# Root may go everywhere: without these rights it is as bound as everyone else.
BOUND = ["setpriv"] + [
    f"--{s}=-dac_override,-dac_read_search" for s in ("bounding-set", "inh-caps")
]
SAYS = [["progress"], ["progress", "--reset", "--yes"], ["progress", "--export", "mine"]]
# Several commands in one process, which has PyTorch imported once.
ONE_BY_ONE = """
import contextlib, io, json, sys
from featlib import cli
said = []
for words in json.loads(sys.argv[1]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(words)
    said.append({"code": code, "out": out.getvalue(), "err": err.getvalue()})
print(json.dumps(said))
"""
HOMES = {"a file": "file", "closed": "closed", "not there": "nowhere/at all", "relative": "here"}


@pytest.mark.skipif(os.name != "posix", reason="homes of Unix")
@pytest.mark.parametrize(
    ("case", "known"),
    # A known user without a home of its own has that of the list of users: whoever runs the tests.
    # The doctor, who looks where the user is not known, imports all there is: so not each time.
    [(case, True) for case in ("a file", "closed", "not there")]
    + [pytest.param(case, False, marks=pytest.mark.long) for case in (*HOMES, "none")],
)
def test_a_home_that_is_none(case, known, tmp_path):
    root = os.geteuid() == 0
    if root and not shutil.which("setpriv"):
        pytest.skip("no program takes rights from root here")
    (tmp_path / "file").touch()
    (tmp_path / "closed").mkdir(mode=0)
    (tmp_path / "temporary").mkdir()
    (tmp_path / "sitecustomize.py").write_text("" if known else UNKNOWN_USER)
    home = None if case == "none" else HOMES[case] if case == "relative" else tmp_path / HOMES[case]
    settings = os.environ | {"TMPDIR": str(tmp_path / "temporary"), "PYTHONPATH": str(tmp_path)}
    settings = {name: value for name, value in settings.items() if name not in OWN}
    doctor = [] if known else [["doctor"]]  # once for each home: it imports all there is
    answer = subprocess.run(
        [*(BOUND if root else []), sys.executable, "-c", ONE_BY_ONE, json.dumps(SAYS + doctor)],
        capture_output=True,
        cwd=tmp_path,
        env=settings | ({"HOME": str(home)} if home else {}),
        text=True,
    )
    assert answer.returncode == 0, answer.stderr
    progress, *rest = json.loads(answer.stdout)
    assert progress["code"] == (1 if case == "closed" else 0)
    assert ("512 numbers" in progress["out"]) == (case != "closed")
    assert all(one["err"].count("\n") <= 1 for one in (progress, *rest[:2]))
    if not known:
        assert "folder of your answers" in " ".join(rest[2]["out"].split())
        assert rest[2]["err"].count("\n") <= 4  # IPython has a warning of its own
    assert not list(tmp_path.glob("[~h]*")), "nothing is made in the folder where one is"
