"""A row each: answers that are odd, and files of answers that are damaged."""

import csv
import json

import pytest

from featlib import quiz
from featlib.quiz import Progress, flashcards


@pytest.fixture
def progress(tmp_path):
    return Progress(tmp_path / "answers.jsonl")


DAMAGE = {
    "a cut-off last line": b'{"quiz": "03", "question": "sha',
    "a last line without its end": b'{"reset": "04", "time": 1.0}',
    "zeros": b"\0" * 50 + b"\n",
    "no UTF-8": b"\xff\xfe\n",
    "JSON of another kind": b"[1, 2]\n",
    "a word": b'"reset"\n',
    "an unknown field": b'{"quiz": "x", "mood": "fine"}\n',
    "an unknown rating": b'{"card": "x", "rating": "great", "time": 1.0}\n',
    "deep nesting": b"[" * 100_000 + b"\n",
    "a time in words": b'{"card": "x", "rating": "good", "time": "soon"}\n',
    "a time beyond the calendar": b'{"card": "x", "rating": "good", "time": 1e300}\n',
    "a time that is no number": b'{"card": "x", "rating": "good", "time": NaN}\n',
    "a list as card": b'{"card": ["x"], "rating": "good", "time": 1}\n',
    "a list as rating": b'{"card": "x", "rating": ["good"], "time": 1}\n',
    "an object as question": b'{"quiz": "03", "question": {}, "answer": 1, "correct": true, '
    b'"hint": false, "time": 1}\n',
    "a word as verdict": b'{"quiz": "03", "question": "q", "answer": 1, "correct": "yes", '
    b'"hint": false, "time": 1}\n',
    "an infinite answer": b'{"quiz": "03", "question": "q", "answer": 1e999, "correct": true, '
    b'"hint": false, "time": 1}\n',
    "an infinite answer and a cut-off line": b'{"quiz": "03", "question": "q", "answer": [-1e999], '
    b'"correct": true, "hint": false, "time": 1}\n{"quiz"',
    "an infinite reset": b'{"reset": 1e999, "time": 1}\n',
    "a number of 400 digits": b'{"quiz": "03", "question": "q", "answer": 1' + b"0" * 400 + b", "
    b'"correct": true, "hint": false, "time": 1}\n',
    "an answer too deep to be exported": b'{"quiz": "03", "question": "q", "answer": '
    + b"[" * 500
    + b"]" * 500
    + b', "correct": true, "hint": false, "time": 1}\n',
    "half a character": b'{"quiz": "03", "question": "q", "answer": "\\ud83d", "correct": true, '
    b'"hint": false, "time": 1}\n',
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_file_is_set_aside_and_what_is_whole_goes_on(progress, case, caplog):
    progress.add("03", "shape", "before", True)
    damaged = progress.path.read_bytes() + DAMAGE[case]
    progress.path.write_bytes(damaged)
    assert [answer.answer for answer in progress.answers()] == ["before"]
    (aside,) = progress.path.parent.glob("answers-damaged-*.jsonl")
    assert aside.read_bytes() == damaged
    assert aside.name in caplog.text
    progress.add("03", "shape", "after", True)
    assert [answer.answer for answer in progress.answers()] == ["before", "after"]
    assert len(list(progress.path.parent.glob("answers-damaged-*"))) == 1
    flashcards.schedule(progress.reviews())
    assert len(progress.summary()) == 1
    progress.export(progress.path.with_name("ada.csv"))
    progress.export(progress.path.with_name("ada.json"))
    progress.reset()
    assert progress.answers() == []


@pytest.mark.parametrize("answer", ["", "x" * 10_000, "صورة", "a\u2028b", "\0", [0, 2], None, 3])
def test_any_answer_comes_back_as_it_was(progress, answer):
    progress.add("03", "odd", answer, False)
    assert progress.answers()[0].answer == answer
    assert not list(progress.path.parent.glob("*damaged*"))


def test_half_a_character_is_kept_as_a_question_mark(progress, tmp_path):
    """JavaScript lets one type it; no file can hold it."""
    progress.add("03", "odd", "cat \ud83d", False)
    assert progress.answers()[0].answer == "cat ?"
    assert "cat ?" in progress.export(tmp_path / "p.csv").read_text("utf-8")
    assert "cat ?" in progress.export(tmp_path / "p.json").read_text("utf-8")


def test_a_number_that_no_json_can_hold_is_refused_before_anything_is_written(progress):
    progress.add("03", "odd", 1.0, True)
    with pytest.raises(ValueError, match="JSON"):
        progress.add("03", "odd", float("inf"), False)
    assert len(progress.answers()) == 1


FORMULAS = [
    '=HYPERLINK("https://example.org")', "+1+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1",
    "＝1+1", "＠SUM(A1)", " =1", "\u200b=1", "\ufeff+1",
]  # fmt: skip


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_answer_becomes_a_formula_in_a_spreadsheet(formula, progress, tmp_path):
    progress.add("03", "odd", formula, False)
    with open(progress.export(tmp_path / "p.csv"), encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["answer"][0] == "'"
    assert row["answer"].replace("'", "") == formula
    everything = json.loads(progress.export(tmp_path / "p.json").read_text("utf-8"))
    assert everything["answers"][0]["answer"] == formula


@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)", " -1"])
def test_no_name_of_a_quiz_or_question_becomes_a_formula(name, progress, tmp_path):
    progress.add(name, name, [name], False)
    with open(progress.export(tmp_path / "p.csv"), encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["quiz"] == row["question"] == f"'{name}"


def test_a_number_stays_a_number_in_a_spreadsheet(progress, tmp_path):
    progress.add("03", "odd", -1, False)
    with open(progress.export(tmp_path / "p.csv"), encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["answer"] == "-1"


def test_progress_of_a_damaged_file_is_shown(progress):
    progress.path.write_bytes(b"\xff" * 100)
    assert "What are the 512 numbers?" in repr(quiz.progress_table(progress))
