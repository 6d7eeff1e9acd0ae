"""Two processes that copy the notebooks at the same time."""

import json
import multiprocessing

from featlib import workspace
from featlib.engine.files import sha256
from featlib.engine.paths import bundled


def _prepare_often(home, barrier, said):
    barrier.wait()
    said.put([workspace.prepare(home).kept for _ in range(3)])


def names(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_two_processes_at_once_make_one_whole_folder(tmp_path):
    context = multiprocessing.get_context("spawn")
    barrier, said = context.Barrier(2), context.Queue()
    both = [
        context.Process(target=_prepare_often, args=(tmp_path, barrier, said), daemon=True)
        for _ in range(2)
    ]
    for process in both:
        process.start()
    kept = [said.get(timeout=120) for _ in both]
    for process in both:
        process.join()
    assert kept == [[(), (), ()]] * 2
    assert names(tmp_path) == ["featlib-notebooks"]
    folder = tmp_path / "featlib-notebooks"
    listed = json.loads((folder / ".featlib.json").read_text())
    assert names(folder) == sorted(listed)
    assert {name: sha256(bundled("notebooks") / name) for name in listed} == listed
