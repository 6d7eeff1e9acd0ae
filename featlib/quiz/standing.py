"""Where the learner stands, quiz by quiz."""

from dataclasses import dataclass

from featlib.quiz import questions
from featlib.quiz.progress import Progress
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
    summary = progress.summary()
    found = []
    for name in questions.names():
        ids = {question.id for question in questions.load(name).questions}
        rows = [row for row in summary if row["quiz"] == name and row["question"] in ids]
        right = sum(row["correct"] for row in rows)
        found.append(
            Standing(name, len(ids), len(rows), right, sum(row["first_try"] for row in rows))
        )
    return found


def progress_table(progress: Progress) -> Table:
    """Return where the learner stands, as a table.

    Parameters
    ----------
    progress : featlib.quiz.Progress
        The learner's answers.

    Returns
    -------
    featlib.tables.Table
    """
    rows = tuple(
        (s.quiz, f"{s.right} of {s.total}", str(s.first_try), s.words) for s in standings(progress)
    )
    return Table("Your progress", ("quiz", ">right", ">at the first try", "state"), rows)
