"""How well each objective is known, and what is asked next."""

import random
import re
import time

import pytest

from featlib import FeatlibError, quiz
from featlib.quiz import mastery
from featlib.quiz.progress import Answer

NAMES = quiz.names()


@pytest.fixture
def progress(tmp_path):
    return quiz.Progress(tmp_path / "answers.jsonl")


class Learner(quiz.Progress):
    """Answers kept in memory, of a learner who knows everything but some objectives."""

    def __init__(self, chance, gaps, slip=0.1, typed=0.05):
        self.chance, self.gaps, self.kept = chance, gaps, []
        self.slip, self.typed = slip, typed

    def answers(self, quiz=None):
        return list(self.kept)

    def asked(self, name, question, of):
        """Answer until it is right: who knows slips at times, else clicks or types blindly."""
        luck = max(self.typed, mastery.luck(question))
        likely = luck if of in self.gaps else 1 - self.slip
        right = hint = False
        while not right:
            right = self.chance.random() < likely
            self.kept.append(Answer(name, question.id, 0, right, hint, time.time(), question.key))
            hint = True


def objectives(quizzes):
    return [(found.name, objective) for found in quizzes for objective in found.objectives]


def base(drawn):
    """Return the quiz and objective behind a question of a review."""
    for number in range(1, 20):
        if found := mastery._keys(mastery.round_of(number)).get(drawn.key):
            return found[0], found[1].objective
    raise AssertionError("no question of a review")


def answer(progress, found, objective, *right):
    """Answer as many questions on an objective, each once."""
    asked = [q for q in found.pool if q.objective == objective]
    for question, correct in zip(asked, right, strict=False):
        progress.add(found.name, question, 0, correct)


def with_questions(n):
    """Return a quiz and an objective of it with n questions or more, none answered by luck."""
    for found in quiz.bundled_quizzes():
        for objective in found.objectives:
            asked = [q for q in found.pool if q.objective == objective]
            if len(asked) >= n and all(mastery.luck(q) <= 0.25 for q in asked[:n]):
                return found, objective
    raise AssertionError("no objective has as many questions")


def of(progress, found, objective):
    pair = found.name, objective
    return next(m for m in quiz.masteries(progress) if (m.quiz, m.objective) == pair)


def test_all_objectives_are_open_at_first(progress):
    found = quiz.masteries(progress)
    assert {each.state for each in found} == {"open"}
    assert [(m.quiz, m.objective) for m in found] == objectives(quiz.bundled_quizzes())
    assert not any(each.begun for each in found)


def test_two_right_first_tries_master_an_objective_and_one_does_not(progress):
    found, objective = with_questions(2)
    answer(progress, found, objective, True)
    assert of(progress, found, objective).state == "shaky"
    answer(progress, found, objective, True)  # the same question once more
    assert of(progress, found, objective).state == "shaky"
    answer(progress, found, objective, True, True)
    assert of(progress, found, objective).state == "mastered"


def test_a_wrong_first_try_takes_it_back(progress):
    found, objective = with_questions(2)
    answer(progress, found, objective, True, False)
    assert of(progress, found, objective).state == "shaky"


def test_what_was_mended_at_once_counts_more_than_what_was_not():
    found, objective = with_questions(2)
    question = next(q for q in found.pool if q.objective == objective)

    def known(*tries):
        given = [
            Answer(found.name, question.id, 0, right, hint, 1.0, question.key)
            for right, hint in tries
        ]
        return next(m for m in quiz.masteries(given) if m.objective == objective).known

    wrong, right, helped = (False, False), (True, False), (True, True)
    ranks = [known(wrong, wrong, right), known(wrong, right), known(helped), known(right)]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == 4
    assert known(wrong, wrong, right) == known(wrong, wrong)  # the third try says nothing
    assert known(right, wrong) == known(right)


