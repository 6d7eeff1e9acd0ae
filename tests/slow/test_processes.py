"""Several processes at once, and processes that are killed."""

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from featlib import FeatureExtractor
from featlib.quiz import Progress


def test_a_grid_search_with_two_processes(pixels, empty_cache):
    X, y = pixels.numpy(), np.arange(12) % 2
    X[y == 1, 0] = 255  # one class is red
    pipeline = make_pipeline(FeatureExtractor(), LogisticRegression())
    grid = {
        "featureextractor__weights": ["bundled", "untrained"],
        "logisticregression__C": [0.1, 1],
    }
    search = GridSearchCV(pipeline, grid, cv=2, n_jobs=2).fit(X, y)
    assert search.best_score_ == 1
    assert len(search.cv_results_["params"]) == 4
    # Two weights on two halves, and the best of all on the whole: none was computed twice.
    assert len(list(empty_cache.rglob("*.safetensors"))) == 2 * 2 + 1


POOL = """
import multiprocessing, sys, torch
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from featlib import backbone, features, head, weights

def pixels():
    return torch.arange(12 * 3 * 64 * 64).remainder(251).to(torch.uint8).view(12, 3, 64, 64)

def extract(i):
    rows = features.extract(pixels(), weights.read_weights(), cache=False, progress=False)
    return rows.double().sum().item()

def train(i):
    rows = torch.arange(400 * 512).remainder(251).view(400, 512) / 251
    return head.train(rows, torch.arange(400) % 4, 4)[1].epochs[-1].loss

def forward(i):
    return backbone.resnet18()(pixels() / 255).double().sum().item()

if __name__ == "__main__":
    torch.set_num_threads(2)  # whatever the machine has
    work = {"extract": extract, "train": train, "forward": forward}[sys.argv[2]]
    expected = work(0)
    if sys.argv[1] == "threads":
        pool = ThreadPoolExecutor(2)
    else:
        pool = ProcessPoolExecutor(2, multiprocessing.get_context(sys.argv[1]))
    with pool:
        assert all(abs(found / expected - 1) < 1e-4 for found in pool.map(work, range(3)))
    assert torch.get_num_threads() == 2
    print("done")
"""


KINDS = ("threads", *multiprocessing.get_all_start_methods())
CASES = [(kind, "extract") for kind in KINDS]
CASES += [("fork", work) for work in ("train", "forward") if "fork" in KINDS]


@pytest.mark.parametrize(("kind", "work"), CASES)
def test_a_pool_of_a_process_that_has_computed_with_two_threads(kind, work, tmp_path):
    """A process made by fork would wait for ever for the threads of its parent."""
    (tmp_path / "pool.py").write_text(POOL)
    running = subprocess.Popen(
        [sys.executable, tmp_path / "pool.py", kind, work],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        said = running.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        if hasattr(os, "killpg"):  # its children wait, too
            os.killpg(running.pid, signal.SIGKILL)
        running.kill()
        running.communicate()
        pytest.fail("it waits for ever")
    assert said == ("done\n", "")


def test_four_processes_that_want_the_same_features(tmp_path):
    """They all get them, one entry is left, and it is whole."""
    script = (
        "import torch; torch.set_num_threads(1); from featlib import backbone, features;"
        "pixels = torch.arange(12 * 3 * 64 * 64).remainder(251).to(torch.uint8);"
        "pixels = pixels.view(12, 3, 64, 64);"
        "rows = features.extract(pixels, backbone.resnet18(), progress=False);"
        "print(f'{rows.double().sum():.3f}')"
    )
    environment = os.environ | {"FEATLIB_CACHE_DIR": str(tmp_path / "cache")}
    command = [sys.executable, "-c", script]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        for _ in range(4)
    ]
    said = [process.communicate() for process in running]
    assert {err for _, err in said} == {b""}
    assert len({out for out, _ in said}) == 1
    files = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert len(files) == 1


def test_nine_kills_at_random_moments():
    tool = Path(__file__).parents[2] / "tools" / "kill.py"
    answer = subprocess.run(
        [sys.executable, tool, "--rounds", "9", "--seed", "1"], capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("9 kills; reported done before them and all there afterwards")


def test_answers_of_eight_processes_are_all_kept(tmp_path):
    progress = Progress(tmp_path / "answers.jsonl")
    code = (
        "import sys; from featlib.quiz import Progress\n"
        "for i in range(40): Progress(sys.argv[1]).add('quiz', sys.argv[2], i, True)"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(progress.path), name])
        for name in "abcdefgh"
    ]
    assert [writer.wait() for writer in writers] == [0] * 8
    for name in "abcdefgh":
        kept = [a.answer for a in progress.answers() if a.question == name]
        assert kept == list(range(40))
