"""Where the learner stands, quiz by quiz."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import product

from featlib.quiz import questions
from featlib.quiz.progress import Answer, Progress
from featlib.quiz.questions import Quiz
from featlib.tables import Table

__all__ = ["HtmlTable", "Standing", "links", "progress_table", "standings"]


@dataclass(frozen=True)
class Standing:
    """How far the learner is in one quiz.

    Attributes
    ----------
    quiz : str
        Its name.
    total, answered, right, first_try : int
        Questions: all, tried at least once, right in the end, right at the first try.
    """

    quiz: str
    total: int
    answered: int
    right: int
    first_try: int

    @classmethod
    def of(cls, quiz: Quiz, tries: Mapping[str, Sequence[Answer]]) -> "Standing":
        """Work out where the learner stands in a quiz.

        Parameters
        ----------
        quiz : featlib.quiz.Quiz
            The quiz.
        tries : mapping of str to sequence of featlib.quiz.Answer
            The answers to each question by its `Question.key`, oldest first.

        Returns
        -------
        Standing
        """
        tried = [tries[q.key] for q in quiz.questions if tries.get(q.key)]
        right = sum(answers[-1].correct for answers in tried)
        first_try = sum(answers[0].correct for answers in tried)
        return cls(quiz.name, len(quiz.questions), len(tried), right, first_try)

    @property
    def words(self) -> str:
        """The standing in words: ``not begun``, ``begun`` or ``done``."""
        if self.right == self.total:
            return "done"
        return "begun" if self.answered else "not begun"


def standings(progress: Progress) -> list[Standing]:
    """Work out where the learner stands.

    Parameters
    ----------
    progress : featlib.quiz.Progress
        The learner's answers.

    Returns
    -------
    list of Standing
        For each quiz that comes with featlib. Answers to questions that no longer exist do not
        count.
    """
    tries: dict[str, list[Answer]] = defaultdict(list)
    for answer in progress.answers():
        tries[answer.key].append(answer)
    return [Standing.of(quiz, tries) for quiz in questions.bundled_quizzes()]


def progress_table(progress: Progress) -> Table:
    """Return where the learner stands, as a table.

    Parameters
    ----------
    progress : featlib.quiz.Progress
        The learner's answers.

    Returns
    -------
    featlib.tables.Table
        In a notebook, each title leads to the notebook that asks the quiz.
    """
    rows = tuple(
        (quiz.title, f"{s.right} of {s.total}", str(s.first_try), s.words)
        for quiz, s in zip(questions.bundled_quizzes(), standings(progress), strict=True)
    )
    columns = ("quiz", ">right", ">at the first try", "state")
    return HtmlTable("Your progress", columns, rows, links())


def links() -> dict[tuple[int, int], str]:
    """Return links to the notebooks of the quizzes, for the first column of a table of all quizzes.

    Returns
    -------
    dict of tuple of int to str
        As `HtmlTable` takes it.
    """
    found = {}
    for row, quiz in enumerate(questions.bundled_quizzes()):
        notebook = questions.read(questions.find(quiz.name))["notebook"]
        found[row, 0] = f'<a href="{escape(notebook)}.ipynb">{escape(quiz.title)}</a>'
    return found


@dataclass(frozen=True, repr=False)
class HtmlTable(Table):
    """A table with cells that HTML shows otherwise than text does.

    Attributes
    ----------
    title, columns, rows
        As for `Table`.
    html : dict of tuple of int to str
        The HTML of these cells, by row and column, counted from 0.
    """

    html: Mapping[tuple[int, int], str] = field(default_factory=dict)

    def _repr_html_(self) -> str:
        places = iter(product(range(len(self.rows)), range(len(self.columns))))

        def cell(found: re.Match[str]) -> str:
            html = self.html.get(next(places))
            return found[0] if html is None else f"{found[1]}{html}</td>"

        return re.sub("(<td[^>]*>).*?</td>", cell, super()._repr_html_(), flags=re.DOTALL)
