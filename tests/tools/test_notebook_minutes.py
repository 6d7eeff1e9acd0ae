"""How long a notebook takes is counted from what is in it, by a rule that anyone can follow."""

import json

import notebook_minutes as tool
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, writes

NAVIGATION = "[← 00 Start](00_a.ipynb) · [map](00_a.ipynb#cell-id=00-16)"


def count(*cells):
    return tool.count(new_notebook(cells=list(cells)))


def seconds(code):
    return round(60 * count(new_code_cell(code)).do)


@pytest.mark.parametrize(
    ("markdown", "words"),
    [
        ("One two\nthree", 3),
        ("## A title", 2),
        ("- [two words](https://a.b/c d.html)", 2),
        ("| one | **two** |\n|---|---|\n| 3 | |", 3),
        ("<kbd>Shift</kbd>+<kbd>Enter</kbd>", 2),
        ("said\n\n<details>\n<summary>Hint</summary>\n\nfolded away\n\n</details>", 1),
        (NAVIGATION, 0),
        (f"*About 2 minutes to read, 3 to do.* {NAVIGATION}", 0),
        (f"said\n\n{NAVIGATION}", 1),
    ],
)
def test_words_that_are_read(markdown, words):
    assert count(new_markdown_cell(markdown)).read * tool.WORDS == pytest.approx(words)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("a = 1\n\nb = 2", 2 * tool.CODE_LINE),
        ('guess = featlib.predict_first("03-x")', tool.CODE_LINE + 20),
        ("mine = ...\ngaps.check_tensor(mine)", 2 * tool.CODE_LINE + 180),
        ("checked = {\n    1: challenges.check_loss(loss),\n}", 3 * tool.CODE_LINE),
        ("featlib.show_quiz(quiz.draw(10, seed=0))", tool.CODE_LINE + 10 * tool.QUESTION),
    ],
    ids=["lines", "guess", "gap", "a worked solution", "drawn questions"],
)
def test_seconds_of_what_is_done(code, expected):
    assert seconds(code) == expected


def test_questions_that_are_kept_for_the_review_are_not_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(tool, "QUIZZES", tmp_path)
    questions = [{"id": "a"}, {"id": "b", "review": True}, {"id": "c"}]
    (tmp_path / "01_raw.json").write_text(json.dumps({"questions": questions}))
    expected = 3 * tool.CODE_LINE + 2 * tool.QUESTION
    assert seconds('featlib.show_quiz(\n    "01_raw", values={},\n)') == expected


def test_the_minutes_are_said_in_words():
    assert str(tool.Minutes(0.2, 2.6)) == "*About 1 minute to read, 3 to do.*"
    assert str(tool.Minutes(2.4, 8)) == "*About 2 minutes to read, 8 to do.*"


def notebook(title, *more):
    first = f"# {title}\n\n*About 9 minutes.* {NAVIGATION}"
    cells = [new_markdown_cell(first), *map(new_markdown_cell, more)]
    return writes(new_notebook(cells=cells))


def test_they_are_written_where_learners_look(tmp_path):
    rows = "| 00 a | Why? | 0 | 0 |\n| [01 B](01_b.ipynb) | What? | 0 | 0 |"
    (tmp_path / "00_a.ipynb").write_text(notebook("00 A", f"## The map\n\n{rows}"))
    (tmp_path / "01_b.ipynb").write_text(notebook("01 B", "word " * 3 * tool.WORDS))
    (tmp_path / "README.md").write_text(rows)
    tool.write([], tmp_path)
    assert "*About 3 minutes to read, 1 to do.* [← 00" in (tmp_path / "01_b.ipynb").read_text()
    counted = "| 00 a | Why? | 1 | 1 |\n| [01 B](01_b.ipynb) | What? | 3 | 1 |"
    assert (tmp_path / "README.md").read_text() == counted
    assert json.dumps(counted.splitlines()[1])[1:-1] in (tmp_path / "00_a.ipynb").read_text()


def test_only_the_named_notebooks_are_written(tmp_path):
    for name in ("00_a", "01_b"):
        (tmp_path / f"{name}.ipynb").write_text(notebook(name))
    (tmp_path / "README.md").write_text("")
    tool.write(["01"], tmp_path)
    assert "About 9 minutes." in (tmp_path / "00_a.ipynb").read_text()
    assert "About 1 minute to read" in (tmp_path / "01_b.ipynb").read_text()


def test_the_command_says_all_of_it(capsys):
    assert tool.main([]) == 0
    said = capsys.readouterr().out
    assert "12_review.ipynb" in said
    assert "01 to 06" in said
