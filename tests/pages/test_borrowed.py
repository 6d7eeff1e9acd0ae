"""A class with variants: whose numbers are in an answer, and who has whose file."""

import json
import random
import re
import time
from itertools import permutations

import nbformat
import pytest
import torch

import featlib
from featlib import cli, quiz, variants
from featlib.engine.paths import bundled
from featlib.pages import borrowed, class_report

CLASS = [f"group-{i}" for i in range(1, 31)]
PARTS = ("00_start_here", "02_preprocessing", "04_train_linear_head", "05_validation")


def made_up(variant):
    """Stand in for a run: numbers that nobody else has."""
    chance = random.Random(variant)
    return {name: round(chance.uniform(0, 1000), 3) for name in NAMES}


NAMES = (
    "raw_accuracy", "gain_points", "right_pictures", "no_division_cost", "no_mean_in_use",
    "mistakes_apart", "loss_epoch_5", "gap_points", "whole_fall", "val_accuracy",
    "confused_percent", "interval_low", "calibration_points",
)  # fmt: skip


@pytest.fixture
def quick(monkeypatch):
    """Let runs cost nothing."""
    monkeypatch.setattr(borrowed, "_known", made_up)


def export(folder, name, variant, known, monkeypatch, keys=None):
    """Write what a learner exports who answers with these values."""
    monkeypatch.setenv("FEATLIB_VARIANT", variant)
    asked = borrowed._questions(made_up("")) if keys is None else keys
    progress = quiz.Progress(folder.parent / f"{name}.jsonl")
    for part, question in asked.values():
        [ask] = question.asks
        original = next(q for q in quiz.load(part).questions if q.key == question.key)
        progress.add(part, original, repr(known[ask]), True)
    folder.mkdir(exist_ok=True)
    return progress.export(folder / f"{name}.json")


def simulated(folder, known, monkeypatch):
    """Write thirty exports; return who copied a file, who copied answers, and from whom."""
    for i, variant in enumerate(CLASS[:26]):
        export(folder, f"learner{i:02}", variant, known(variant), monkeypatch)
    # Her neighbor's numbers; a friend's file; nothing; half a file.
    export(folder, "learner26", CLASS[26], known(CLASS[0]), monkeypatch)
    (folder / "learner27.json").write_bytes((folder / "learner01.json").read_bytes())
    export(folder, "learner28", CLASS[28], {}, monkeypatch, keys={})
    whole = (folder / "learner02.json").read_text(encoding="utf-8")
    (folder / "learner29.json").write_text(whole[: len(whole) // 2], encoding="utf-8")


def by_name(report):
    return {learner.name: learner.number for learner in report.learners}


def test_a_class_of_thirty(tmp_path, quick, monkeypatch, capsys):
    folder = tmp_path / "class"
    simulated(folder, made_up, monkeypatch)
    report = class_report.read(folder, progress=False, variants=True)
    number, found = by_name(report), report.variants
    assert found.questions == len(NAMES)
    assert {(each.learner, each.owners) for each in found.borrowed} == {
        (number["learner26"], (number["learner00"],))
    }
    assert len(found.borrowed) == len(NAMES)
    copied = frozenset({number["learner01"], number["learner27"]})
    neighbors = frozenset({number["learner00"], number["learner26"]})
    assert {*map(frozenset, found.copies)} == {copied, neighbors}
    assert {*map(frozenset, found.shared)} == {copied}
    assert report.empty == ("learner28.json",)
    assert [name for name, _ in report.refused] == ["learner29.json"]
    assert cli.main(["class-report", str(folder), "--variants", "--out", str(tmp_path / "p")]) == 0
    said = capsys.readouterr().out
    for words in (
        "left out learner29.json: no JSON",
        "no answer in learner28.json",
        "the same answers in learner01.json, learner27.json",
        "the same variant in learner01.json, learner27.json",
        f"answers of another's variant: {len(NAMES)}",
    ):
        assert words in said


def test_the_page_says_whose_answer_it_is_in_numbers(tmp_path, quick, monkeypatch):
    folder = tmp_path / "class"
    export(folder, "ada", "otter", made_up("fox"), monkeypatch)
    export(folder, "ben", "fox", made_up("fox"), monkeypatch)
    report = class_report.read(folder, progress=False, variants=True)
    number = by_name(report)
    page = class_report.write(report, tmp_path / "page.html").read_text(encoding="utf-8")
    [section] = re.findall(r"<h2>Whose numbers.*?</table>", page, re.DOTALL)
    words = " ".join(re.sub(r"<[^>]+>", " ", section).split())
    assert f"learner {number['ada']}’s answer to" in words
    assert f"learner {number['ben']}" in words
    assert not any(name in page for name in ("otter", "fox", "ada.json", "ben.json"))


def test_the_section_is_there_only_if_asked_for(tmp_path, quick, monkeypatch):
    folder = tmp_path / "class"
    export(folder, "ada", "otter", made_up("fox"), monkeypatch)
    report = class_report.read(folder, progress=False)
    assert report.variants is None
    page = class_report.write(report, tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Whose numbers" not in page


def test_numbers_of_the_lesson_are_named_where_a_variant_was_given(tmp_path, quick, monkeypatch):
    folder = tmp_path / "class"
    export(folder, "ada", "otter", made_up(""), monkeypatch)
    found = class_report.read(folder, progress=False, variants=True).variants
    assert {each.owners for each in found.borrowed} == {(0,)}
    assert found.without == ()


def test_a_wrong_answer_that_is_nobodys_is_no_ones_business(tmp_path, quick, monkeypatch):
    folder = tmp_path / "class"
    export(folder, "ada", "otter", dict.fromkeys(NAMES, -1.0), monkeypatch)
    export(folder, "ben", "fox", made_up("fox"), monkeypatch)
    assert class_report.read(folder, progress=False, variants=True).variants.borrowed == ()


@pytest.mark.parametrize("variant", [7, None, "../x", "x" * 99, ["otter"]])
def test_an_export_with_a_variant_that_is_none_is_left_out(tmp_path, variant, monkeypatch):
    folder = tmp_path / "class"
    file = export(folder, "ada", "otter", made_up("otter"), monkeypatch)
    export(folder, "ben", "fox", made_up("fox"), monkeypatch)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"variant": variant}))
    report = class_report.read(folder, progress=False)
    assert report.refused == (("ada.json", "'variant' is no name of one"),)


