"""Quizzes as files for Moodle and Canvas.

All questions of a quiz are exported: those that the notebook asks, and those for a review.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from featlib import checks
from featlib.engine.words import readable
from featlib.quiz import gift, qti
from featlib.quiz.accepted import LeftOut
from featlib.quiz.questions import Question, Quiz, bundled_quizzes, load

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["FORMATS", "Exported", "chosen", "export"]

FORMATS = {"gift": ".gift.txt", "qti": ".zip"}  # the endings of files in a folder
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
        content, n = _WRITERS[format](some, left)
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


_LeftOut = list[tuple[str, str, str]]


def _gift(quizzes: Sequence[Quiz], left: _LeftOut) -> tuple[bytes, int]:
    lines, count = [], 0
    for of in quizzes:
        items = _items(of, gift.item, left)
        lines += [gift.category(of.name, of.title), *items] if items else []
        count += len(items)
    return readable("\n\n".join(lines) + "\n").encode(), count


def _qti(quizzes: Sequence[Quiz], left: _LeftOut) -> tuple[bytes, int]:
    found: list[tuple[str, str, list[Element]]] = []
    for of in quizzes:
        if items := _items(of, qti.item, left):
            found.append((of.name, of.title, items))
    return qti.package(found), sum(len(items) for *_, items in found)


def _items(of: Quiz, item: Callable[[str, Question], "Element | str"], left: _LeftOut) -> list:
    """Return the questions of a quiz in a format, and note those that it cannot express."""
    found = []
    for question in of.pool:
        try:
            found.append(item(of.name, question))
        except LeftOut as why:
            left.append((of.name, question.id, str(why)))
    return found


_WRITERS: dict[str, Callable[[Sequence[Quiz], _LeftOut], tuple[bytes, int]]] = {
    "gift": _gift,
    "qti": _qti,
}
