"""The two commands for teachers, as a person uses them."""

import pytest

from featlib import quiz


def test_slides_of_one_notebook(run, tmp_path):
    code, out, err = run("slides", "04", "--out", tmp_path / "talk")
    page = tmp_path / "talk" / "04_train_linear_head.slides.html"
    assert (code, out, err) == (0, f"{page}\n", "")
    assert "Train a linear head" in page.read_text(encoding="utf-8")


def test_slides_go_into_a_folder_of_their_own(run, tmp_path):
    assert run("slides", "00")[0] == 0
    assert (tmp_path / "lesson-slides" / "00_start_here.slides.html").is_file()


def test_slides_of_an_unknown_notebook(run, tmp_path):
    code, out, err = run("slides", "99")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "00_start_here" in err
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def results(tmp_path, monkeypatch, run):
    """Return a folder with what two learners exported by the command line."""
    folder = tmp_path / "results"
    folder.mkdir()
    for name, right in (("ada", True), ("ben", False)):
        monkeypatch.setenv("FEATLIB_DATA_DIR", str(tmp_path / name))
        quiz.Progress().add("03_feature_extraction", "identity", 1, right)
        run("progress", "--export", folder / name)
    return folder


def test_class_report_of_what_learners_exported(run, results, tmp_path):
    (results / "notes.json").write_text("{}")
    code, out, err = run("class-report", results, "--out", "monday.html")
    assert (code, err) == (0, "")
    said, page = out.splitlines()
    assert said.startswith("left out notes.json: not written by featlib progress")
    assert page == "monday.html"
    text = (tmp_path / "monday.html").read_text(encoding="utf-8")
    assert '<th scope="row">1</th>' in text
    assert '<th scope="row">2</th>' in text
    assert "ada" not in text
    assert "50 %" in text


def test_class_report_to_a_folder_is_noticed_before_the_work(run, results, monkeypatch):
    work = "featlib.pages.class_report.read"
    monkeypatch.setattr(work, lambda *_: pytest.fail("the work has begun"))
    code, out, err = run("class-report", results, "--out", results)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("featlib class-report: wanted a file for the page at ")
    assert "got a folder there. Name a file in it, such as " in err


def test_class_report_of_an_empty_folder(run, tmp_path):
    (tmp_path / "empty").mkdir()
    code, out, err = run("class-report", "empty")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "progress --export" in err
    assert not (tmp_path / "class-report.html").exists()


def test_class_report_without_a_folder_is_wrong_use(run):
    code, out, err = run("class-report")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "--help" in err


@pytest.mark.parametrize("command", ["slides", "class-report"])
def test_help_says_what_it_does(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert "--out" in out