def test_an_answer_of_any_kind_stops_nothing(tmp_path, quick, monkeypatch):
    folder = tmp_path / "class"
    file = export(folder, "ada", "otter", made_up("otter"), monkeypatch)
    data = json.loads(file.read_text())
    odd = [None, [], {}, 7, True, "", "x" * 9999, [["a"]]]
    for answer, entry in zip(odd, data["answers"], strict=False):
        entry["answer"] = answer
    file.write_text(json.dumps(data))
    assert class_report.read(folder, progress=False, variants=True).variants.borrowed == ()


@pytest.mark.long
def test_thirty_real_variants_under_a_minute_and_their_keys_differ(tmp_path, monkeypatch):
    borrowed._features()  # cached
    with monkeypatch.context() as patched:
        known = {}
        patched.setattr(borrowed, "_known", lambda name: known.setdefault(name, values(name)))
        started, values = time.process_time(), borrowed.values
        borrowed.compare([borrowed.Run(i, name, ()) for i, name in enumerate(CLASS)])
        seconds = time.process_time() - started
    asked = borrowed._questions(known[CLASS[0]])
    assert known[CLASS[0]].keys() == set(NAMES)
    differ = []
    for mine, other in permutations(CLASS, 2):
        answers = ((q, repr(known[mine][next(iter(q.asks))])) for _, q in asked.values())
        differ.append([not borrowed._right(q, said, known[other]) for q, said in answers])
    pairs = torch.tensor(differ).double()
    assert pairs.mean(0).min() >= 0.9, "of each question, nine of ten pairs"
    assert pairs.mean() >= 0.9, "of all questions of all pairs"
    assert (pairs.mean(1) >= 0.75).double().mean() >= 0.9, "of nine of ten pairs, most questions"
    assert seconds < 60, "of one core"
    monkeypatch.setattr(borrowed, "_known", lambda name: known.get(name) or borrowed.values(name))
    simulated(tmp_path / "class", known.get, monkeypatch)
    report = class_report.read(tmp_path / "class", progress=False, variants=True)
    number = by_name(report)
    assert report.variants.borrowed
    for each in report.variants.borrowed:
        assert (each.learner, each.owners[0]) == (number["learner26"], number["learner00"])


@pytest.mark.long
@pytest.mark.parametrize("variant", ["", "otter"])
def test_the_values_are_those_of_the_notebooks(variant, monkeypatch):
    """The code of the four notebooks is run, and what they hand to their quizzes is kept."""
    if variant:
        monkeypatch.setenv("FEATLIB_VARIANT", variants.name(variant, "test"))
    handed = {}
    monkeypatch.setattr(
        featlib, "show_quiz", lambda name, values=(): handed.update(values), raising=False
    )
    for part in PARTS:
        notebook = nbformat.read(bundled("notebooks") / f"{part}.ipynb", 4)
        names = {"__name__": part}
        for cell in notebook.cells:
            if cell.cell_type == "code" and "remove-cell" not in cell.metadata.get("tags", []):
                exec(cell.source, names)
    for name, value in borrowed.values(variant).items():
        assert value == pytest.approx(handed[name], abs=1e-4), name
