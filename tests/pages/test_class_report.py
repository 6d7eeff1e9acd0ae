"""The class report: counted by hand, escaped, and not stopped by a broken file."""

import json
import os
import re
import sys

import pytest

from featlib import FeatlibError, quiz
from featlib.pages import class_report
from featlib.quiz import Answer

NAME, ID = "03_feature_extraction", "identity"


@pytest.fixture
def question():
    found = quiz.load(NAME)
    return next(q for q in found.questions if q.type == "multiple_choice")


def export(folder, name, *answers):
    """Write what a learner would export; an answer is quiz, question, answer, correct, hint."""
    progress = quiz.Progress(folder.parent / f"{name}.jsonl")
    for given in answers:
        progress.add(*given)
    folder.mkdir(exist_ok=True)
    return progress.export(folder / f"{name}.json")


@pytest.fixture
def folder(tmp_path, question):
    """Return the results of three learners: right at once, right in two tries, wrong twice."""
    right = next(i for i, a in enumerate(question.answers) if a["correct"])
    wrong = next(i for i, a in enumerate(question.answers) if not a["correct"])
    folder = tmp_path / "class"
    export(folder, "ada", (NAME, question.id, right, True))
    export(
        folder,
        "ben",
        (NAME, question.id, wrong, False),
        (NAME, question.id, right, True, True),
    )
    export(
        folder,
        "cy",
        (NAME, question.id, wrong, False),
        (NAME, question.id, wrong, False, True),
        ("no_such_quiz", "x", 1, True),
    )
    return folder


def test_difficulty_is_counted_by_learners(folder, question):
    report = class_report.read(folder)
    (found,) = report.difficulties
    assert (found.quiz, found.question, found.learners) == (NAME, question.id, 3)
    assert found.first_try == pytest.approx(1 / 3)
    assert found.solved == pytest.approx(2 / 3)
    assert found.tries == pytest.approx(5 / 3)
    assert found.hint == pytest.approx(2 / 3)


def test_a_wrong_answer_has_its_text_and_names_the_misconception(folder, question):
    (found,) = class_report.read(folder).difficulties
    (wrong,) = found.wrong
    choice = next(a for a in question.answers if not a["correct"])
    assert (wrong.text, wrong.feedback, wrong.learners) == (choice["answer"], choice["feedback"], 2)


