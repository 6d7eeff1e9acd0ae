"""What only a process of its own can show: what it imports, prints and leaves behind."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# The five stages and the records of a prediction.
CORE = ("images", "preprocess", "backbone", "weights", "features", "head", "validation", "trace")


@pytest.fixture(scope="module")
def emoji10_run(tmp_path_factory):
    """Return the folder of a process that ran `featlib run`, what it said, and what it imported."""
    script = "import sys, featlib.cli; featlib.cli.main(['run']); print(*sys.modules)"
    folder = tmp_path_factory.mktemp("run")
    command = [sys.executable, "-c", script]
    # Python's own environment: readline puts the width of its terminal into that of the process.
    answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ)
    *said, modules = answer.stdout.splitlines()
    return folder, "\n".join(said), modules.split()


def test_run_prints_the_three_records_in_order_and_writes_the_report(emoji10_run):
    folder, out, _ = emoji10_run
    places = [
        out.index(title)
        for title in ("Data flow", "Training trace", "Recipe", "Training chart", "Prediction trace")
    ]
    assert places == sorted(places)
    assert "uint8 1000×3×64×64" in out
    assert "in truth animal" in out
    assert (folder / "lesson-report" / "index.html").is_file()


def test_a_run_waits_for_no_package_that_it_does_not_use(emoji10_run):
    slow = {"torchvision", "torch._dynamo", "sklearn", "scipy", "pandas", "pyarrow", "ipywidgets"}
    assert not slow & set(emoji10_run[2])


def test_the_core_needs_no_widget_and_no_figure():
    forbidden = ["ipywidgets", "anywidget", "IPython", "matplotlib"]
    modules = ", ".join(f"featlib.{name}" for name in CORE)
    script = f"import sys, {modules}; print([m for m in {forbidden} if m in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stderr


def test_slides_need_no_torch():
    script = "import sys, featlib.pages.slides; print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert answer.stdout.strip() == "False", answer.stderr


@pytest.mark.long
def test_uploads_are_in_memory_alone(picture_folder, tmp_path):
    code = (
        "import sys, featlib; widget = featlib.show_own_images();"
        "content = open(sys.argv[1], 'rb').read();"
        "widget._handle_custom_msg({'upload': 0, 'file': '0.png'}, [content]);"
        "print([len(one['pictures']) for one in widget.view['classes']])"
    )
    command = [sys.executable, "-c", code, str(picture_folder / "red" / "0.png")]
    empty = tmp_path / "empty"
    empty.mkdir()
    own = dict.fromkeys(("TMPDIR", "FEATLIB_CACHE_DIR", "FEATLIB_DATA_DIR"), str(empty))
    run = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | own)
    assert run.stdout.strip() == "[1, 0]"
    assert list(empty.iterdir()) == []


def test_examples_leave_the_users_folders_alone(tmp_path):
    """The settings of tests/ do not reach the docstrings; the conftest.py at the top does."""
    file = tmp_path / "example.py"
    file.write_text(
        '"""Where?\n\n'
        ">>> import os, pathlib\n"
        ">>> from featlib.engine import paths\n"
        ">>> print(paths.cache_dir(), paths.data_dir(), pathlib.Path.cwd(), sep=os.linesep)\n"
        "nowhere\n"
        '"""\n',
        encoding="utf-8",
    )
    own = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "FEATLIB"))}
    options = [
        "-p",
        "no:nbval",
        "-p",
        "no:cacheprovider",
        f"--rootdir={ROOT}",
        f"--basetemp={tmp_path / 'base'}",
    ]
    answer = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-c", str(ROOT / "pyproject.toml"),
         f"--confcutdir={ROOT}", "-p", "conftest", "--doctest-modules", str(file)],
        capture_output=True, text=True, cwd=ROOT, env=own,
    )  # fmt: skip
    places = re.search(r"Got:\n((?: .*\n){3})", answer.stdout)
    assert places, answer.stdout
    for place in places[1].split():
        assert place.startswith(str(tmp_path / "base"))