def test_the_update_is_bayes_rule():
    """By hand: 0.5 known, four choices: 0.45 / (0.45 + 0.125), then a twentieth of the rest."""
    question = quiz.load(
        [
            {
                "question": "?",
                "type": "multiple_choice",
                "answers": [{"answer": str(n), "correct": n == 0} for n in range(4)],
            }
        ]
    ).questions[0]
    right = Answer("", "", 0, True, False, 1.0)
    by_hand = 0.45 / 0.575
    assert mastery._updated(0.5, question, [right]) == pytest.approx(
        by_hand + 0.05 * (1 - by_hand), rel=1e-12
    )


def test_the_weakest_come_first_and_what_was_not_begun_last(progress):
    first, second, *_ = quiz.bundled_quizzes()
    failed, *others = first.objectives
    for objective in others:
        asked = [q for q in first.pool if q.objective == objective and not q.asks]
        for question in asked:
            progress.add(first.name, question, 0, True)
    answer(progress, first, failed, False, False)
    weakest = quiz.weakest(progress)
    assert (weakest[0].quiz, weakest[0].objective) == (first.name, failed)
    assert {each.quiz for each in weakest[: len(first.objectives)]} == {first.name}
    assert not weakest[-1].begun
    drawn = quiz.draw(1, seed=0, weakest=progress)
    assert base(drawn.questions[0]) == (first.name, failed)
    assert second.name != first.name


def test_of_mastered_objectives_the_one_that_was_asked_longest_ago_comes_first():
    found = quiz.bundled_quizzes()[1]
    now, given = time.time(), []
    for age, objective in enumerate(found.objectives):
        asked = next(q for q in found.pool if q.objective == objective and not q.asks)
        for number in range(1, 9):
            again = quiz.questions.again(found.name, asked, mastery.round_of(number))
            when = now - 86_400 * (10 * age + 8 - number)
            given.append(Answer("review", again.id, 0, True, False, when, again.key))
    weakest = quiz.weakest(given)[: len(found.objectives)]
    assert {each.state for each in weakest} == {"mastered"}
    assert [each.objective for each in weakest] == list(found.objectives)[::-1]


def test_a_review_asks_one_question_on_each_objective_before_a_second(progress):
    n = sum(any(not q.asks and q.objective == o for q in f.pool)
            for f in quiz.bundled_quizzes() for o in f.objectives)  # fmt: skip
    drawn = quiz.draw(n, seed=1, weakest=progress)
    assert len({base(question) for question in drawn.questions}) == n
    assert drawn == quiz.draw(n, seed=1, weakest=progress)
    assert drawn != quiz.draw(n, seed=2, weakest=progress)
    assert (drawn.name, drawn.title) == ("review", "Review")
    assert quiz.Quiz.from_dict(drawn.to_dict()) == drawn


def test_what_was_answered_in_a_review_is_asked_in_another_round(progress):
    everything = sum(not q.asks for found in quiz.bundled_quizzes() for q in found.pool)
    first = quiz.draw(everything, weakest=progress)
    assert {question.round for question in first.questions} == {"review 1"}
    answered = first.questions[0]
    progress.add("review", answered, 0, False)
    second = quiz.draw(everything, weakest=progress)
    (again,) = (question for question in second.questions if question.round != "review 1")
    assert (again.id, again.round) == (answered.id, "review 2")
    assert not progress.last(second)
    progress.add("review", again, 0, True)
    pair = base(again)
    found = next(m for m in quiz.masteries(progress) if (m.quiz, m.objective) == pair)
    assert [answer.key for answer in found.first_tries] == [answered.key, again.key]


def test_what_was_never_asked_comes_before_what_was(progress):
    found, objective = next(
        (found, o)
        for found in quiz.bundled_quizzes()
        for o in found.objectives
        if sum(not q.asks and q.objective == o for q in found.pool) >= 2
    )
    asked, *others = [q for q in found.pool if q.objective == objective and not q.asks]
    progress.add(found.name, asked, 0, False)
    for seed in range(5):
        (drawn,) = quiz.draw(1, seed=seed, weakest=progress).questions
        assert base(drawn) == (found.name, objective)
        assert drawn.text in {other.text for other in others}