def test_who_finished_what(folder, tmp_path):
    found = quiz.load(NAME)
    export(folder, "dora", *((NAME, q.id, 0, True) for q in found.questions))
    report = class_report.read(folder)
    assert [learner.name for learner in report.learners] == ["ada", "ben", "cy", "dora"]
    (only,) = report.quizzes
    words = [report.standing(learner, only).words for learner in report.learners]
    assert words == ["begun", "begun", "begun", "done"]
    page = class_report.write(report, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "✓ 6/6" in page
    assert page.count("1/6") == 2
    assert "0/6" in page


def test_the_hardest_question_comes_first(tmp_path):
    ids = [q.id for q in quiz.load(NAME).questions[:2]]
    folder = tmp_path / "class"
    export(folder, "a", (NAME, ids[0], 0, True), (NAME, ids[1], 0, False))
    assert [d.question for d in class_report.read(folder).difficulties] == ids[::-1]


def test_each_type_of_answer_is_said_in_words(tmp_path):
    types = {}
    for name in quiz.names():
        for q in quiz.load(name).questions:
            types.setdefault(q.type, (name, q))
    given = {
        "multiple_choice": 0,
        "many_choice": [0, 1],
        "numeric": "77",
        "string": "dunno",
        "shape": "1x2",
        "order": [1, 0],
    }
    assert set(types) == set(given)
    folder = tmp_path / "class"
    export(folder, "a", *((n, q.id, given[t], False) for t, (n, q) in types.items()))
    said = {(d.quiz, d.question): d.wrong[0] for d in class_report.read(folder).difficulties}
    for kind, (name, q) in types.items():
        text = said[name, q.id].text
        if kind == "order":
            assert text == f"{q.items[1]} → {q.items[0]}"
        elif kind == "many_choice":
            assert text == f"{q.answers[0]['answer']} + {q.answers[1]['answer']}"
        elif kind == "multiple_choice":
            assert text == q.answers[0]["answer"]
        else:
            assert text == given[kind]


def test_an_answer_that_depends_on_the_own_run_says_so(tmp_path):
    name, asking = next(
        (name, q)
        for name in quiz.names()
        for q in quiz.load(name).questions
        if any("ask" in a for a in q.answers)
    )
    export(tmp_path / "class", "a", (name, asking.id, "0.123", False))
    report = class_report.read(tmp_path / "class")
    assert report.difficulties[0].wrong[0].feedback == ""
    page = class_report.write(report, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "depends on the learner’s own run" in page


def test_everything_is_escaped(tmp_path):
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    asked = ((name, q) for name in quiz.names() for q in quiz.load(name).questions)
    name, asked = next((name, q) for name, q in asked if q.type == "string")
    folder = tmp_path / "class"
    export(folder, "x", (name, asked.id, evil, False))
    (folder / "x.json").rename(folder / "<img src=x onerror=alert(2)>.json")
    (folder / "<b>broken<b>.json").write_text("{'<script>'")
    page = class_report.write(class_report.read(folder), tmp_path / "p.html").read_text()
    assert "<script" not in page
    assert "<img" not in page
    assert "<b>" not in page
    assert page.count("&lt;img") == 2
    assert not re.search(r"(src|href)=\"?http", page)


ANSWER = {"quiz": NAME, "question": ID, "answer": 0, "correct": True, "hint": False, "time": 1.0}
BROKEN = {
    "not JSON": ("{", "no JSON"),
    "empty": ("", "no JSON"),
    "another list": ("[1, 2]", "not written by featlib progress"),
    "another object": ('{"answers": 3}', "not written by featlib progress"),
    "a number as answer": ('{"answers": [3]}', "answer 1: no entry with fields"),
    "a field missing": (json.dumps({"answers": [ANSWER, {"quiz": "x"}]}), "answer 2: 'question'"),
    "a wrong type": (json.dumps({"answers": [ANSWER | {"correct": "yes"}]}), "'correct'"),
    "no number": (json.dumps({"answers": [ANSWER | {"answer": 1e400}]}), "Infinity is no number"),
    "a time far away": (json.dumps({"answers": [ANSWER | {"time": 1e300}]}), "'time' is no time"),
    "half a character": (json.dumps({"answers": [ANSWER | {"answer": "\ud83d"}]}), "half of a"),
    "too deep": ("[" * 100_000, "too many brackets"),
    "binary": (b"\xff\xfe\x00\x01", "not text in UTF-8"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_listed_and_stops_nothing(folder, tmp_path, case):
    content, reason = BROKEN[case]
    content = content if isinstance(content, bytes) else content.encode()
    (folder / "broken.json").write_bytes(content)
    report = class_report.read(folder)
    assert [learner.name for learner in report.learners] == ["ada", "ben", "cy"]
    ((name, said),) = report.refused
    assert name == "broken.json"
    assert reason in said
    page = class_report.write(report, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<code>broken.json</code>" in page


def test_odd_answers_are_shown_and_stop_nothing(tmp_path, question):
    folder = tmp_path / "class"
    odd = [None, 99, -1, True, "x" * 5000, {"a": 1}, [0, "x"], 1e300]
    for number, answer in enumerate(odd):
        export(folder, f"l{number}", (NAME, question.id, answer, False))
    (found,) = class_report.read(folder).difficulties
    assert found.learners == len(odd)
    assert len(found.wrong) == class_report.MOST
    assert all(0 < len(wrong.text) <= class_report.LONGEST for wrong in found.wrong)


def test_a_long_answer_is_cut_and_a_number_that_is_no_choice_is_shown(tmp_path, question):
    folder = tmp_path / "class"
    export(folder, "long", (NAME, question.id, "x" * 5000, False))
    export(folder, "far", (NAME, question.id, 99, False))
    (found,) = class_report.read(folder).difficulties
    assert {wrong.text for wrong in found.wrong} == {"x" * (class_report.LONGEST - 1) + "…", "99"}


@pytest.mark.skipif(sys.platform != "linux", reason="such names exist on Linux alone")
def test_a_name_that_is_no_text_stops_nothing(folder, tmp_path):
    os.rename(folder / "ada.json", os.fsencode(folder) + b"/ad\xff.json")
    page = class_report.write(class_report.read(folder), tmp_path / "page.html")
    assert "ad\\udcff" in page.read_text(encoding="utf-8")


def test_a_folder_without_results_is_an_error(tmp_path):
    with pytest.raises(FeatlibError, match=r"no file .json.*progress --export"):
        class_report.read(tmp_path)
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(FeatlibError, match=r"x\.json: not written by"):
        class_report.read(tmp_path)
    with pytest.raises(FeatlibError, match="nothing there"):
        class_report.read(tmp_path / "none")


def test_a_learner_who_answered_nothing_is_there(tmp_path):
    export(tmp_path / "class", "new")
    report = class_report.read(tmp_path / "class")
    assert report.learners[0].tries(NAME, ID) == []
    page = class_report.write(report, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Nothing was answered yet." in page
    assert "No wrong answer at all." in page


def test_where_the_page_cannot_be_written(folder):
    with pytest.raises(FeatlibError, match="--out"):
        class_report.write(class_report.read(folder), folder / "ada.json" / "page.html")


def test_tries_are_those_of_one_question():
    answers = (Answer(NAME, "a", 0, True, False, 1.0), Answer(NAME, "b", 0, True, False, 2.0))
    assert class_report.Learner("x", answers).tries(NAME, "b") == [answers[1]]
