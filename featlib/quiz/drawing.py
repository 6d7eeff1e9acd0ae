"""Draw questions of the lesson: from all quizzes alike, or where the learner is weakest."""

import random
from collections.abc import Container
from itertools import chain, zip_longest

from featlib import checks
from featlib.quiz.mastery import luck, masteries, round_of
from featlib.quiz.progress import Progress
from featlib.quiz.questions import Question, Quiz, again, bundled_quizzes

__all__ = ["draw"]


def draw(n: int, seed: int | None = None, *, weakest: Progress | None = None) -> Quiz:
    """Draw questions from all quizzes of the lesson.

    Parameters
    ----------
    n : int
        How many.
    seed : int, optional
        The same seed draws the same questions; left out, they are others each time.
    weakest : featlib.quiz.Progress, optional
        The learner's answers: then questions are drawn on the objectives in the order of
        `featlib.quiz.weakest`, one on each before a second one on any, from the reserve of each
        quiz, too. What was not asked before is asked first. If left out, they are drawn as evenly
        from each quiz as can be.

    Returns
    -------
    Quiz
        Without questions that ask for a value of the learner's own run.

    Raises
    ------
    featlib.FeatlibError
        If there are not that many, the seed is no whole number, or `weakest` is no progress.
    OSError
        If the answers cannot be read.

    Examples
    --------
    >>> draw(10, seed=0)
    Quiz('final': 10 questions)
    """
    if seed is not None:
        seed = checks.whole_number(seed, "quiz.draw", "seed", low=0)
    chance = random.Random(seed)
    decks = _quizzes(chance) if weakest is None else _objectives(chance, weakest)
    checks.whole_number(n, "quiz.draw", "n", low=1, high=sum(map(len, decks)))
    # Round by round one question of each deck, until there are enough.
    rounds = chain.from_iterable(zip_longest(*decks))
    drawn = tuple(question for question in rounds if question is not None)[:n]
    name, title = ("final", "Final quiz") if weakest is None else ("review", "Review")
    return Quiz(name, title, {}, drawn)


def _quizzes(chance: random.Random) -> list[list[Question]]:
    """Return the questions of each quiz, all in an order of chance."""
    decks = [
        [again(quiz.name, q) for q in quiz.questions if not q.asks] for quiz in bundled_quizzes()
    ]
    for deck in decks:
        chance.shuffle(deck)
    chance.shuffle(decks)
    return decks


def _objectives(chance: random.Random, progress: Progress) -> list[list[Question]]:
    """Return the questions on each objective: the weakest, and what was asked least, come first.

    Of these, what can least be guessed: it shows most.
    """
    fix = "Pass quiz.Progress()."
    checks.instance(progress, Progress, "quiz.draw", "a Progress as `weakest`", fix)
    answers = progress.answers()
    asked = {answer.key for answer in answers}
    found = masteries(answers)
    chance.shuffle(found)  # for those that are equally weak
    decks = {(of.quiz, of.objective): [] for of in sorted(found, key=lambda of: of.urgency)}
    for quiz in bundled_quizzes():
        for question in quiz.pool:
            if question.objective and not question.asks:
                decks[quiz.name, question.objective].append(_next(quiz.name, question, asked))
    for deck in decks.values():
        chance.shuffle(deck)
        deck.sort(key=lambda pair: (pair[0], luck(pair[1])))
    return [[question for _, question in deck] for deck in decks.values()]


def _next(name: str, question: Question, asked: Container[str]) -> tuple[int, Question]:
    """Return how often a question was asked, and the question as the next review asks it."""
    before = (question.key in asked) + (again(name, question).key in asked)
    number = 1
    while (new := again(name, question, round_of(number))).key in asked:
        number += 1
    return before + number - 1, new