def test_what_cannot_be_drawn_is_refused(progress):
    with pytest.raises(FeatlibError, match=r"quiz\.draw: .*Progress.*quiz\.Progress\(\)"):
        quiz.draw(5, weakest=[])  # pyright: ignore[reportArgumentType]
    with pytest.raises(FeatlibError, match=r"quiz\.draw"):
        quiz.draw(10_000, weakest=progress)


GAPS = {
    "anywhere": lambda chance, quizzes: chance.sample(objectives(quizzes), 5),
    "in two notebooks": lambda chance, quizzes: objectives(chance.sample(quizzes, 2))[:5],
    "in five notebooks": lambda chance, quizzes: [
        chance.choice(objectives([found])) for found in chance.sample(quizzes, 5)
    ],
}


def found_out(seed, names, most, n=15, gaps="anywhere", **learner):
    """Whether the gaps are among the objectives that are called weakest, after a review."""
    chance = random.Random(seed)
    quizzes = [found for found in quiz.bundled_quizzes() if found.name in names]
    learner = Learner(chance, set(GAPS[gaps](chance, quizzes)), **learner)
    for found in quizzes:
        for question in found.questions:
            learner.asked(found.name, question, (found.name, question.objective))
    drawn = quiz.draw(n, seed=seed, weakest=learner).questions if n else ()
    for question in drawn:
        learner.asked("review", question, base(question))
    called = {(each.quiz, each.objective) for each in quiz.weakest(learner)[:most]}
    return learner.gaps <= called


@pytest.mark.parametrize("gaps", GAPS)
def test_five_gaps_are_found_out_by_fifteen_questions(gaps):
    """After 00 to 06, eight times of ten: the five are among the seven weakest of about 25.

    That is more often than by the quizzes of the notebooks alone.
    """
    found, without = (sum(found_out(s, NAMES[:7], 7, n, gaps) for s in range(100)) for n in (15, 0))
    assert found >= 80
    assert without < found


def test_who_slips_and_guesses_otherwise_than_is_reckoned_with_is_found_out_less_often():
    """Two times of three, who types the right thing by luck three times as often."""
    assert sum(found_out(seed, NAMES[:7], 7, typed=0.15) for seed in range(100)) >= 66


def test_five_gaps_of_all_objectives_are_found_out_nearly_as_often():
    """After 00 to 11, seven times of ten: the five are among the ten weakest of about 45."""
    assert sum(found_out(seed, NAMES[:12], 10) for seed in range(100)) >= 70


def test_a_review_begins_no_notebook_that_was_not_opened(progress):
    """Its other objectives wait, and do not come before those that were got wrong."""
    opened, closed, *_ = quiz.bundled_quizzes()
    progress.add(opened.name, opened.questions[0], 0, False)
    asked = next(q for q in closed.pool if q.objective and not q.asks)
    again = quiz.questions.again(closed.name, asked, mastery.round_of(1))
    progress.add("review", again, 0, True)
    begun = {(m.quiz, m.objective) for m in quiz.masteries(progress) if m.begun}
    assert begun == {*objectives([opened]), (closed.name, asked.objective)}


def test_the_table_has_a_mark_for_each_objective(progress):
    found, objective = with_questions(2)
    answer(progress, found, objective, True, True)
    table = quiz.mastery_table(progress)
    row = next(row for row in table.rows if row[0] == found.title)
    marks = ["✓" if each == objective else "·" for each in found.objectives]
    assert row == (found.title, f"1 of {len(marks)}", " ".join(marks))
    assert len(table.rows) == len(NAMES)
    assert "✓ mastered, ~ shaky, · open" in table.title


def test_each_mark_has_its_words(progress):
    found, objective = with_questions(2)
    answer(progress, found, objective, False)
    html = quiz.mastery_table(progress)._repr_html_()
    spoken = re.findall(r'<li[^>]*><span role="img" aria-label="(\w+):">(.)</span>', html)
    assert len(spoken) == len(quiz.masteries(progress))
    assert all(mastery.MARKS[state] == mark for state, mark in spoken)
    assert spoken.count(("shaky", "~")) == 1
    assert html.count("<details>") == html.count("<a href=") == len(NAMES)
