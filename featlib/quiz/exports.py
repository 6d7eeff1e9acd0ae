"""Quizzes as files for Moodle and Canvas.

All questions of a quiz are exported: those that the notebook asks, and those for a review.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from featlib import checks
from featlib.quiz import gift, qti
from featlib.quiz.accepted import LeftOut
from featlib.quiz.questions import Quiz, bundled_quizzes, load

__all__ = ["FORMATS", "Exported", "chosen", "export"]

FORMATS = {"gift": ".gift.txt", "qti": ".zip"}  # the endings of files in a folder
_WRITERS = {"gift": gift, "qti": qti}
_WHERE = "quiz-export"


@dataclass(frozen=True)
class Exported:
    """What was exported.

    Attributes
    ----------
    files : tuple of pathlib.Path
        What was written.
    questions : int
        How many questions are in them.
    left_out : tuple of tuple of str
        Those that are not: the name of the quiz, the id of the question, and the reason.
    """

    files: tuple[Path, ...]
    questions: int
    left_out: tuple[tuple[str, str, str], ...]


def export(
    quizzes: Sequence[str | Path | Quiz] = (), path: str | Path = ".", *, format: str = "gift"
) -> Exported:
    """Write quizzes as a file that a learning management system imports.

    Parameters
    ----------
    quizzes : sequence of str, pathlib.Path or featlib.quiz.Quiz
        Names of quizzes that come with featlib, files, or quizzes; all that come with it if empty.
    path : str or pathlib.Path
        A file for all of them; or a folder, for a file each: one that is there, or whose name ends
        with a slash.
    format : {"gift", "qti"}
        For Moodle: one text file. For Canvas: QTI 1.2, a zip archive.

    Returns
    -------
    Exported

    Raises
    ------
    featlib.FeatlibError
        If there is no such quiz, two have the same name, no question can be exported, or the file
        cannot be written.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     done = export(["source_quiz"], folder, format="gift")
    >>> done.files[0].name, done.questions, done.left_out[0][2]
    ('source_quiz.gift.txt', 2, 'a shape can be written in many ways')
    """
    checks.one_of(format, _WHERE, "--format", FORMATS)
    found = chosen(quizzes, _WHERE)
    slash = str(path).endswith(("/", os.sep))
    path = checks.path(path, _WHERE, "the questions")
    left: list[tuple[str, str, str]] = []
    if slash or path.is_dir():
        path = checks.output_folder(path, _WHERE, "the questions")
        parts = {path / f"{of.name}{FORMATS[format]}": [of] for of in found}
    else:
        parts = {checks.output_file(path, _WHERE, "the questions"): found}
    files, count = {}, 0
    for file, some in parts.items():
        content, n = _content(some, format, left)
        if n:
            files[file], count = content, count + n
    if not files:
        why = f"{len(left)} that are not; the first, {left[0][1]}: {left[0][2]}"
        checks.refuse(_WHERE, "a question that can be exported", why, "Choose another quiz.")
    checks.write_files(files, _WHERE, "Choose another place with --out.")
    return Exported(tuple(files), count, tuple(left))


def chosen(quizzes: Sequence[str | Path | Quiz], where: str) -> Sequence[Quiz]:
    """Return the quizzes that somebody has named.

    Parameters
    ----------
    quizzes : sequence of str, pathlib.Path or featlib.quiz.Quiz
        As for `export`.
    where : str
        Who asks, for the message.

    Returns
    -------
    sequence of featlib.quiz.Quiz

    Raises
    ------
    featlib.FeatlibError
        If there is no such quiz, or two have the same name.
    """
    if isinstance(quizzes, (str, Path, Quiz)):
        quizzes = [quizzes]
    checks.instance(quizzes, Sequence, where, "names of quizzes", "Pass them in a list.")
    found = [one if isinstance(one, Quiz) else load(one) for one in quizzes] or bundled_quizzes()
    names = [one.name for one in found]
    for name in names:
        if names.count(name) > 1:
            fix = "Name each quiz once; rename a file that is called as another one."
            checks.refuse(where, "quizzes of different names", f"'{name}' twice", fix)
    return found


def _content(
    quizzes: Sequence[Quiz], format: str, left: list[tuple[str, str, str]]
) -> tuple[bytes, int]:
    """Return a file and how many questions are in it; note those that it cannot express."""
    writer, found = _WRITERS[format], []
    for of in quizzes:
        items = []
        for question in of.pool:
            try:
                items.append(writer.item(of.name, question))
            except LeftOut as why:
                left.append((of.name, question.id, str(why)))
        if items:
            found.append((of.name, of.title, items))
    return writer.package(found), sum(len(items) for *_, items in found)
