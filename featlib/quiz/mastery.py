"""What the learner knows, objective by objective.

How likely an objective is known follows from the answers to its questions, by Bayesian knowledge
tracing (Corbett and Anderson: Knowledge Tracing: Modeling the Acquisition of Procedural Knowledge,
User Modeling and User-Adapted Interaction 4, 1994, https://doi.org/10.1007/BF01099821). It needs
four probabilities: that it was known before, that one learns it from a question and its
explanation, that one slips though one knows it, and that one is right by luck. Luck is what a blind
click would have: one in four with four choices. When a mastered objective should be asked again is
decided by FSRS, as for flashcards.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from functools import cache, cached_property
from html import escape

from featlib.quiz import flashcards, questions
from featlib.quiz.progress import Answer, Progress, Review
from featlib.quiz.questions import Question
from featlib.quiz.standing import HtmlTable, links
from featlib.tables import Table

__all__ = ["MARKS", "Mastery", "luck", "masteries", "mastery_table", "round_of", "weakest"]

MARKS = {"mastered": "✓", "shaky": "~", "open": "·"}

_BEFORE, _LEARNED, _SLIP = 0.5, 0.05, 0.1  # probabilities
_TYPED = 0.05  # the luck of what is typed: there is no choice to click at blindly
_HELPED = 0.5  # the luck with a hint, and with one choice less
_ENOUGH = 0.9  # the probability from which on an objective counts as known
_QUESTIONS = 2  # one right answer alone shows little


@dataclass(frozen=True)
class Mastery:
    """How well an objective is known.

    Attributes
    ----------
    quiz, objective : str
        The quiz's name and the objective's key in it.
    text : str
        What the learner can do afterwards.
    first_tries : tuple of featlib.quiz.Answer
        The first answer to each of its questions, and to each that a review asked again, oldest
        first.
    known : float
        How likely it is known, 0 to 1.
    begun : bool
        Whether any question was answered in its notebook, or one on it in a review.
    """

    quiz: str
    objective: str
    text: str
    first_tries: tuple[Answer, ...]
    known: float
    begun: bool

    @property
    def state(self) -> str:
        """``open``, ``shaky`` or ``mastered``.

        Open: no question was answered. Mastered: two questions or more were answered, and it is
        known with a probability of 0.9 or more. That takes two questions that are right at the
        first try, three if they have few choices; after a wrong one, two or three more than that.
        Else it is shaky.
        """
        if not self.first_tries:
            return "open"
        enough = self.known >= _ENOUGH and len(self.first_tries) >= _QUESTIONS
        return "mastered" if enough else "shaky"

    @cached_property
    def due(self) -> float:
        """When it should be asked again, in seconds since 1970, UTC; 0 if it is open."""
        ratings = (Review("", "good" if _knew(a) else "again", a.time) for a in self.first_tries)
        return sum(card.due.timestamp() for card in flashcards.schedule(ratings).values())

    @property
    def urgency(self) -> tuple[float, float]:
        """What to sort by: what should be asked next comes first.

        That is what is least likely known; then what is mastered, by the time when it is due;
        then objectives of quizzes that were not begun.
        """
        if not self.begun:
            return (2.0, 0.0)
        return (1.0, self.due) if self.state == "mastered" else (self.known, 0.0)


def masteries(answers: Progress | Iterable[Answer]) -> list[Mastery]:
    """Work out how well each objective of the lesson is known.

    The first try of a question counts; if it was wrong, the second, too: who slipped mends it at
    once. A hint makes it count less.

    Parameters
    ----------
    answers : featlib.quiz.Progress or iterable of featlib.quiz.Answer
        The learner's answers, oldest first.

    Returns
    -------
    list of Mastery
        In the lesson's order.

    Raises
    ------
    OSError
        If the answers cannot be read.
    """
    tries: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers.answers() if isinstance(answers, Progress) else answers:
        tries[answer.key].append(answer)
    first: dict[tuple[str, str], list[Answer]] = defaultdict(list)
    known: dict[tuple[str, str], float] = defaultdict(lambda: _BEFORE)
    asked = _asked(tries.keys())
    for key, some in tries.items():
        if key in asked:
            quiz, question = asked[key]
            of = quiz, question.objective
            first[of].append(some[0])
            known[of] = _updated(known[of], question, some)
    # A review may ask one question of a notebook that was not opened: the rest of it can wait.
    begun = {quiz for key, (quiz, _) in _keys("").items() if key in tries}
    return [
        Mastery(
            quiz.name,
            objective,
            text,
            tuple(first[quiz.name, objective]),
            known[quiz.name, objective],
            begun=quiz.name in begun or bool(first[quiz.name, objective]),
        )
        for quiz in questions.bundled_quizzes()
        for objective, text in quiz.objectives.items()
    ]


def weakest(answers: Progress | Iterable[Answer]) -> list[Mastery]:
    """Sort the objectives of the lesson: what should be asked next comes first.

    Parameters
    ----------
    answers : featlib.quiz.Progress or iterable of featlib.quiz.Answer
        As for `masteries`.

    Returns
    -------
    list of Mastery
        Those that are least likely known come first, and mastered ones last: of these, what is due
        first by FSRS.

    Raises
    ------
    OSError
        If the answers cannot be read.
    """
    return sorted(masteries(answers), key=lambda of: of.urgency)


def mastery_table(progress: Progress) -> Table:
    """Return how well the objectives are known, as a table with a row for each notebook.

    Parameters
    ----------
    progress : featlib.quiz.Progress
        The learner's answers.

    Returns
    -------
    featlib.tables.Table
        ✓ is a mastered objective, ~ a shaky one, · an open one, see `Mastery.state`. In a notebook,
        each mark says its objective, and each title leads to the notebook.

    Raises
    ------
    OSError
        If the answers cannot be read.
    """
    of: dict[str, list[Mastery]] = {quiz.name: [] for quiz in questions.bundled_quizzes()}
    for each in masteries(progress):
        of[each.quiz].append(each)
    rows = tuple(
        (quiz.title, f"{_mastered(of[quiz.name])} of {len(of[quiz.name])}", _marks(of[quiz.name]))
        for quiz in questions.bundled_quizzes()
    )
    unfolded = {(row, 2): _unfolded(found) for row, found in enumerate(of.values())}
    title = f"Your objectives ({', '.join(f'{mark} {state}' for state, mark in MARKS.items())})"
    return HtmlTable(title, ("quiz", ">mastered", "objectives"), rows, links() | unfolded)


def luck(question: Question) -> float:
    """Return how likely a blind answer is right.

    Parameters
    ----------
    question : featlib.quiz.Question
        The question.

    Returns
    -------
    float
        A share of the possible clicks; 0.05 where something is typed.
    """
    n = len(question.answers)
    chances = {
        "multiple_choice": 1 / max(n, 1),
        "many_choice": 1 / 2**n,
        "order": 1 / math.factorial(len(question.items)),
    }
    return max(_TYPED, chances.get(question.type, 0))


def round_of(number: int) -> str:
    """Return the `Question.round` of the n-th review that asks a question.

    Parameters
    ----------
    number : int
        1 or more.

    Returns
    -------
    str
    """
    return f"review {number}"


def _mastered(found: Sequence[Mastery]) -> int:
    return sum(each.state == "mastered" for each in found)


def _marks(found: Sequence[Mastery]) -> str:
    return " ".join(MARKS[each.state] for each in found)


def _unfolded(found: Sequence[Mastery]) -> str:
    """Return HTML that shows marks, and unfolds to the objectives, each with its state in words."""
    states = Counter(each.state for each in found)
    words = ", ".join(f"{states[state]} {state}" for state in MARKS if states[state])
    items = "".join(
        f'<li style="list-style:none"><span role="img" aria-label="{each.state}:">'
        f"{MARKS[each.state]}</span> {escape(each.text)}</li>"
        for each in found
    )
    shown = f'<span role="img" aria-label="{words}">{_marks(found)}</span>'
    fold = f'<summary style="white-space:nowrap">{shown}</summary>'
    return f'<details>{fold}<ul style="margin:0;padding:0">{items}</ul></details>'


def _knew(answer: Answer) -> bool:
    return answer.correct and not answer.hint


def _updated(known: float, question: Question, tries: Sequence[Answer]) -> float:
    """Return how likely an objective is known after one more question (Corbett and Anderson)."""
    for number, answer in enumerate(tries[:1] if tries[0].correct else tries[:2]):
        chance = _HELPED if number or answer.hint else luck(question)
        if_known, if_not = (1 - _SLIP, chance) if answer.correct else (_SLIP, 1 - chance)
        known = known * if_known / (known * if_known + (1 - known) * if_not)
    return known + (1 - known) * _LEARNED


def _asked(answered: Set[str]) -> dict[str, tuple[str, Question]]:
    """Return the quiz and the question behind each key: of the lesson, the final quiz, reviews."""
    found, number = _keys("") | _keys("final"), 1
    # A question is asked in one more round only once it was answered in the one before.
    while not answered.isdisjoint(more := _keys(round_of(number))):
        found, number = found | more, number + 1
    return found


@cache
def _keys(round: str) -> dict[str, tuple[str, Question]]:
    """Return the questions with an objective by their keys in a round; "" is the lesson's own."""
    return {
        (questions.again(quiz.name, q, round) if round else q).key: (quiz.name, q)
        for quiz in questions.bundled_quizzes()
        for q in quiz.pool
        if q.objective
    }
