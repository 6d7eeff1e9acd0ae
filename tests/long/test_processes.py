"""Several processes at once, and processes that are killed."""

import multiprocessing
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
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


PIXELS = """
def pixels():
    return torch.arange(12 * 3 * 64 * 64).remainder(251).to(torch.uint8).view(12, 3, 64, 64)
"""
POOLS = f"""
import multiprocessing, torch
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from featlib import backbone, features, head, weights
{PIXELS}
def extract(i):
    rows = features.extract(pixels(), weights.read_weights(), cache=False, progress=False)
    return rows.double().sum().item()

def train(i):
    rows = torch.arange(400 * 512).remainder(251).view(400, 512) / 251
    return head.train(rows, torch.arange(400) % 4, 4)[1].epochs[-1].loss

def forward(i):
    return backbone.resnet18()(pixels() / 255).double().sum().item()

def pool(kind):
    if kind == "threads":
        return ThreadPoolExecutor(2)
    # What does not fork imports everything anew, so one process has to do.
    return ProcessPoolExecutor(2 if kind == "fork" else 1, multiprocessing.get_context(kind))

if __name__ == "__main__":
    torch.set_num_threads(2)  # whatever the machine has
    for kind in ("threads", *multiprocessing.get_all_start_methods()):
        for work in (extract, train, forward) if kind == "fork" else (extract,):
            expected = work(0)
            with pool(kind) as workers:
                apart = [abs(found / expected - 1) for found in workers.map(work, range(3))]
            assert max(apart) < 1e-4
            assert torch.get_num_threads() == 2
            print(kind, work.__name__, flush=True)
"""


def test_pools_of_a_process_that_has_computed_with_two_threads(tmp_path):
    """A process made by fork would wait for ever for the threads of its parent."""
    kinds = ("threads", *multiprocessing.get_all_start_methods())
    expected = [f"{kind} extract" for kind in kinds]
    if "fork" in kinds:
        after = expected.index("fork extract") + 1
        expected[after:after] = ["fork train", "fork forward"]
    (tmp_path / "pools.py").write_text(POOLS)
    with open(tmp_path / "out", "w+") as out:
        running = subprocess.Popen(
            [sys.executable, tmp_path / "pools.py"],
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        with suppress(subprocess.TimeoutExpired):  # what is missing in its lines waits for ever
            running.wait(timeout=240)
        if running.returncode is None and hasattr(os, "killpg"):  # its children wait, too
            os.killpg(running.pid, signal.SIGKILL)
        running.kill()
        running.wait()
        out.seek(0)
        assert out.read().splitlines() == expected


SAME = f"""
import multiprocessing, torch
from featlib import backbone, features
{PIXELS}
def extract(together, answers):
    torch.set_num_threads(1)
    together.wait()
    rows = features.extract(pixels(), backbone.resnet18(), progress=False)
    answers.put(f"{{rows.double().sum():.3f}}")

if __name__ == "__main__":
    together, answers = multiprocessing.Barrier(4), multiprocessing.Queue()
    running = [multiprocessing.Process(target=extract, args=(together, answers)) for _ in range(4)]
    for process in running:
        process.start()
    print(len({{answers.get(timeout=240) for _ in running}}))
    for process in running:
        process.join()
"""


def test_four_processes_that_want_the_same_features(tmp_path):
    """They all get them, one entry is left, and it is whole."""
    (tmp_path / "same.py").write_text(SAME)
    environment = os.environ | {"FEATLIB_CACHE_DIR": str(tmp_path / "cache")}
    said = subprocess.run(
        [sys.executable, tmp_path / "same.py"], capture_output=True, text=True, env=environment
    )
    assert (said.stdout, said.stderr) == ("1\n", "")
    files = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert len(files) == 1


def test_ten_kills_at_random_moments():
    tool = Path(__file__).parents[2] / "tools" / "kill.py"
    answer = subprocess.run(
        [sys.executable, tool, "--rounds", "10", "--seed", "1"], capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("10 kills; reported done before them and all there afterwards")


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
