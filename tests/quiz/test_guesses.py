"""Guesses before results: what is asked, what is kept, what is said of it."""

import csv
import json
import re
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch

from featlib import FeatlibError, quiz
from featlib.engine import words
from featlib.quiz import Guess, Guessed, GuessQuestion, Progress

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
ASKS = r'(\w+) = featlib\.predict_first\("([\w-]+)"\)'
SLIDER = {"id": "one", "kind": "slider", "prompt": "How often?", "low": 0, "high": 1, "step": 0.01}
BARS = SLIDER | {"id": "two", "kind": "bars", "labels": ["pixels", "features"]}
CHOICE = {"id": "three", "kind": "choice", "prompt": "Which?", "labels": ["cat", "dog", "=cmd()"]}
CURVE = SLIDER | {"id": "four", "kind": "curve", "x": [1, 2, 3], "xlabel": "epoch"}
ALL = {entry["id"]: entry for entry in (SLIDER, BARS, CHOICE, CURVE)}
GOOD = {"one": 0.6, "two": [0.3, 0.9], "three": "dog", "four": [0.4, 0.6, 0.7]}
TRUE = {"one": 0.82, "two": [0.4, 0.8], "three": "cat", "four": [0.5, 0.6, 0.6]}


@pytest.fixture
def progress(tmp_path):
    return Progress(tmp_path / "answers.jsonl")


@pytest.fixture
def guess(progress):
    """Return a function that gives the guess of a question."""
    return lambda name: Guess(GuessQuestion.from_dict(ALL[name]), progress)


def question(entry, **changes):
    return GuessQuestion.from_dict(entry | changes)


# The questions


def test_the_questions_of_the_lesson_are_read_and_belong_to_notebooks():
    found = quiz.load_guesses()
    assert len(found) >= 20
    assert {asked.kind for asked in found.values()} >= {"slider", "bars", "choice", "curve"}
    for name, asked in found.items():
        assert name == asked.id
        assert asked.notebook.startswith(name[:2])
        assert asked.notebook in quiz.names()
        assert "?" in asked.prompt
    assert len({asked.key for asked in found.values()}) == len(found)


def asked_in_notebooks():
    """Return for each guess its notebook, the cell that asks, and all cells."""
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        for place, cell in enumerate(cells):
            for variable, name in re.findall(ASKS, cell.source):
                yield name, path.stem, variable, place, cells


def test_each_guess_is_asked_once_where_it_belongs_and_then_answered():
    """Ten notebooks, two guesses or more in each; the next that is said of it is the truth."""
    asked = list(asked_in_notebooks())
    lesson = quiz.load_guesses()
    assert sorted(name for name, *_ in asked) == sorted(lesson)
    for name, notebook, variable, place, cells in asked:
        assert notebook == lesson[name].notebook
        told = rf"\b{variable}\.reveal\(|guess={variable}\b"
        later = (c.source for c in cells[place + 1 :] if variable in re.findall(r"\w+", c.source))
        assert re.search(told, next(later)), name
        # Within the next few cells, or the learner has forgotten what it was about.
        assert any(re.search(told, cell.source) for cell in cells[place + 1 : place + 6]), name
    each = Counter(notebook for _, notebook, *_ in asked)
    assert len(each) == 10
    assert min(each.values()) >= 2


def test_a_number_that_a_guess_starts_from_is_the_notebooks():
    for name, _, _, _, cells in asked_in_notebooks():
        measured = [cell for cell in cells if "predict_first" not in cell.source]
        shown = " ".join(str(cell.get("outputs", "")) for cell in measured)
        for number in re.findall(r"about (\d+\.\d+)", quiz.load_guesses()[name].prompt):
            assert number in shown, name


def test_guesses_are_no_quiz():
    assert not any("guess" in name for name in quiz.names())


def entries(**changes):
    return {"mine": {k: v for k, v in (SLIDER | changes).items() if k != "id" and v is not None}}


