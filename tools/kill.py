"""Kill featlib at random moments, and see that nothing is lost: a long run of faults.

    python tools/kill.py --rounds 200

Each round starts work in a process of its own, kills it (SIGKILL) after a random time, and then
does the same work again in this process. What was reported done before the kill must be there, and
the work must come to the same result as without a kill. The kinds take turns:

- answers: a learner's answers are written, each reported when it is kept
- cache: features are extracted and kept in the cache
- shards: a folder of pictures is extracted into Parquet files
- notebooks: the notebooks are copied for a learner; the next start completes them
- progress, class report, gradebook, quiz-export, slides, report, model, html, onnx: what a command
  writes is written again and again; each file is the old or the new
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import numpy as np
import torch
from PIL import Image
from pyarrow import parquet

import featlib
from featlib import backbone, features, images, lesson, quiz, workspace
from featlib.engine.paths import bundled
from featlib.model.exports import export_onnx
from featlib.pages import class_report, gradebook, lesson_report, slides
from featlib.pages.model_page import export_html
from featlib.quiz import exports
from featlib.scale import shards


def answers(folder, reported):
    """Write answers for ever, and report each that is kept."""
    progress = quiz.Progress(folder / "answers.jsonl")
    for number in range(10**9):
        progress.add("quiz", f"q{number}", "x" * (number % 500), True)
        reported(number)


def check_answers(folder, reported):
    """Find all reported answers, and add another."""
    progress = quiz.Progress(folder / "answers.jsonl")
    kept = {answer.question for answer in progress.answers()}
    assert {f"q{number}" for number in reported} <= kept, "a reported answer is lost"
    progress.add("quiz", "after", 1, True)
    assert progress.answers()[-1].question == "after"


def cache(folder, reported):
    """Extract new images for ever, and report each set that is kept."""
    for number in range(10**9):
        features.extract(_pixels(number), RESNET, progress=False)
        reported(number)


def check_cache(folder, reported):
    """Compare the cache with what is computed without it; all reported entries are there."""
    for number in [*reported[-2:], len(reported)]:
        found = features.extract(_pixels(number), RESNET, progress=False)
        exact = features.extract(_pixels(number), RESNET, cache=False)
        assert torch.allclose(found, exact, atol=1e-4), "the cache holds something else"
    for number in reported:
        assert features.is_cached(_pixels(number), RESNET), "a reported entry is lost"


def shards_of_features(folder, reported):
    """Extract a folder of pictures."""
    shards.extract(folder / "pictures", folder / "out", RESNET, **SETTINGS)
    reported(1)


def check_shards(folder, reported):
    """Go on; finished files are not touched, and all features come out right."""
    out = folder / "out"
    finished = {path: path.read_bytes() for path in out.glob("part*")}
    done = shards.extract(folder / "pictures", out, RESNET, **SETTINGS)
    assert done.computed == 64 - 4 * len(finished), "a finished shard was computed again"
    table = parquet.read_table(out)
    assert table["path"].to_pylist() == [f"{i:02}.png" for i in range(64)]
    assert np.allclose(np.stack(table["features"].to_numpy()), EXPECTED, atol=1e-4)
    assert all(path.read_bytes() == data for path, data in finished.items())
    assert not list(out.glob("*.tmp")), "something is left over"


def writing(name):
    """Return a function that writes a page or an export for ever, of one content and another."""

    def work(folder, reported):
        for number in range(10**9):
            write(name, folder / "out", number % 2)
            reported(number)

    return work


def write(name, out, variant):
    """Write what one command of featlib writes, of one of two contents."""
    out.mkdir(parents=True, exist_ok=True)
    WRITERS[name][0](out, variant)


def written(name):
    """Return a function that finds each file as one of the two contents, and goes on."""

    def check(folder, reported):
        for path, content in contents(folder / "out").items():
            if path.suffix != ".tmp":  # of the killed one, swept after a day
                whole = [each[path] for each in WRITTEN[name]]
                assert content in whole, f"{path} is half written"
        write(name, folder / "out", 0)
        left = contents(folder / "out")
        assert {path: left[path] for path in WRITTEN[name][0]} == WRITTEN[name][0], "no going on"

    return check


def contents(folder):
    """Read all files of a folder, by their names."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder): path.read_bytes() for path in files}


def two_contents(folder, kinds):
    """Make what is written in one or the other way: exports, classes, slides and lessons."""
    for variant in (0, 1):
        progress = quiz.Progress(folder / f"{variant}.jsonl")
        for number in range(200 * variant + 1):
            progress.add("source_quiz", "purpose", number % 4, number % 4 == 2)
        PROGRESS.append(progress)
        (folder / f"class {variant}").mkdir()
        progress.export(folder / f"class {variant}" / "learner.json")
        CLASSES.append(class_report.read(folder / f"class {variant}", progress=False))
        MARKS.append(gradebook.marks(CLASSES[-1], ["source_quiz"]))
        (folder / str(variant)).mkdir()
        cell = nbformat.v4.new_markdown_cell(f"# Title {variant}", id="a")
        DECKS.append(folder / str(variant) / "deck.ipynb")
        nbformat.write(nbformat.v4.new_notebook(cells=[cell]), DECKS[-1])
        pixels = torch.randint(0, 256, (40, 3, 64, 64), dtype=torch.uint8)
        own = images.from_arrays(pixels, torch.arange(40) % 2, ["a", "b"], name="two")
        LESSONS.append(lesson.run(own, seed=variant, cache=False, progress=False))
        LESSONS[-1].save(folder / f"kept {variant}")
        MODELS.append(featlib.load(folder / f"kept {variant}"))
    for name in WRITERS:
        if name in kinds:
            for variant in (0, 1):
                write(name, folder / f"{name} {variant}", variant)
            WRITTEN[name] = [contents(folder / f"{name} {variant}") for variant in (0, 1)]


