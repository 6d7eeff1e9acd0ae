"""The report is one page that stands alone."""

import dataclasses
import json
import os
import re
from html.parser import HTMLParser

import pytest
import torch
from helpers import make_pictures
from torch import nn

from featlib import FeatlibError, lesson, validation
from featlib.pages import lesson_report


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return a run on pictures whose class names would break a careless page."""
    colors = {"<b>red</b>": (200, 30, 30), "blue & green": (30, 120, 200)}
    folder = make_pictures(tmp_path_factory.mktemp("own") / "pictures", colors)
    (folder / "blue & green" / "<script>.png").write_text("no picture")
    return lesson.run(folder, progress=False)


@pytest.fixture(scope="module")
def page(finished, tmp_path_factory):
    return lesson_report.write(finished, tmp_path_factory.mktemp("report"))


class Parser(HTMLParser):
    """Collects the tags of a page."""

    def __init__(self):
        super().__init__()
        self.tags = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def parse(page):
    parser = Parser()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser.tags


def test_the_page_needs_nothing_but_itself(page):
    for tag, attributes in parse(page):
        assert tag not in ("script", "link", "iframe")
        for name in ("src", "href"):
            assert attributes.get(name, "data:").startswith("data:")


def test_every_figure_is_there_with_alternative_text_and_as_a_file(finished, page):
    pictures = [attributes for tag, attributes in parse(page) if tag == "img"]
    figures = lesson_report.figures(finished)
    assert [picture["alt"] for picture in pictures] == [f.alt for f in figures.values()]
    for name in figures:
        assert (page.parent / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_names_from_the_data_are_shown_as_text(page):
    text = page.read_text(encoding="utf-8")
    assert "<b>red</b>" not in text
    assert "&lt;script&gt;.png" in text


def test_it_says_what_the_run_measured(finished, page):
    text = re.sub(r"\s+", " ", page.read_text(encoding="utf-8"))
    assert f"{100 * finished.report.accuracy:.1f}%" in text
    assert str(finished.training.recipe) in text
    for row in finished.training.epochs:
        assert row.observation in text


@pytest.mark.usefixtures("undrawn")
def test_the_one_line_that_the_run_did_not_measure_is_introduced_and_excepted(page):
    text = " ".join(page.read_text().split())
    before, after = text.split("Training loss by epoch")[0], text.split("Training loss by epoch")[1]
    assert "<em>textbook</em> line beside it is of the page that this lesson grew out of" in before
    assert "measured in that run, but for the textbook line." in after


def test_a_second_report_replaces_the_first(finished, page):
    before = sorted(page.parent.iterdir())
    lesson_report.write(finished, page.parent)
    assert sorted(page.parent.iterdir()) == before


@pytest.mark.usefixtures("undrawn")
def test_a_folder_that_cannot_be_written_is_refused(finished, tmp_path):
    (tmp_path / "a file").write_text("in the way")
    with pytest.raises(FeatlibError, match="Choose another folder"):
        lesson_report.write(finished, tmp_path / "a file")
    assert (tmp_path / "a file").read_text() == "in the way"


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("earlier", [True, False])
def test_a_disk_that_fills_up_leaves_the_earlier_report(earlier, finished, tmp_path, monkeypatch):
    """The disk is full at the third file: not even the first two are replaced."""
    folder, calls = tmp_path / "report", []
    folder.mkdir()
    before = {"index.html": b"earlier", "images.png": b"earlier"} if earlier else {}
    for name, content in before.items():
        (folder / name).write_bytes(content)

    def full_at_the_third(descriptor):
        calls.append(descriptor)
        if len(calls) > 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("featlib.engine.files.os.fsync", full_at_the_third)
    with pytest.raises(FeatlibError) as error:
        lesson_report.write(finished, folder)
    assert "\n" not in str(error.value)
    assert "No space left" in str(error.value)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.usefixtures("undrawn")
def test_a_folder_in_the_place_of_a_figure_leaves_the_earlier_report(finished, tmp_path):
    (tmp_path / "mistakes.png").mkdir()
    (tmp_path / "index.html").write_text("earlier")
    with pytest.raises(FeatlibError, match=r"a folder is there.*another folder"):
        lesson_report.write(finished, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.html", "mistakes.png"]
    assert (tmp_path / "index.html").read_text() == "earlier"


@pytest.mark.usefixtures("undrawn")
def test_the_page_comes_last(finished, tmp_path, monkeypatch):
    written = []
    replace = os.replace

    def note(temporary, path):
        written.append(path.name)
        replace(temporary, path)

    monkeypatch.setattr("featlib.engine.files.os.replace", note)
    lesson_report.write(finished, tmp_path)
    figures = [f"{name}.png" for name in lesson_report.figures(finished)]
    assert written == [*figures, "report.json", "index.html"]


@pytest.mark.usefixtures("undrawn")
def test_all_numbers_are_beside_the_page(finished, page):
    facts = json.loads((page.parent / "report.json").read_text(encoding="utf-8"))
    assert facts == json.loads(json.dumps(finished.to_dict()))


def test_the_most_frequent_mistakes_come_first(finished, page):
    assert "the most frequent mistakes" not in page.read_text(encoding="utf-8").lower()
    head, rows = nn.Identity(), torch.eye(3)[[1, 1, 2, 0, 2]] * 9
    report = validation.evaluate(head, rows, torch.tensor([0, 0, 0, 0, 2]), ["a", "b", "c"])
    table = lesson_report._confused_pairs(dataclasses.replace(finished, report=report))
    assert table.rows == (("a", "b", "2"), ("a", "c", "1"))


ODD_FOLDERS = {
    "none": (None, "Pass its path as text"),
    "a number": (3, "Pass its path as text"),
    "a NUL": ("re\0port", "null"),
    "nobody's home": ("~nobody-of-that-name/report", "home"),
}


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("case", ODD_FOLDERS)
def test_an_odd_folder_is_refused_in_words(finished, case):
    folder, said = ODD_FOLDERS[case]
    with pytest.raises(FeatlibError, match=said):
        lesson_report.write(finished, folder)