FAULTS = {
    "a list": ([], "object"),
    "a number": (3, "object"),
    "nothing": ({}, ""),
    "only a schema": ({"$schema": "x"}, "asks nothing"),
    "a hostile id": ({"<script>": SLIDER}, "script"),
    "no prompt": (entries(prompt=None), "prompt"),
    "an empty prompt": (entries(prompt=""), "mine.prompt"),
    "no kind": (entries(kind=None), "kind"),
    "an unknown kind": (entries(kind="pie"), "mine.kind"),
    "an unknown field": (entries(lowest=0), "lowest"),
    "no low": (entries(low=None), "low"),
    "low as text": (entries(low="0"), "mine.low"),
    "low above high": (entries(low=2), "mine, low: no number is from 2 to 1"),
    "low is high": (entries(low=1), "mine, low: no number is from 1 to 1"),
    "an endless range": (entries(low=-1.7e308, high=1.7e308), "mine, low"),
    "step 0": (entries(step=0), "mine.step"),
    "step below 0": (entries(step=-1), "mine.step"),
    "too small a step": (entries(step=1e-9), "mine, step: 1e-09 makes no or more than 10,000"),
    "a step beyond the range": (entries(step=2), "mine, step: 2 makes no"),
    "a slider of two": (entries(labels=["a", "b"]), "mine.labels"),
    "a slider with x": (entries(x=[1, 2]), "mine.x"),
    "bars without labels": (entries(kind="bars"), "labels"),
    "the same bar twice": (entries(kind="bars", labels=["a", "a"]), "mine.labels"),
    "too many bars": (entries(kind="bars", labels=[str(i) for i in range(13)]), "mine.labels"),
    "a choice of one": (entries(kind="choice", labels=["a"]), "mine"),
    "a choice with a range": (entries(kind="choice", labels=["a", "b"]), "mine.low"),
    "a curve without x": (entries(kind="curve"), "x"),
    "a curve of one": (entries(kind="curve", x=[1]), "mine.x"),
    "x out of order": (entries(kind="curve", x=[2, 1]), "mine, x: not in ascending order"),
    "x twice": (entries(kind="curve", x=[1, 1]), "mine, x: not in ascending order"),
    "NaN": (entries(low=float("nan")), "cannot hold"),
    "a set": (entries(labels={"a"}), "cannot hold"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_is_named_with_its_place(case, write_quiz):
    data, said = FAULTS[case]
    if isinstance(data, dict):
        with pytest.raises(FeatlibError) as error:
            quiz.load_guesses(data)
        assert said in str(error.value)
    if "cannot" not in said:
        path = write_quiz(data)
        with pytest.raises(FeatlibError) as error:
            quiz.find_guess("mine", path)
        assert said in str(error.value)
        assert str(path) in str(error.value)


NAMES = {
    "misspelled": ("03-neigbours", "did you mean '03-neighbors'?"),
    "nothing": (None, "NoneType None"),
    "a number": (3, "int 3"),
    "escapes": ("\x1b[31m", r"\x1b[31m"),
    "half a character": ("\ud83d", r"\ud83d"),
    "a list": (["03-neighbors"], "list ["),
    "long": ("x" * 10**6, "xxx..."),
    "empty": ("", "str ''"),
    "a dict without id": ({"kind": "slider"}, 'Give it an id: {"id":'),
    "a dict with a wrong id": ({"id": 3}, "with an id"),
    "a dict that is faulty": (SLIDER | {"kind": "pie"}, "one.kind"),
    "a dict with a hostile id": (SLIDER | {"id": "\x1b"}, "GuessQuestion.from_dict"),
}


@pytest.mark.parametrize("case", NAMES)
def test_an_unknown_name_is_refused_with_what_is_called_alike(case):
    name, said = NAMES[case]
    with pytest.raises(FeatlibError) as error:
        quiz.find_guess(name)
    assert said in str(error.value)
    assert str(error.value).isprintable() or "\n" in str(error.value)


@pytest.mark.parametrize("file", [3, "", "nowhere.json", b"x", "a\0b", ["one"], "x" * 5000])
def test_what_is_no_file_is_refused(file):
    with pytest.raises(FeatlibError):
        quiz.find_guess("one", file)


def test_a_teachers_own_questions_come_from_a_file_or_a_dict(write_quiz):
    own = {name: {k: v for k, v in e.items() if k != "id"} for name, e in ALL.items()}
    path = write_quiz(own, "my_guesses.json")
    for file in (path, str(path), own):
        assert quiz.find_guess("four", file) == question(CURVE)
    assert quiz.find_guess(CURVE) == quiz.find_guess(question(CURVE)) == question(CURVE)
    with pytest.raises(FeatlibError, match="one of 'one', 'two', 'three', 'four'"):
        quiz.find_guess("03-neighbors", own)


@pytest.mark.parametrize("name", ALL)
def test_a_question_is_the_same_after_json(name):
    asked = question(ALL[name])
    assert GuessQuestion.from_dict(json.loads(json.dumps(asked.to_dict()))) == asked


def test_without_a_step_there_are_a_hundred():
    asked = question({k: v for k, v in SLIDER.items() if k != "step"}, high=50)
    assert asked.step == 0.5
    assert asked.write(3) == "3.0"


WRITTEN = [(0.01, 0.5, "0.50"), (1, 1234.4, "1,234"), (0.5, -0.01, "0.0"), (100, 700.0, "700"),
           (0.25, 2, "2.00"), (0.0001, 0.00012, "0.0001")]  # fmt: skip


@pytest.mark.parametrize(("step", "number", "text"), WRITTEN)
def test_numbers_have_the_decimals_of_the_step(step, number, text):
    assert replace(question(SLIDER), step=step).write(number) == text


SAME = ({"id": "other"}, {"notebook": "03_feature_extraction"}, {"step": 0.1}, {"xlabel": "x"})
OTHER = ({"prompt": "How much?"}, {"high": 2}, {"unit": "s"}, {"x": [1, 2, 4]}, {"labels": ["a"]})


@pytest.mark.parametrize("change", SAME)
def test_a_guess_stays_where_only_its_surroundings_change(change):
    assert question(CURVE, **change).key == question(CURVE).key


@pytest.mark.parametrize("change", OTHER)
def test_a_question_that_asks_something_else_is_open_again(change, progress):
    progress.add_guess(question(CURVE), GOOD["four"])
    assert Guess(question(CURVE), progress).value == (0.4, 0.6, 0.7)
    assert Guess(question(CURVE, **change), progress).value is None


# The guess

WRONG = {
    "one": [None, "0.5", "much", True, float("nan"), float("inf"), -0.01, 1.01, 10**400, [0.5], {}],
    "two": [None, 0.5, [0.5], [0.1, 0.2, 0.3], [0.1, "x"], [0.1, float("nan")], [0.1, 2], "ab", {}],
    "three": [None, 0, "Cat", "", ["cat"], True, {"cat": 1}, "bird", "\x1b"],
    "four": [None, 0.5, [0.1, 0.2], [[1], [2], [3]], [0.1, 0.2, None], {}, object()],
}
ROWS = [(name, value) for name, values in WRONG.items() for value in values]


@pytest.mark.parametrize(("name", "value"), ROWS, ids=[f"{n} {v!r:.10}" for n, v in ROWS])
def test_a_guess_that_does_not_fit_is_refused_and_never_written(name, value, guess, progress):
    with pytest.raises(FeatlibError):
        guess(name).put(value)
    with pytest.raises(FeatlibError):
        progress.add_guess(question(ALL[name]), value)
    assert not progress.path.exists()


@pytest.mark.parametrize("name", ALL)
def test_a_guess_is_there_in_the_next_run_and_can_be_changed(name, guess):
    assert guess(name).value is None
    guess(name).put(TRUE[name])
    guess(name).put(GOOD[name])
    kept = guess(name).value
    assert (list(kept) if isinstance(kept, tuple) else kept) == GOOD[name]
    assert guess(name).measured is None


def test_numbers_of_numpy_and_torch_are_guesses_and_truths_too(guess):
    guess("two").put(torch.tensor([0.25, 0.5]))
    guess("two").record(np.array([0.5, 0.5], dtype="float32"))
    assert (guess("two").value, guess("two").measured) == ((0.25, 0.5), (0.5, 0.5))
    guess("one").put(np.float32(0.5))
    guess("one").record(torch.tensor(0.75))
    assert (guess("one").value, guess("one").measured) == (0.5, 0.75)


@pytest.mark.parametrize("name", ALL)
def test_what_is_measured_is_kept_with_the_guess_and_closes_it(name, guess, progress):
    guess(name).put(GOOD[name])
    guess(name).record(TRUE[name])
    before = progress.path.read_bytes()
    guess(name).record(TRUE[name])
    assert progress.path.read_bytes() == before, "the same again is not written again"
    with pytest.raises(FeatlibError, match="a guess before the result"):
        guess(name).put(GOOD[name])
    guess(name).forget()
    assert (guess(name).value, guess(name).measured) == (None, None)
    guess(name).put(GOOD[name])


def test_another_measurement_takes_the_place_of_the_first(guess):
    guess("one").put(0.5)
    guess("one").record(0.6)
    guess("one").record(0.7)
    assert (guess("one").value, guess("one").measured) == (0.5, 0.7)


NOT_FINITE = {"nan": float("nan"), "inf": float("inf"), "-inf": -float("inf"), "huge": 10**400}


@pytest.mark.parametrize("case", NOT_FINITE)
@pytest.mark.parametrize("name", ["one", "two", "four"])
def test_after_a_run_that_measured_no_number_no_earlier_one_counts(name, case, guess, capsys):
    drawn, mine, truth = [], guess(name), NOT_FINITE[case]
    mine.on_reveal = lambda own: drawn.append(own.measured)
    mine.put(GOOD[name])
    mine.reveal(TRUE[name])
    mine.reveal(truth if name == "one" else [*TRUE[name][:-1], truth])
    assert capsys.readouterr().out.splitlines()[1].startswith("Measured: no number. You guessed")
    assert drawn == [mine.question.truth(TRUE[name])], "nothing is drawn of no number"
    assert (mine.measured, guess(name).measured) == (None, None)
    assert mine.value == guess(name).value == mine.question.checked(GOOD[name])
    mine.reveal(TRUE[name])
    assert mine.measured == drawn[1]


def test_without_a_guess_nothing_is_kept(guess, progress, capsys):
    for name in ALL:
        guess(name).record(TRUE[name])
        guess(name).reveal(TRUE[name])
    assert not progress.path.exists()
    assert capsys.readouterr().out.count("(You made no guess.)") == len(ALL)


SAID = [
    ("one", 0.6, 0.82, "Measured: 0.82. You guessed 0.60: 0.22 too low."),
    ("one", 0.9, 0.82, "Measured: 0.82. You guessed 0.90: 0.08 too high."),
    ("one", 0.82, 0.8204, "Measured: 0.82. You guessed 0.82: just right."),
    ("one", None, 0.87, "Measured: 0.87. (You made no guess.)"),
    ("one", 0.5, float("nan"), "Measured: no number. You guessed 0.50."),
    ("one", 0.5, 10**400, "Measured: no number. You guessed 0.50."),
    ("one", 0.5, 3.0, "Measured: 3.00. You guessed 0.50: 2.50 too low."),
    ("two", [0.3, 0.9], {"pixels": 0.4, "features": 0.9, "more": 1},
     "Measured: pixels 0.40, features 0.90. "
     "You guessed pixels 0.30 (0.10 too low), features 0.90 (just right)."),
    ("three", "dog", "cat", "Measured: cat. You guessed dog."),
    ("three", "dog", "dog", "Measured: dog. You guessed dog, and that is right."),
    ("three", "dog", "a bird\x1b", r"Measured: a bird\x1b. You guessed dog."),
    ("four", [0.4, 0.6, 0.7], [0.5, 0.6, 0.6],
     "Measured: 0.50, 0.60, 0.60. "
     "You guessed 0.40 (0.10 too low), 0.60 (just right), 0.70 (0.10 too high)."),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "truth", "said"), SAID)
def test_the_result_is_revealed_in_one_line(name, value, truth, said, guess, capsys):
    if value is not None:
        guess(name).put(value)
    guess(name).reveal(truth)
    assert capsys.readouterr().out == f"{said}\n"


@pytest.mark.parametrize("name", ALL)
def test_who_draws_is_called_after_the_result_is_told_and_only_with_a_guess(name, guess, capsys):
    told = []
    mine = guess(name)
    mine.on_reveal = lambda own: told.append((own, own.measured, capsys.readouterr().out))
    mine.reveal(TRUE[name])
    assert told == []
    capsys.readouterr()
    mine.put(GOOD[name])
    mine.reveal(TRUE[name])
    [(own, measured, out)] = told
    assert own is mine
    assert measured == mine.question.truth(TRUE[name])
    assert out.startswith("Measured: ")


NO_TRUTH = [("one", "0.8"), ("one", None), ("one", [0.8]), ("one", True), ("two", 0.5),
            ("two", {"pixels": 1}), ("two", [1, "x"]), ("three", 0.5), ("three", None),
            ("four", [1, 2]), ("four", {"x": 1}),
            ("four", torch.empty(3, device="meta"))]  # fmt: skip


@pytest.mark.parametrize(("name", "truth"), NO_TRUTH)
@pytest.mark.parametrize("guessed", [False, True])
def test_a_result_of_another_kind_is_refused_with_and_without_a_guess(name, truth, guessed, guess):
    if guessed:
        guess(name).put(GOOD[name])
    with pytest.raises(FeatlibError, match="what was measured"):
        guess(name).reveal(truth)


def test_where_the_disk_fails_the_guess_counts_as_long_as_the_kernel_runs(
    guess, monkeypatch, caplog
):
    def fail(*_):
        raise OSError(28, "No space left on device")

    words.say_once.cache_clear()
    monkeypatch.setattr(Progress, "_append", fail)
    one = guess("one")
    with pytest.raises(OSError, match="No space"):
        one.put(0.6)
    one.record(0.8)
    assert (one.value, one.measured) == (0.6, 0.8)
    assert "what was measured is not kept" in caplog.text


@pytest.mark.parametrize("wrong", [None, 3, "one", SLIDER])
def test_what_is_no_question_and_no_progress_is_refused(wrong, progress):
    with pytest.raises(FeatlibError):
        Guess(wrong, progress)
    with pytest.raises(FeatlibError):
        Guess(question(SLIDER), wrong)
    with pytest.raises(FeatlibError):
        progress.add_guess(wrong, 0.5)
    with pytest.raises(FeatlibError):
        quiz.guess_table(wrong)


# What is kept

RECORD = {"notebook": "", "guess": "one", "value": 0.5, "measured": None, "time": 5, "key": "k"}
DAMAGED = {
    "no value": ({k: v for k, v in RECORD.items() if k != "value"}, "'value' is missing"),
    "nothing as value": (RECORD | {"value": None}, "'value' is no guess"),
    "a switch": (RECORD | {"value": True}, "'value' is no guess"),
    "an empty list": (RECORD | {"value": []}, "'value' is no guess"),
    "a list of texts": (RECORD | {"value": ["a"]}, "'value' is no guess"),
    "lists in a list": (RECORD | {"value": [[1]]}, "'value' is no guess"),
    "an object": (RECORD | {"value": {}}, "'value' is no guess"),
    "another kind": (RECORD | {"measured": "0.5"}, "'measured' is of another kind"),
    "a text for a number": (RECORD | {"value": "a", "measured": 1}, "'measured' is of another"),
    "other lengths": (RECORD | {"value": [1, 2], "measured": [1]}, "'measured' is of another"),
    "a number as id": (RECORD | {"guess": 1}, "'guess' is of the wrong type"),
    "no time": (RECORD | {"time": -1}, "'time' is no time"),
    "no key": ({k: v for k, v in RECORD.items() if k != "key"}, "'key' is missing"),
    "more": (RECORD | {"more": 1}, "'more' is unknown"),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_a_damaged_guess_is_set_aside_and_the_others_are_kept(case, guess, progress, caplog):
    entry, said = DAMAGED[case]
    with pytest.raises(ValueError, match=said):
        Guessed.of(entry)
    guess("two").put(GOOD["two"])
    progress.add("03", "shape", "x", True)
    with open(progress.path, "ab") as file:
        file.write(json.dumps(entry).encode() + b"\n")
    assert guess("two").value == (0.3, 0.9)
    assert len(progress.answers()) == 1
    assert "was damaged" in caplog.text
    assert guess("one").value is None


@pytest.mark.parametrize("value", [2.0, -1, "text", [0.5], 10**300])
def test_a_kept_guess_that_no_longer_fits_is_none(value, guess, progress):
    guess("one").put(0.5)
    kept = asdict(progress.guesses()[question(SLIDER).key])
    with open(progress.path, "ab") as file:
        file.write(json.dumps(kept | {"value": value}).encode() + b"\n")
    assert guess("one").value is None
    assert quiz.guess_table(progress).rows[-1][0] == "You made no guess."
    guess("one").put(0.7)
    assert guess("one").value == 0.7


def test_files_of_before_there_were_guesses_are_read(progress):
    old = {"quiz": "03", "question": "a", "answer": 1, "correct": True, "hint": False, "time": 5}
    progress.path.write_text(json.dumps(old) + "\n")
    assert len(progress.answers()) == 1
    assert progress.guesses() == {}


def test_a_reset_forgets_one_guess_all_guesses_or_everything(guess, progress):
    def put():
        for name in ("one", "two"):
            guess(name).put(GOOD[name])

    put()
    progress.add("03", "shape", "x", True)
    progress.reset("03_feature_extraction")
    progress.reset("flashcards")
    assert len(progress.guesses()) == 2
    progress.reset(question(SLIDER))
    assert [kept.guess for kept in progress.guesses().values()] == ["two"]
    put()
    progress.reset("guesses")
    assert (progress.guesses(), len(progress.answers())) == ({}, 1)
    put()
    progress.reset()
    assert (progress.guesses(), progress.answers()) == ({}, [])


def test_guesses_are_exported_with_their_questions_and_no_cell_computes(guess, progress, tmp_path):
    progress.add("03", "shape", "x", True)
    guess("one").put(0.6)
    guess("one").record(0.82)
    guess("three").put("=cmd()")
    guess("three").record("=1+1")
    data = json.loads(progress.export(tmp_path / "p.json").read_text("utf-8"))
    assert [(g["value"], g["measured"]) for g in data["guesses"]] == [
        (0.6, 0.82),
        ("=cmd()", "=1+1"),
    ]
    assert data["guess_questions"][question(SLIDER).key]["prompt"] == "How often?"
    assert [kept.value for _, kept in quiz.guesses_of(data)] == [0.6, "=cmd()"]
    with open(progress.export(tmp_path / "p.csv"), encoding="utf-8", newline="") as file:
        answer, one, three = csv.DictReader(file)
    assert (answer["answer"], answer["guess"], answer["measured"]) == ("x", "", "")
    assert (one["question"], one["guess"], one["measured"], one["tries"]) == (
        "one", "0.6", "0.82", "",
    )  # fmt: skip
    assert (three["guess"], three["measured"]) == ("'=cmd()", "'=1+1")


# The table


def test_without_a_guess_the_table_says_so_and_is_always_the_same(progress):
    table = quiz.guess_table(progress)
    assert table.title == "Your guesses"
    assert table.rows == (("You made no guess.", "", "", "", ""),)
    assert not progress.path.exists()


def test_the_table_says_how_far_off_and_where(guess, progress):
    for name in ALL:
        guess(name).put(GOOD[name])
    assert quiz.guess_table(progress).rows[-1][0] == "Nothing is measured yet."
    for name in ("one", "two", "three", "four"):
        guess(name).record(TRUE[name])
    assert {row[0]: row[1:] for row in quiz.guess_table(progress).rows[:-1]} == {
        "How often?": ("0.60", "0.82", "-0.22", "under"),
        "How often? pixels": ("0.30", "0.40", "-0.10", "under"),
        "features": ("0.90", "0.80", "+0.10", "over"),
        "Which?": ("dog", "cat", "", "another"),
        "How often? (mean of 3)": ("0.57", "0.57", "0.00", "just right"),
    }
    assert quiz.guess_table(progress).rows[-1][0] == (
        "6 numbers: 3 too low, 2 too high, 1 just right; off by 10% of the scale on average. "
        "0 of 1 choices right."
    )


def test_the_table_has_the_order_of_the_lesson_and_no_old_questions(progress):
    lesson = list(quiz.load_guesses().values())
    some = [asked for asked in lesson if asked.kind == "slider"]
    for asked in reversed(some):
        progress.add_guess(asked, asked.low, asked.high)
    old = replace(some[0], prompt="How was it asked before?")
    progress.add_guess(old, old.low, old.high)
    rows = quiz.guess_table(progress).rows[:-1]
    assert [row[0][:2] for row in rows] == [asked.id[:2] for asked in some]
    assert "before" not in str(rows)


# The spread of a class


def exported(tmp_path, number, values, truths):
    progress = Progress(tmp_path / f"{number}.jsonl")
    for name, value in values.items():
        progress.add_guess(question(ALL[name]), value, truths.get(name))
    return json.loads(progress.export(tmp_path / f"{number}.json").read_text("utf-8"))


def test_the_spread_of_a_class(tmp_path):
    exports = [
        exported(tmp_path, 1, GOOD, TRUE),
        exported(tmp_path, 2, GOOD | {"one": 0.9, "three": "cat"}, TRUE),
        exported(tmp_path, 3, {"one": 0.2}, {}),
        {"answers": []},
    ]
    found = {(spread.question.id, spread.part): spread for spread in quiz.guess_spread(exports)}
    assert set(found) == {
        ("one", ""), ("two", "pixels"), ("two", "features"), ("three", ""),
        ("four", "epoch 1"), ("four", "epoch 2"), ("four", "epoch 3"),
    }  # fmt: skip
    one = found["one", ""]
    assert (one.learners, one.numbers, one.measured) == (3, (0.2, 0.6, 0.9), 0.82)
    assert one.verdicts == {"too low": 1, "too high": 1}
    assert one.told(1) == "Guessed: by 3. Measured: 0.82 (1 too low, 1 too high)."
    assert one.told(3) == "Guessed: by 3."  # so few measured it
    three = found["three", ""]
    assert (three.counts, three.verdicts) == ({"cat": 1, "dog": 1}, {"right": 1, "other": 1})
    assert three.told(1) == "Guessed: cat 1, dog 1. Measured: cat (1 right, 1 other)."
    assert three.told(2) == "Guessed: another answer 2. Measured: cat (2 otherwise)."
    assert found["two", "pixels"].told(2) == "Guessed: by 2. Measured: 0.40 (2 too low)."


PERCENT = {"id": "mine", "kind": "slider", "prompt": "How many?", "low": 0, "high": 100, "step": 1}
ROOMS = {
    "three": ([12, 60, 99], "by 3"),
    "five": ([0, 41, 52, 63, 100], "by 5"),
    "seven": ([50] * 7, "by 7"),
    "eight": ([1, 42, 43, 48, 52, 58, 61, 97], "half of them about 40 to 60"),
    "nine": ([1, 2, 42, 43, 48, 52, 58, 61, 97], "half of them about 40 to 60"),
    "most of one mind": ([61] * 8 + [97], "half of them about 60"),
}


@pytest.mark.parametrize("case", ROOMS)
def test_numbers_are_told_of_eight_and_never_as_they_were_guessed(case):
    values, said = ROOMS[case]
    asked = question(PERCENT)
    spread = quiz.GuessSpread(asked, "", tuple((float(value), None) for value in values))
    assert spread.told(3) == f"Guessed: {said}."


@pytest.mark.parametrize("step", [0.5, 1, 3])
def test_a_coarse_scale_is_told_by_its_own_steps(step):
    asked = question(PERCENT | {"high": 6, "step": step})
    spread = quiz.GuessSpread(asked, "", ((1.0, None),) * 4 + ((5.0, None),) * 4)
    ends = {0.5: "1.2 to 4.8", 1: "1 to 5", 3: "0 to 6"}
    assert spread.told(3) == f"Guessed: half of them about {ends[step]}."


FOUND = {
    (4, 0, 0): "4 too low", (3, 2, 1): "3 too low, 3 otherwise", (1, 1, 1): "3 otherwise",
    (3, 0, 3): "3 too low, 3 too high", (0, 7, 1): "7 just right, 1 otherwise",
}  # fmt: skip


@pytest.mark.parametrize(("low", "right", "high"), FOUND)
def test_too_low_right_and_too_high_are_told_where_three_were(low, right, high):
    values = [1.0] * low + [50.0] * right + [99.0] * high
    spread = quiz.GuessSpread(question(PERCENT), "", tuple((value, 50.0) for value in values))
    assert spread.told(3).endswith(f" Measured: 50 ({FOUND[low, right, high]}).")


HOSTILE = {
    "no export": (lambda e: [], "no export"),
    "guesses as text": (lambda e: e | {"guesses": "x"}, "'guesses' is of the wrong type"),
    "questions as list": (lambda e: e | {"guess_questions": []}, "'guess_questions' is of the"),
    "a damaged guess": (lambda e: e | {"guesses": [3]}, "guess 1: no entry with fields"),
    "no question": (lambda e: e | {"guess_questions": {}}, "guess 1: its question is missing"),
    "a changed question": (
        lambda e: e | {"guess_questions": {k: q | {"prompt": "x?"}
                                           for k, q in e["guess_questions"].items()}},
        "its question is missing or was changed",
    ),
    "a hostile question": (
        lambda e: e | {"guess_questions": {key: {"id": "\x1b"} for key in e["guess_questions"]}},
        "its question is missing or was changed",
    ),
    "out of range": (
        lambda e: e | {"guesses": [e["guesses"][0] | {"value": 7}]}, "does not fit its question",
    ),
    "of another kind": (
        lambda e: e | {"guesses": [e["guesses"][0] | {"value": "=cmd()", "measured": None}]},
        "does not fit its question",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_a_damaged_export_is_named_with_the_reason_and_stops_nothing(case, tmp_path):
    change, said = HOSTILE[case]
    good = exported(tmp_path, 1, {"one": 0.5}, {"one": 0.6})
    with pytest.raises(ValueError, match=said):
        quiz.guesses_of(change(good))
    (spread,) = quiz.guess_spread([change(good), good])
    assert spread.learners == 1
