"""Where the learner stands."""

import re
from pathlib import Path

import pytest

from featlib import quiz

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.fixture
def progress(tmp_path):
    return quiz.Progress(tmp_path / "answers.jsonl")


def of(name, progress):
    return next(s for s in quiz.standings(progress) if s.quiz == name)


def test_nothing_is_begun_at_first(progress):
    assert {s.words for s in quiz.standings(progress)} == {"not begun"}
    assert [s.quiz for s in quiz.standings(progress)] == quiz.names()


def test_a_quiz_is_done_when_all_its_questions_are_right(progress):
    name = "source_quiz"
    first, *others = quiz.load(name).questions
    progress.add(name, first.id, 0, False)
    assert of(name, progress) == quiz.Standing(name, 3, answered=1, right=0, first_try=0)
    assert of(name, progress).words == "begun"
    for question in (first, *others):
        progress.add(name, question.id, 0, True)
    assert of(name, progress) == quiz.Standing(name, 3, answered=3, right=3, first_try=2)
    assert of(name, progress).words == "done"


def test_answers_to_questions_that_are_gone_do_not_count(progress):
    progress.add("source_quiz", "no-longer-there", 0, True)
    assert of("source_quiz", progress).answered == 0


def test_the_table_says_it_in_words(progress):
    progress.add("source_quiz", "purpose", 2, True)
    title = "The three questions that started it"
    (row,) = (r for r in quiz.progress_table(progress).rows if r[0] == title)
    assert row == (title, "1 of 3", "1", "begun")


def test_each_title_leads_to_the_notebook_that_asks_the_quiz(progress):
    html = quiz.progress_table(progress)._repr_html_()
    links = dict(re.findall(r'<a href="([^"]*)">([^<]*)</a></td>', html))
    assert len(re.findall("<a ", html)) == len(quiz.names())
    assert links["03_feature_extraction.ipynb"] == "What are the 512 numbers?"
    for name in links:
        assert (NOTEBOOKS / name).is_file()
