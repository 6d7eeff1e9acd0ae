"""The class report: counted by hand, escaped, and not stopped by a broken file."""

import base64
import gc
import hashlib
import json
import os
import random
import re
import shutil
import socket
import statistics
import sys
import time

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
    n = len(found.questions)
    assert f"✓ {n}/{n}" in page
    assert page.count(f"1/{n}") == 2
    assert f"0/{n}" in page


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
    for learner in "abc":
        export(folder, learner, *((n, q.id, given[t], False) for t, (n, q) in types.items()))
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
    for learner in "abc":
        export(tmp_path / "class", learner, (name, asking.id, "0.123", False))
    report = class_report.read(tmp_path / "class")
    assert report.difficulties[0].wrong[0].feedback == ""
    page = class_report.write(report, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "depends on the learner’s own run" in page


def test_everything_is_escaped(tmp_path):
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    asked = ((name, q) for name in quiz.names() for q in quiz.load(name).questions)
    name, asked = next((name, q) for name, q in asked if q.type == "string")
    folder = tmp_path / "class"
    for learner in "xyz":
        export(folder, learner, (name, asked.id, evil, False))
    export(folder, "empty").rename(folder / "<img src=x onerror=alert(2)>.json")
    (folder / "<b>broken<b>.json").write_text("{'<script>'")
    page = class_report.write(class_report.read(folder), tmp_path / "p.html").read_text()
    assert page.count("<script") == 1  # ours
    assert "<img" not in page
    assert "<b>" not in page
    assert page.count("&lt;img") >= 2
    assert not re.search(r"(src|href)=\"?http", page)


ANSWER = {"quiz": NAME, "question": ID, "answer": 0, "correct": True, "hint": False, "time": 1.0}
BROKEN = {
    "not JSON": ("{", "no JSON"),
    "empty": ("", "an empty file"),
    "blank": (" \n", "an empty file"),
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
    "UTF-16": ('{"answers": []}'.encode("utf-16"), "not text in UTF-8"),
    "nulls": (b"\0" * 100, "no JSON"),
    "too large": (b" " * (class_report.LARGEST + 1), "larger than 2 MB"),
    "a number of many digits": ('{"answers": [' + "9" * 5000 + "]}", "digits"),
    "what a terminal obeys": (
        json.dumps({"answers": [ANSWER | {"\x1b]0;gone\x07": 1}]}),
        r"'\x1b]0;gone\x07' is unknown",
    ),
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
    assert [(wrong.text, wrong.learners) for wrong in found.wrong] == [
        (class_report.ANOTHER, len(odd))
    ]


def test_a_long_answer_is_cut_and_a_number_that_is_no_choice_is_shown(tmp_path, question):
    folder = tmp_path / "class"
    for number in range(3):
        export(folder, f"long{number}", (NAME, question.id, "x" * 5000, False))
        export(folder, f"far{number}", (NAME, question.id, 99, False))
    (found,) = class_report.read(folder).difficulties
    assert {wrong.text for wrong in found.wrong} == {"x" * (class_report.LONGEST - 1) + "…", "99"}


@pytest.mark.skipif(sys.platform != "linux", reason="such names exist on Linux alone")
def test_a_name_that_is_no_text_stops_nothing(folder, tmp_path):
    os.rename(folder / "ada.json", os.fsencode(folder) + b"/ad\xff.json")
    report = class_report.read(folder)
    assert "ad\\udcff" in [learner.name for learner in report.learners]
    class_report.write(report, tmp_path / "page.html")


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
    assert report.learners[0].tries == {}
    page = class_report.write(report, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Nothing was answered yet." in page
    assert "No wrong answer at all." in page


def test_where_the_page_cannot_be_written(folder):
    report = class_report.read(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for path, said in (
        (folder / "ada.json" / "page.html", "another folder"),
        (folder, r"a folder there.*page\.html"),
        ("", "as text"),
        (None, "as text"),
        ("a\0b", "null"),
    ):
        with pytest.raises(FeatlibError, match=said):
            class_report.write(report, path)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_tries_are_those_of_one_question():
    answers = tuple(Answer(NAME, "same", 0, True, False, 1.0, key) for key in ("a", "b", "b"))
    assert class_report.Learner("x", answers).tries == {"a": [answers[0]], "b": [*answers[1:]]}


# What is shown of whom


def test_no_name_is_on_the_page_but_those_of_files_with_a_fault(folder, tmp_path):
    export(folder, "zoe")
    (folder / "notes.json").write_text("{}")
    report = class_report.read(folder)
    page = class_report.write(report, tmp_path / "page.html").read_text(encoding="utf-8")
    words = set(re.findall(r"\w+", page))
    assert not words & {"ada", "ben", "cy"}
    assert {"zoe", "notes"} <= words
    assert report.empty == ("zoe.json",)


def test_learners_have_numbers_in_no_order_of_their_names(tmp_path, question):
    names = [f"learner{number:02}" for number in range(20)]
    for name in names:
        export(tmp_path / "class", name, (NAME, question.id, 0, True))
    learners = class_report.read(tmp_path / "class").learners
    numbers = [learner.number for learner in learners]
    assert [learner.name for learner in learners] == names
    assert sorted(numbers) == [*range(1, 21)]
    assert numbers not in (sorted(numbers), sorted(numbers)[::-1])
    again = class_report.read(tmp_path / "class").learners
    assert [learner.number for learner in again] == numbers


@pytest.mark.parametrize("learners", [2, 3])
def test_what_was_typed_is_shown_only_of_three(tmp_path, learners):
    name, asked = next(
        (n, q) for n in quiz.names() for q in quiz.load(n).questions if q.type == "numeric"
    )
    folder = tmp_path / "class"
    for number in range(learners):
        export(folder, f"l{number}", (name, asked.id, "98765", False))
    report = class_report.read(folder)
    page = class_report.write(report, tmp_path / "page.html").read_text(encoding="utf-8")
    (wrong,) = report.difficulties[0].wrong
    assert wrong.learners == learners
    assert wrong.text == ("98765" if learners == 3 else class_report.ANOTHER)
    assert ("98765" in page) == (learners == 3)


def test_a_learner_counts_once_in_another_answer(tmp_path, question):
    folder = tmp_path / "class"
    typed = [(NAME, question.id, text, False) for text in ("one", "two", "three")]
    export(folder, "a", *typed)
    export(folder, "b", typed[0])
    (found,) = class_report.read(folder).difficulties
    assert [(wrong.text, wrong.learners) for wrong in found.wrong] == [(class_report.ANOTHER, 2)]


@pytest.mark.parametrize("learners", [2, 3])
def test_what_the_room_guessed_is_shown_of_three(tmp_path, learners):
    asked = next(q for q in quiz.load_guesses().values() if q.kind == "slider")
    folder = tmp_path / "class"
    folder.mkdir()
    for number in range(learners):
        progress = quiz.Progress(tmp_path / f"{number}.jsonl")
        progress.add_guess(asked, asked.low, asked.high)
        progress.export(folder / f"{number}.json")
    report = class_report.read(folder)
    (spread,) = report.guesses
    page = class_report.write(report, tmp_path / "page.html").read_text(encoding="utf-8")
    assert spread.learners == learners
    assert (spread.told(3) in page) == (learners == 3)
    assert ("fewer than three</td>" in page) == (learners == 2)


OWN = {
    "title": "Ask Zelda", "name": "quiz-of-zelda", "objectives": {},
    "questions": [
        {"id": "zelda-id", "type": "multiple_choice", "text": "Call Zelda?",
         "answers": [{"answer": "Zelda, yes", "correct": True, "feedback": "Zelda waits."},
                     {"answer": "Zelda, no", "correct": False, "feedback": "Zelda weeps."}]},
    ],
}  # fmt: skip


@pytest.mark.parametrize("learners", [2, 3])
def test_questions_of_ones_own_are_shown_only_of_three(tmp_path, learners):
    """Their texts and names come from the learners' files, as what they typed does."""
    own, folder = quiz.Quiz.from_dict(OWN), tmp_path / "class"
    asked = quiz.GuessQuestion("zelda-guess", "slider", "How old is Zelda?", "of-zelda")
    folder.mkdir()
    for number in range(learners):
        progress = quiz.Progress(tmp_path / f"{number}.jsonl")
        progress.add(own.name, own.questions[0], 1, False)
        progress.add_guess(asked, 0.5)
        progress.export(folder / f"{number}.json")
    report = class_report.read(folder)
    page = class_report.write(report, tmp_path / "page.html").read_text(encoding="utf-8")
    shown = {word for word in ("Zelda, no", "weeps", "quiz-of-zelda", "How old") if word in page}
    assert bool(shown) == ("elda" in page) == (learners == 3)
    assert len(shown) in (0, 4)
    assert ("1 question of other quizzes" in page) == (learners == 2)
    assert [learner.stuck for learner in report.learners] == [1] * learners


def test_the_name_of_a_quiz_is_the_one_that_enough_learners_have(tmp_path):
    own, folder = quiz.Quiz.from_dict(OWN | {"name": "ours"}), tmp_path / "class"
    for learner, name in zip("abcd", ("ours", "ours", "ours", "of-dora"), strict=True):
        export(folder, learner, (name, own.questions[0], 1, False))
    (found,) = class_report.read(folder).quizzes
    assert found.name == "ours"


@pytest.mark.parametrize("learners", [3, 4, 5, 7, 8, 9])
def test_no_single_guess_can_be_read_from_what_the_room_guessed(tmp_path, learners):
    """Of fewer than eight, the ends and the middle of the middle half are guesses of somebody."""
    slider, choice = (
        next(q for q in quiz.load_guesses().values() if q.kind == kind)
        for kind in ("slider", "choice")
    )
    (folder := tmp_path / "class").mkdir()
    values = [17, 33, 46, 53, 59, 71, 87, 103, 113][:learners]
    for number, value in enumerate(values):
        progress = quiz.Progress(tmp_path / f"{number}.jsonl")
        progress.add_guess(slider, value)
        progress.add_guess(choice, choice.labels[number // (learners - 1)])
        progress.export(folder / f"{number}.json")
    report = class_report.read(folder)
    numbers, labels = [report.guessed(spread) for spread in report.guesses]
    told = [float(number) for number in re.findall(r"[\d.]*\d", numbers)]
    assert not {*values, statistics.median(values), statistics.mean(values)} & {*told}
    assert len(told) == (2 if learners >= 8 else 1)
    if learners < 8:
        assert told == [learners]
    else:
        assert all(end % 12 == 0 for end in told)  # a tenth of the scale
    first = f"{choice.labels[0]} {learners - 1}, " if learners > 3 else ""
    assert labels == f"Guessed: {first}another answer {1 if first else learners}."


def test_numbers_cannot_be_worked_out_from_names_and_are_dealt_anew(tmp_path, question):
    names = [f"learner{number:02}" for number in range(20)]
    dealt = []
    for given in (0, 1):
        folder = tmp_path / f"class{given}"
        for name in names:
            export(folder, f"{name}", (NAME, question.id, given, False))
            (tmp_path / f"{name}.jsonl").unlink()
        dealt.append([learner.number for learner in class_report.read(folder).learners])
    assert dealt[0] != dealt[1]


COPIES = {
    "a browser's": (["ada", "ada (1)", "ada (2)"], 1),
    "one of Windows": (["ada", "ada - Copy"], 1),
    "without the first": (["ada (1)", "ada (2)"], 1),
    "other learners": (["ada", "ada1", "ada-2"], 3),
}


@pytest.mark.parametrize("case", COPIES)
def test_files_of_one_learner_count_once(tmp_path, case):
    """Else who hands in three times would be the three of whom it takes to show an answer."""
    names, learners = COPIES[case]
    name, asked = next(
        (n, q) for n in quiz.names() for q in quiz.load(n).questions if q.type == "numeric"
    )
    (folder := tmp_path / "class").mkdir()
    progress = quiz.Progress(tmp_path / "theirs.jsonl")
    for file in names:
        progress.add(name, asked.id, "98765", False)
        progress.export(folder / f"{file}.json")
    report = class_report.read(folder)
    assert len(report.learners) == learners
    assert report.refused == ()
    assert report.difficulties[0].learners == learners
    last = [f"{file}.json" for file in names[-learners:]]
    assert sorted(learner.file for learner in report.learners) == sorted(last)
    assert {*report.earlier} == {f"{file}.json" for file in names} - {*last}
    if learners == 1:
        assert len(report.learners[0].answers) == len(names)
        assert (report.learners[0].name == "ada") == ("ada" in names)
    page = class_report.write(report, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "ada" not in re.findall(r"\w+", page)
    n = len(report.earlier)
    assert (f"{n} earlier export{'' if n == 1 else 's'} of the same learner" in page) == bool(n)


def slider():
    return next(q for q in quiz.load_guesses().values() if q.kind == "slider")


def guess(folder, name, value, *answers):
    """Export a guess, then answers as `export` takes them."""
    quiz.Progress(folder.parent / f"{name}.jsonl").add_guess(slider(), value)
    return export(folder, name, *answers)


def test_learners_who_only_guessed_stay_as_many_as_they_are(tmp_path, question):
    """Also beside one who answered, in files that a share has named."""
    folder = tmp_path / "class"
    for name, value in (("answers", 24), ("answers (1)", 60), ("answers (2)", 96)):
        guess(folder, name, value)
    guess(folder, "answers (3)", 90, (NAME, question.id, 0, True))
    report = class_report.read(folder)
    assert (len(report.learners), report.earlier) == (4, ())
    assert report.guesses[0].numbers == (24, 60, 90, 96)


def whole_days(data):
    for entry in data["answers"]:
        del entry["mark"]


def another_time(data):
    data["answers"][0]["mark"] = 0.25


DIFFER = {
    "the time of an answer": another_time,
    "no marks, and days which anybody may share": whole_days,
    "another guess": lambda data: data["guesses"][0].update(value=77),
    "a guess of another time": lambda data: data["guesses"][0].update(mark=0.5),
    "no guess": lambda data: data["guesses"].clear(),
    "another variant": lambda data: data.update(variant="otter"),
}


@pytest.mark.parametrize("case", [None, *DIFFER])
def test_an_earlier_export_is_one_that_agrees_in_all(tmp_path, question, case):
    folder = tmp_path / "class"
    early = guess(folder, "ada", 24, (NAME, question.id, 0, True))
    late = json.loads(early.read_text())
    if case:
        DIFFER[case](late)
    if case == "no marks, and days which anybody may share":
        early.write_text(json.dumps(late))
    (folder / "ada (1).json").write_text(json.dumps(late))
    report = class_report.read(folder)
    assert len(report.learners) == (2 if case and case != "no guess" else 1)


@pytest.mark.parametrize("first", ["ada", "ada (1)"])
def test_an_export_of_more_guesses_is_the_later_one(tmp_path, question, first):
    folder = tmp_path / "class"
    early = export(folder, "theirs", (NAME, question.id, 0, True))
    early.rename(folder / f"{first}.json")
    progress = quiz.Progress(tmp_path / "theirs.jsonl")
    progress.add_guess(slider(), 24)
    other = "ada (1)" if first == "ada" else "ada"
    progress.export(folder / f"{other}.json")
    report = class_report.read(folder)
    assert report.earlier == (f"{first}.json",)
    assert [(of.name, of.file) for of in report.learners] == [("ada", f"{other}.json")]


@pytest.mark.parametrize("lengths", [(1, 1, 1), (10, 11, 12)], ids=["copies", "goes on"])
def test_what_one_learner_typed_and_guessed_in_three_files_is_not_shown(tmp_path, lengths):
    """Whatever the files are called: people are counted, and no files."""
    (folder := tmp_path / "class").mkdir()
    lesson = next(
        (n, q.id) for n in quiz.names() for q in quiz.load(n).questions if q.type == "numeric"
    )
    own = quiz.Quiz.from_dict(OWN)

    def hand_in(progress, name, tries):
        for _ in range(tries):
            progress.add(*lesson, "98765", False)
            progress.add(own.name, own.questions[0], 1, False)
        return progress.export(folder / f"{name}.json")

    ada = quiz.Progress(tmp_path / "ada.jsonl")
    ada.add_guess(slider(), 60)
    before = 0
    for name, length in zip(("monday", "ada", "copy of ada"), lengths, strict=True):
        hand_in(ada, name, length - before)
        before = length
    report = class_report.read(folder)
    page = class_report.write(report, tmp_path / "page.html").read_text(encoding="utf-8")
    assert (len(report.learners), report.earlier) == (3, ())  # who knows what the names mean
    assert (report.guesses[0].learners, report.hidden) == (1, 1)
    assert "98765" not in page
    assert "elda" not in page
    for name in ("ben", "cy"):
        other = quiz.Progress(tmp_path / f"{name}.jsonl")
        other.add_guess(slider(), 60)
        hand_in(other, name, 1)
    report = class_report.read(folder)
    page = class_report.write(report, tmp_path / "page.html").read_text(encoding="utf-8")
    assert (report.guesses[0].learners, report.hidden) == (3, 0)
    assert "98765" in page
    assert "elda" in page


def test_a_copied_guess_is_one_persons(tmp_path):
    file = guess(tmp_path / "class", "anna", 60)
    for name in ("anna_final", "anna_v2"):
        shutil.copy(file, file.with_name(f"{name}.json"))
    report = class_report.read(file.parent)
    assert [report.guessed(spread) for spread in report.guesses] == ["fewer than three"]


@pytest.mark.skipif(os.name != "posix", reason="Windows lets not everybody make links")
def test_no_path_of_the_instructors_is_on_the_page(folder, tmp_path):
    (folder / "dangling.json").symlink_to(tmp_path / "nowhere.json")
    report = class_report.read(folder)
    assert report.refused == (("dangling.json", "No such file or directory"),)


def test_two_learners_of_one_name_stay_two(tmp_path, question):
    folder = tmp_path / "class"
    export(folder, "ada", (NAME, question.id, 0, False))
    export(folder, "ada (1)", (NAME, question.id, 1, False))
    export(folder, "ada (2)")
    report = class_report.read(folder)
    assert [learner.name for learner in report.learners] == ["ada", "ada (1)", "ada (2)"]
    assert report.empty == ("ada (2).json",)


def test_damaged_guesses_are_named(folder):
    data = json.loads((folder / "ada.json").read_text())
    (folder / "ada.json").write_text(json.dumps(data | {"guesses": 3}))
    ((name, why),) = class_report.read(folder).refused
    assert (name, why) == ("ada.json", "'guesses' is of the wrong type")


def test_of_times_there_are_only_days(folder, tmp_path):
    entry = ANSWER | {"time": 86_400 * 20_000 + 12_345.678}
    (folder / "old.json").write_text(json.dumps({"answers": [entry]}))
    far = ANSWER | {"time": 253_402_300_799.0}
    (folder / "late.json").write_text(json.dumps({"answers": [far]}))
    report = class_report.read(folder)
    assert [day.isoformat() for day in report.days] == ["2024-10-04", "9999-12-31"]
    assert all(a.time % 86_400 == 0 for learner in report.learners for a in learner.answers)
    page = class_report.write(report, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "from 2024-10-04 to 9999-12-31" in page
    assert not re.search(r"\d\d:\d\d", page)


# What the tables say


def test_who_is_stuck_comes_first(folder):
    report = class_report.read(folder)
    stuck = [(learner.name, learner.stuck, learner.right) for learner in report.stuck_first]
    assert stuck[0] == ("cy", 1, 1)
    assert {name for name, *_ in stuck[1:]} == {"ada", "ben"}
    assert [learner.stuck for learner in report.stuck_first] == [1, 0, 0]


def test_gaps_are_counted_by_learners_and_the_least_known_come_first(tmp_path):
    found = quiz.load(NAME)
    known, gap = list(found.objectives)[:2]
    folder = tmp_path / "class"
    for learner in "ab":
        answers = [
            (NAME, q, 0, q.objective == known) for q in found.pool if q.objective in (known, gap)
        ]
        export(folder, learner, *answers)
    first, second = class_report.read(folder).gaps
    assert (first.text, first.learners, first.mastered, first.shaky) == (
        found.objectives[gap], 2, 0, 2
    )  # fmt: skip
    assert (second.text, second.learners) == (found.objectives[known], 2)
    assert first.known < 0.5 < second.known


def test_totals_by_quiz(folder):
    (part,) = class_report.read(folder).parts
    assert (part.quiz.name, part.begun, part.done) == (NAME, 3, 0)
    assert part.first_try == pytest.approx(1 / 3)
    assert part.hardest.learners == 3


def test_misconceptions_come_from_the_whole_class(folder, question):
    ((difficulty, wrong),) = class_report.read(folder).misconceptions
    assert (difficulty.key, wrong.learners) == (question.key, 2)
    assert wrong.feedback


def test_each_link_leads_to_a_place_on_the_page(folder, tmp_path):
    page = class_report.write(class_report.read(folder), tmp_path / "page.html")
    text = page.read_text(encoding="utf-8")
    links, places = re.findall(r'href="#([^"]+)"', text), re.findall(r' id="([^"]+)"', text)
    assert set(links) <= set(places)
    assert len(places) == len(set(places))
    assert {place.split("-")[0] for place in links} == {"q", "quiz", "wrong"}


def test_only_our_script_may_run(folder, tmp_path):
    page = class_report.write(class_report.read(folder), tmp_path / "page.html")
    text = page.read_text(encoding="utf-8")
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in text


# Files that are no exports


of_unix = pytest.mark.skipif(os.name != "posix", reason="pipes, devices and links of Unix")


@of_unix
def test_what_is_no_regular_file_is_named_and_not_opened(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    os.mkfifo("pipe.json")
    os.mkdir("folder.json")
    os.symlink("/dev/zero", "zeros.json")
    os.symlink("nowhere", "broken.json")
    os.symlink("loop.json", "loop.json")
    os.symlink("ada.json", "link.json")
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind("socket.json")
        report = class_report.read(folder)
    assert [learner.name for learner in report.learners] == ["ada", "ben", "cy", "link"]
    said = dict(report.refused)
    kinds = ("pipe", "folder", "socket")
    assert {said[f"{kind}.json"] for kind in kinds} == {f"a {kind}, no file" for kind in kinds}
    assert said["zeros.json"] == "a device, no file"
    assert said.keys() == {*(f"{kind}.json" for kind in kinds), "zeros.json", "broken.json",
                           "loop.json"}  # fmt: skip
    page = class_report.write(report, tmp_path / "page.html").read_text(encoding="utf-8")
    assert all(f"<code>{name}</code>: " in page for name in said)


def test_a_csv_alone_is_named_with_what_is_missing_and_never_read(folder):
    (folder / "ada.csv").write_bytes(b"beside its JSON")
    for name, content in (("dora.csv", b"\0\0"), ("eve.CSV", "\ufeff=1;2".encode("utf-16"))):
        (folder / name).write_bytes(content)
    refused = dict(class_report.read(folder).refused)
    assert refused.keys() == {"dora.csv", "eve.CSV"}
    assert "'dora.json'" in refused["dora.csv"]


def test_an_ending_in_capitals_is_read(folder):
    (folder / "ada.json").rename(folder / "ada.JSON")
    assert "ada" in [learner.name for learner in class_report.read(folder).learners]


@pytest.mark.skipif(sys.platform != "linux", reason="such names exist on Linux alone")
@pytest.mark.parametrize("content", [None, b"{"], ids=["an export", "no export"])
def test_what_a_terminal_obeys_reaches_neither_terminal_nor_page(folder, tmp_path, content):
    evil = b"/\x1b]0;gone\x07\xff\xe2\x80\xae.json"
    os.rename(folder / "ada.json", os.fsencode(folder) + evil)
    if content:
        (folder / os.fsdecode(evil[1:])).write_bytes(content)
    asked = next(q for n in quiz.names() for q in quiz.load(n).questions if q.type == "string")
    name = next(n for n in quiz.names() if asked in quiz.load(n).questions)
    for learner in ("ben", "cy", "dora"):
        export(folder, learner, (name, asked.id, "\x1b[31mred\u202e\0\n", False))
    report = class_report.read(folder)
    page = class_report.write(report, tmp_path / "page.html").read_text(encoding="utf-8")
    shown = [page, *(learner.name for learner in report.learners), *map(str, report.refused)]
    assert not any(sign in text for text in shown for sign in "\x1b\x07\u202e\0\udcff")
    assert any(r"\x1b]0;gone\x07\udcff\u202e" in text for text in shown)
    assert r"\x1b[31mred\u202e\x00\n" in page


def test_an_answer_of_any_depth_is_shown(tmp_path, question):
    """What can just be read must not be too deep to be written again."""
    folder = tmp_path / "class"
    folder.mkdir()
    depths = [*range(1, 120), *range(900, 1000, 10)]
    for depth in depths:
        entry = json.dumps(ANSWER | {"question": question.id, "correct": False, "answer": "HERE"})
        deep = entry.replace('"HERE"', "[" * depth + r'"\ud83d\ude00"' + "]" * depth)
        (folder / f"{depth}.json").write_text(f'{{"answers": [{entry}, {deep}]}}')
    report = class_report.read(folder)
    assert len(report.learners) + len(report.refused) == len(depths)
    assert len(report.learners) >= 10
    class_report.write(report, tmp_path / "page.html")


def test_answers_without_end_are_said_briefly(tmp_path):
    name, asked = next(
        (n, q) for n in quiz.names() for q in quiz.load(n).questions if q.type == "many_choice"
    )
    export(tmp_path / "class", "a", (name, asked.id, [0] * 100_000, False))
    (found,) = class_report.read(tmp_path / "class").difficulties
    assert len(found.wrong[0].text) <= class_report.LONGEST


def test_an_export_without_answers_is_named(folder, tmp_path):
    export(folder, "<b>zoe")
    report = class_report.read(folder)
    page = class_report.write(report, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "No answer in 1 export:</strong> &lt;b&gt;zoe" in page
    (folder / "<b>zoe.json").unlink()
    page = class_report.write(class_report.read(folder), tmp_path / "page.html")
    assert "No answer in" not in page.read_text(encoding="utf-8")


# Many files, and large ones


def class_of(folder, n, tries):
    """Write the exports of n learners, each with a number of wrong answers."""
    folder.mkdir()
    for number in range(n):
        answers = [ANSWER | {"answer": f"{number} {i}", "correct": False} for i in range(tries)]
        (folder / f"{number}.json").write_text(json.dumps({"answers": answers}))
    return folder


def seconds(folder):
    """Measure a report alone: the garbage of all tests before would be looked through with it."""
    gc.disable()
    try:
        before = time.process_time()
        class_report.write(class_report.read(folder, progress=False), folder / "page.html")
        return time.process_time() - before
    finally:
        gc.enable()


def test_four_times_the_learners_take_about_four_times_as_long(tmp_path):
    seconds(class_of(tmp_path / "first", 1, 1))  # loads the templates
    few, many = class_of(tmp_path / "few", 300, 2), class_of(tmp_path / "many", 1200, 2)
    # The best of three: what another process takes of the processor's cache is no fault of ours.
    short, long = (min(seconds(folder) for _ in range(3)) for folder in (few, many))
    assert long < 8 * max(short, 0.05)


def test_many_files_of_one_name_take_seconds(tmp_path):
    """A share names them so, whoever they are of; each has guesses, which take long to read."""
    (folder := tmp_path / "class").mkdir()
    data = json.loads(_all_guesses(tmp_path).read_text())
    for number in range(300):
        answers = [ANSWER | {"time": i + number / 1000} for i in range(20)]
        (folder / f"answers ({number}).json").write_text(json.dumps(data | {"answers": answers}))
    assert seconds(folder) < 5


def _all_guesses(folder):
    progress = quiz.Progress(folder / "guesses.jsonl")
    for asked in quiz.load_guesses().values():
        if asked.kind == "slider":
            progress.add_guess(asked, asked.low)
    return progress.export(folder / "guesses.json")


def test_the_largest_export_takes_seconds(tmp_path):
    folder = class_of(tmp_path / "class", 1, 14_000)
    size = (folder / "0.json").stat().st_size
    assert 0.8 * class_report.LARGEST < size <= class_report.LARGEST
    assert seconds(folder) < 10


@pytest.mark.long
def test_a_class_of_300_takes_seconds_and_a_page_of_two_megabytes(tmp_path):
    """Each has answered everything, with two wrong tries at most, and made every guess."""
    folder, chance = tmp_path / "class", random.Random(0)
    folder.mkdir()
    asked = [(found.name, q) for found in quiz.bundled_quizzes() for q in found.questions]
    said = {q.key: {k: v for k, v in q.to_dict().items() if v} for _, q in asked}
    guessed = {q.key: q.to_dict() for q in quiz.load_guesses().values()}
    guesses = [
        {"notebook": q.notebook, "guess": q.id, "value": q.low, "measured": None, "time": 1.0,
         "key": q.key}
        for q in quiz.load_guesses().values() if q.kind == "slider"
    ]  # fmt: skip
    for number in range(300):
        answers = [
            ANSWER | {"quiz": name, "question": q.id, "key": q.key, "correct": right,
                      "answer": _given(q, chance)}
            for name, q in asked for right in [False] * chance.randrange(3) + [True]
        ]  # fmt: skip
        export_ = {"answers": answers, "questions": said, "guesses": guesses}
        text = json.dumps(export_ | {"guess_questions": guessed})
        (folder / f"{number}.json").write_text(text)
    assert seconds(folder) < 10
    assert (folder / "page.html").stat().st_size < 2_000_000


def _given(question, chance):
    """Return any answer."""
    some = chance.randrange(max(1, len(question.answers)))
    items = random.Random(some).sample(range(len(question.items)), len(question.items))
    chosen = {"multiple_choice": some, "many_choice": [some], "order": items}
    return chosen.get(question.type, str(chance.randrange(20)))


def test_there_is_a_bar_of_files_and_one_of_questions(folder, monkeypatch):
    seen = []

    def bar(words, total, unit, progress, steps):
        seen.append((total, unit, progress))
        return steps

    monkeypatch.setattr(class_report, "progress_bar", bar)
    class_report.read(folder)
    class_report.read(folder, progress=False)
    n = len(quiz.load(NAME).questions)
    bars = [[(3, "file", on), (n, "question", on)] for on in (True, False)]
    assert seen == bars[0] + bars[1]
