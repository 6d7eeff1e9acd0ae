"""Where the learner stands, quiz by quiz."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from featlib.quiz import questions
from featlib.quiz.progress import Answer, Progress
from featlib.quiz.questions import Quiz
from featlib.tables import Table

__all__ = ["Standing", "progress_table", "standings"]


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
    return _LinkedTable("Your progress", columns, rows)


class _LinkedTable(Table):
    """A table of quizzes whose titles are links in HTML."""

    def _repr_html_(self) -> str:
        html = super()._repr_html_()
        for quiz in questions.bundled_quizzes():
            title = escape(quiz.title)
            notebook = questions.read(questions.find(quiz.name))["notebook"]
            link = f'<a href="{escape(notebook)}.ipynb">{title}</a>'
            html = html.replace(f">{title}</td>", f">{link}</td>")
        return html
