"""A row each: a disk that is full or a folder that may only be read, while featlib writes there."""

import contextlib
import logging
import os
from pathlib import Path

import pytest
import torch
from helpers import without_roots_rights

import featlib
from featlib import FeatlibError, features, lesson, quiz
from featlib.pages import class_report, lesson_report, slides
from featlib.scale import shards

NOTEBOOKS = Path(featlib.__file__).parents[1] / "notebooks"
pytestmark = pytest.mark.skipif(os.name != "posix", reason="limits and permissions of Unix")


@contextlib.contextmanager
def full(folder):
    """Let no file grow: a write then fails at the same place as on a full disk."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def read_only(folder):
    """Take the right to write from a folder and what is in it, and from root its own right."""
    places = [folder, *folder.rglob("*")]
    for place in places:
        place.chmod(0o555 if place.is_dir() else 0o444)
    try:
        with without_roots_rights():
            yield
    finally:
        for place in places:
            place.chmod(0o755)


SPOILED = {"full": full, "read-only": read_only}


@pytest.fixture(params=SPOILED)
def spoiled(request):
    return SPOILED[request.param]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


def test_the_folder_of_kept_features(spoiled, folder, pixels, resnet, monkeypatch, caplog):
    monkeypatch.setenv("FEATLIB_CACHE_DIR", str(folder))
    with spoiled(folder), caplog.at_level(logging.WARNING):
        rows = features.extract(pixels, resnet)
    assert "nothing is kept" in caplog.text
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    torch.testing.assert_close(features.extract(pixels, resnet), rows)
    assert features.is_cached(pixels, resnet)


def test_the_file_of_answers(spoiled, folder):
    progress = quiz.Progress(folder / "answers.jsonl")
    for number in range(5):
        progress.add("quiz", f"q{number}", "x", True)
    with spoiled(folder), pytest.raises(OSError, match=r"large|denied"):
        progress.add("quiz", "too much", "x" * 500, True)
    progress.add("quiz", "after", "x", True)
    kept = [answer.question for answer in progress.answers()]
    assert kept == ["q0", "q1", "q2", "q3", "q4", "after"]


def test_the_folder_of_shards(spoiled, folder, picture_folder, resnet):
    out, settings = folder / "out", {"shard_size": 4, "progress": False}
    with spoiled(folder), pytest.raises(FeatlibError, match="repeat, to go on"):
        shards.extract(picture_folder, out, resnet, **settings)
    assert list(out.glob("part*")) == []
    assert shards.extract(picture_folder, out, resnet, **settings).computed == 12


@pytest.fixture(scope="module")
def small_lesson(tmp_path_factory):
    from helpers import make_pictures

    colors = {"red": (200, 40, 40), "blue": (40, 40, 200)}
    return lesson.run(make_pictures(tmp_path_factory.mktemp("own"), colors), progress=False)


@pytest.fixture
def class_answers(tmp_path):
    """Return what a learner has sent."""
    progress = quiz.Progress(tmp_path / "a.jsonl")
    progress.add("03_feature_extraction", "identity", 1, True)
    (tmp_path / "class").mkdir()
    progress.export(tmp_path / "class" / "a.json")
    return class_report.read(tmp_path / "class")


PAGES = {
    "the report of a run": (
        lambda folder, small_lesson, answers: lesson_report.write(small_lesson, folder / "report"),
        "another folder",
    ),
    "slides": (
        lambda folder, small_lesson, answers: slides.export(NOTEBOOKS / "12_review.ipynb", folder),
        "another folder",
    ),
    "the report of a class": (
        lambda folder, small_lesson, answers: class_report.write(answers, folder / "page.html"),
        "Choose another",
    ),
}


@pytest.mark.parametrize("page", PAGES)
def test_the_folder_of(page, spoiled, folder, small_lesson, class_answers):
    write, said = PAGES[page]
    with spoiled(folder), pytest.raises(FeatlibError, match=said):
        write(folder, small_lesson, class_answers)
    write(folder, small_lesson, class_answers)
    assert list(folder.rglob("*.html"))