def notebooks(folder, reported):
    """Copy the notebooks for a learner."""
    workspace.prepare(folder)
    reported(1)


def check_notebooks(folder, reported):
    """Copy once more; all are there, as they came."""
    copies = workspace.prepare(folder).folder
    for original in bundled("notebooks").glob("*.ipynb"):
        copy = copies / original.name
        assert copy.read_bytes() == original.read_bytes(), f"{copy.name} is another"


KINDS = {
    "answers": (answers, check_answers, 0.3),
    "cache": (cache, check_cache, 1.5),
    "shards": (shards_of_features, check_shards, 1.2),
    "notebooks": (notebooks, check_notebooks, 0.1),
}
# What each command writes, and the seconds in which it writes that at least twice.
WRITERS = {
    "progress": (
        lambda out, of: [PROGRESS[of].export(out / f"progress.{end}") for end in ("csv", "json")],
        0.2,
    ),
    "class report": (lambda out, of: class_report.write(CLASSES[of], out / "class.html"), 1.0),
    "gradebook": (lambda out, of: gradebook.write(MARKS[of], out / "marks.csv"), 0.1),
    "quiz-export": (lambda out, of: exports.export([QUIZZES[of]], out / "quizzes.txt"), 0.2),
    "slides": (lambda out, of: slides.export(DECKS[of], out), 0.5),
    "report": (lambda out, of: lesson_report.write(LESSONS[of], out / "lesson"), 2.0),
    "model": (lambda out, of: LESSONS[of].save(out / "model"), 0.3),
    "html": (lambda out, of: export_html(MODELS[of], out / "model.html"), 2.0),
    "onnx": (lambda out, of: export_onnx(MODELS[of], out / "model.onnx"), 6.0),
}
KINDS |= {name: (writing(name), written(name), longest) for name, (_, longest) in WRITERS.items()}
SETTINGS = {"shard_size": 4, "batch_size": 4, "progress": False}


def _pixels(number):
    chance = torch.Generator().manual_seed(number)
    return torch.randint(0, 256, (6, 3, 64, 64), dtype=torch.uint8, generator=chance)


def run_round(kind, chance):
    """Run one round; return what had been reported when the kill came."""
    work, check, longest = KINDS[kind]
    folder = Path(tempfile.mkdtemp(prefix="featlib-kill-"))
    os.environ["FEATLIB_CACHE_DIR"] = str(folder / "cache")
    if kind == "shards":
        (folder / "pictures").mkdir()
        for i in range(64):
            Image.new("L", (64, 64), 4 * i).save(folder / "pictures" / f"{i:02}.png")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        work(folder, lambda number: os.write(writer, b"%d\n" % number))
        os._exit(0)
    os.close(writer)
    time.sleep(chance.uniform(0, longest))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(reader) as file:
        # Of the last line only a part may have come.
        reported = [int(line) for line in file if line.endswith("\n")]
    check(folder, reported)
    shutil.rmtree(folder)
    return len(reported)


def parsed():
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=200, metavar="N", help="kills in all (200)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the moments (0)")
    parser.add_argument(
        "--kinds", nargs="+", choices=KINDS, default=list(KINDS), metavar="KIND", help="only these"
    )
    return parser.parse_args()


def main(options):
    """Run all rounds; stop at the first loss, and leave its folder for a look."""
    chance, reports = random.Random(options.seed), dict.fromkeys(options.kinds, 0)
    for number in range(options.rounds):
        kind = options.kinds[number % len(options.kinds)]
        reports[kind] += run_round(kind, chance)
        if number % 20 == 19:
            print(f"{number + 1} of {options.rounds} kills, nothing lost", flush=True)
    kept = ", ".join(f"{kind} {n}" for kind, n in reports.items())
    print(f"{options.rounds} kills; reported done before them and all there afterwards: {kept}")


# One thread: a process that is forked has only the thread that forked.
torch.set_num_threads(1)
RESNET = backbone.resnet18(size=64)
EXPECTED = features.extract(
    torch.stack([torch.full((3, 64, 64), 4 * i, dtype=torch.uint8) for i in range(64)]),
    RESNET,
    cache=False,
    progress=False,
)

QUIZZES = ["source_quiz", "03_feature_extraction"]
PROGRESS, CLASSES, MARKS, DECKS, LESSONS, MODELS, WRITTEN = [], [], [], [], [], [], {}

if __name__ == "__main__":
    asked = parsed()
    with tempfile.TemporaryDirectory() as place:
        two_contents(Path(place), asked.kinds)
        sys.exit(main(asked))
