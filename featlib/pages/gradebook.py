"""Marks for the gradebook of Moodle or Canvas, out of what learners exported.

An export is not signed: whoever has it can edit it. So these marks prove nothing.

A learner is known by the name of the file alone. A roster, a list of students that Moodle or Canvas
exported, says who that is: the file is called as a username, a number or an address of exactly one
student, or as the student's name, in any order of its words.
"""

import codecs
import csv
import io
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from featlib import checks, quiz
from featlib.engine.csv_text import safe_cell
from featlib.engine.files import read_regular
from featlib.engine.words import printable, readable, reason
from featlib.pages.class_report import ClassReport
from featlib.quiz.exports import chosen

__all__ = ["FORMATS", "Gradebook", "Mark", "Student", "marks", "read_roster", "write"]

FORMATS = ("plain", "moodle", "canvas")
_WHERE = "gradebook"
_LARGEST = 2_000_000  # bytes of a roster that are read
# How Moodle and Canvas call the columns of a list of students, in lower case.
_COLUMNS = {
    "student": "name",
    "full name": "name",
    "name": "name",
    "first name": "first",
    "firstname": "first",
    "last name": "last",
    "lastname": "last",
    "surname": "last",
    "username": "username",
    "sis login id": "username",
    "id number": "number",
    "idnumber": "number",
    "sis user id": "number",
    "email address": "email",
    "email": "email",
    "id": "canvas",
    "section": "section",
}
# What Canvas takes for a sum of its own, and does not import, wherever it is in a title.
_SUMS = re.compile(r"(Current|Final|Override) (Score|Points|Grade|Status)")
_CANVAS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
_IDENTIFYING = ("username", "number", "email", "canvas")


@dataclass(frozen=True)
class Student:
    """One line of a roster.

    Attributes
    ----------
    name : str
        The whole name; empty if the roster has none.
    username, number, email, canvas, section : str
        As the roster has them: the name or the number for the login, the number of the school, the
        address, Canvas' own number, and the section. Empty where it has none.
    """

    name: str
    username: str = ""
    number: str = ""
    email: str = ""
    canvas: str = ""
    section: str = ""

    @property
    def label(self) -> str:
        """What to call the student in a message."""
        return self.name or self.username or self.email or self.number or self.canvas


@dataclass(frozen=True)
class Mark:
    """What a learner gets.

    Attributes
    ----------
    learner : str
        As `featlib.pages.class_report.Learner.name`.
    score : int
        Questions that are right.
    student : Student or None
        Who that is; None if the file fits no student of the roster, or not one alone. Without a
        roster the name of the file stands for the username.
    why : str
        Why it fits nobody; else empty.
    """

    learner: str
    score: int
    student: Student | None
    why: str = ""


@dataclass(frozen=True)
class Gradebook:
    """The marks of a class.

    Attributes
    ----------
    marks : tuple of Mark
        By the names of the files.
    out_of : int
        How many questions there are.
    missing : tuple of str
        Students of the roster without a file.
    """

    marks: tuple[Mark, ...]
    out_of: int
    missing: tuple[str, ...] = field(default=())

    @property
    def unmatched(self) -> tuple[Mark, ...]:
        """The marks of nobody on the roster: they are in no table for Moodle or Canvas."""
        return tuple(mark for mark in self.marks if mark.student is None)


def marks(
    report: ClassReport,
    quizzes: Sequence[str | Path | quiz.Quiz] = (),
    *,
    roster: Sequence[Student] | None = None,
    first_try: bool = False,
) -> Gradebook:
    """Count what each learner has right.

    Parameters
    ----------
    report : featlib.pages.class_report.ClassReport
        What `featlib.pages.class_report.read` returned.
    quizzes : sequence of str, pathlib.Path or featlib.quiz.Quiz
        The quizzes that count: names, files, or quizzes; all that come with featlib if empty. Of
        each count the questions that a notebook asks.
    roster : sequence of Student, optional
        What `read_roster` returned.
    first_try : bool
        Whether a question counts only if it was right at the first try; else, if it is right in the
        end.

    Returns
    -------
    Gradebook

    Raises
    ------
    featlib.FeatlibError
        If there is no such quiz, or a value is of another kind.
    """
    fix = "Pass what class_report.read returned."
    checks.instance(report, ClassReport, _WHERE, "results of a class", fix)
    checks.switch(first_try, _WHERE, "first_try")
    counted = chosen(quizzes, _WHERE)
    if roster is None:
        who = [(Student(learner.name, learner.name), "") for learner in report.learners]
    else:
        fix = "Pass what read_roster returned."
        checks.instance(roster, Sequence, _WHERE, "a roster", fix)
        for student in roster:
            checks.instance(student, Student, _WHERE, "students of a roster", fix)
        who = _matched([learner.name for learner in report.learners], roster)
    found = []
    for learner, (student, why) in zip(report.learners, who, strict=True):
        at = [report.standing(learner, of) for of in counted]
        score = sum(each.first_try if first_try else each.right for each in at)
        found.append(Mark(learner.name, score, student, why))
    entered = {id(student) for student, _ in who}
    missing = tuple(printable(of.label) for of in roster or () if id(of) not in entered)
    return Gradebook(tuple(found), sum(len(of.questions) for of in counted), missing)


def read_roster(path: str | Path) -> tuple[Student, ...]:
    """Read a list of students that Moodle or Canvas exported.

    Parameters
    ----------
    path : str or pathlib.Path
        A CSV file in UTF-8 (or UTF-16, as spreadsheets save Unicode), with commas, semicolons or
        tabs: the export of the grades, or of the participants.

    Returns
    -------
    tuple of Student

    Raises
    ------
    featlib.FeatlibError
        If it cannot be read, or has no column that says who somebody is.
    """
    path = checks.file(path, _WHERE, "a roster")
    fix = "Export the grades of Moodle or Canvas as CSV, and pass that file."
    try:
        rows = _rows(read_regular(path, _LARGEST))
    except (OSError, ValueError, csv.Error) as error:
        why = reason(error)
        if isinstance(error, UnicodeDecodeError):
            why, fix = "no text in UTF-8", "Save it as CSV in UTF-8, such as with a spreadsheet."
        checks.refuse(_WHERE, f"a roster in CSV at '{path}'", why, fix)
    header = [_COLUMNS.get(" ".join(cell.casefold().split()), "") for cell in rows[0]]
    if not {*_IDENTIFYING, "name", "last"}.intersection(header):
        wanted = f"a column Username, Email address, ID number, ID or Student in '{path}'"
        got = ", ".join(cell.strip() for cell in rows[0])[:200] or "an empty first line"
        fix = "Call one of its columns so, in English: in the file's first line."
        checks.refuse(_WHERE, wanted, got, fix)
    found = [_student(dict(zip(reversed(header), reversed(row), strict=True))) for row in rows[1:]]
    return tuple(student for student in found if student.label)


def write(
    gradebook: Gradebook,
    path: str | Path = "marks.csv",
    *,
    format: str = "plain",
    title: str = "featlib quizzes",
) -> Path:
    """Write marks as CSV; no cell can begin with a formula.

    Parameters
    ----------
    gradebook : Gradebook
        What `marks` returned.
    path : str or pathlib.Path
        The file.
    format : {"plain", "moodle", "canvas"}
        ``plain``: name, score, out of, percent. ``moodle``: who it is, and the mark in percent,
        since a grade item that an import makes counts to 100. ``canvas``: as Canvas exports a
        gradebook, with the row "Points Possible".
    title : str
        What the column of the mark is called: that of a grade item or an assignment.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    featlib.FeatlibError
        If the file cannot be written, or no mark can.
    """
    fix = "Pass what gradebook.marks returned."
    checks.instance(gradebook, Gradebook, _WHERE, "the marks of a class", fix)
    checks.one_of(format, _WHERE, "--format", FORMATS)
    path = checks.output_file(path, _WHERE, "the marks")
    title = checks.text(title, _WHERE, "the title")
    if format == "canvas" and (_SUMS.search(title) or title in _CANVAS):
        fix = "Choose another one with --title: Canvas has columns of its own that are called so."
        checks.refuse(_WHERE, "the title of an assignment", f"'{title}'", fix)
    known = [mark for mark in gradebook.marks if mark.student or format == "plain"]
    if not known:
        got = f"{len(gradebook.marks)} that fit nobody"
        fix = "Rename the files as the roster calls the students: by username, number or name."
        checks.refuse(_WHERE, "files of students of the roster", got, fix)
    rows = _TABLES[format](known, gradebook.out_of, title)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [safe_cell(readable(cell)) if isinstance(cell, str) else cell for cell in row]
        for row in rows
    )
    fix = "Choose another file with --out."
    return checks.write_files({path: text.getvalue().encode()}, _WHERE, fix)


_Row = Sequence[str | int]


def _plain(known: Sequence[Mark], out_of: int, title: str) -> list[_Row]:
    rows = [
        (of.student.label if of.student else of.learner, of.score, out_of, _percent(of, out_of))
        for of in known
    ]
    return [("name", "score", "out of", "percent"), *rows]


def _moodle(known: Sequence[Mark], out_of: int, title: str) -> list[_Row]:
    """Return what "Import CSV" of Moodle's grades maps: https://docs.moodle.org/en/Grade_import."""
    pairs = [(of.student, _percent(of, out_of)) for of in known if of.student]
    columns = {"Username": "username", "ID number": "number", "Email address": "email"}
    given = {
        shown: name
        for shown, name in columns.items()
        if any(getattr(student, name) for student, _ in pairs)
    }
    rows = [
        (student.name, *(getattr(student, name) for name in given.values()), percent)
        for student, percent in pairs
    ]
    return [("Full name", *given, title), *rows]


def _canvas(known: Sequence[Mark], out_of: int, title: str) -> list[_Row]:
    """Return the columns of Canvas' own export, in its order, which its import expects."""
    header = (*_CANVAS, title)
    possible = ("    Points Possible", "", "", "", "", out_of)
    rows = [
        (s.label, s.canvas, s.number, s.username or s.email, s.section, of.score)
        for of in known
        if (s := of.student)
    ]
    return [header, possible, *rows]


_TABLES: dict[str, Callable[[Sequence[Mark], int, str], list[_Row]]] = {
    "plain": _plain,
    "moodle": _moodle,
    "canvas": _canvas,
}


def _percent(mark: Mark, out_of: int) -> str:
    return f"{100 * mark.score / out_of:.1f}"


def _rows(content: bytes) -> list[list[str]]:
    """Return the cells of a CSV file, as many in each row."""
    is_wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    text = content.decode("utf-16" if is_wide else "utf-8-sig")
    first = text.lstrip("\r\n").partition("\n")[0]
    separator = max(",;\t", key=first.count)
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=separator) if any(row)]
    if not rows:
        raise ValueError("an empty file")
    return [row[: len(rows[0])] + [""] * (len(rows[0]) - len(row)) for row in rows]


def _student(cells: dict[str, str]) -> Student:
    """Return who a row is about; a row that describes the columns has no label."""
    of = {name: " ".join(cell.split()) for name, cell in cells.items()}
    name = of.get("name", "") or f"{of.get('first', '')} {of.get('last', '')}".strip()
    if name == "Points Possible":
        return Student("")
    facts = {column: of.get(column, "") for column in (*_IDENTIFYING, "section")}
    return Student(name, **facts)


def _matched(names: Sequence[str], roster: Sequence[Student]) -> list[tuple[Student | None, str]]:
    """Return whose each file is; None and the reason for what fits nobody, or not one alone."""
    ways = [_index(roster, way) for way in (_identities, _names, _mailboxes)]
    fits: list[list[Student]] = []
    for name in names:
        keys = (_key(name), _words(name), _key(name))
        fits.append(next((at[key] for at, key in zip(ways, keys, strict=True) if key in at), []))
    files: dict[int, list[str]] = defaultdict(list)
    for name, some in zip(names, fits, strict=True):
        if len(some) == 1:
            files[id(some[0])].append(name)
    found: list[tuple[Student | None, str]] = []
    for some in fits:
        them = " and ".join(printable(of.label) for of in some)
        same = files[id(some[0])] if len(some) == 1 else []
        if not some:
            found.append((None, "no student of the roster fits"))
        elif len(some) > 1:
            found.append((None, f"it fits {them}"))
        elif len(same) > 1:
            found.append((None, f"{' and '.join(same)} are both of {them}"))
        else:
            found.append((some[0], ""))
    return found


def _index(
    roster: Sequence[Student], way: Callable[[Student], Iterable[str]]
) -> dict[str, list[Student]]:
    found: dict[str, list[Student]] = defaultdict(list)
    for student in roster:
        for key in set(filter(None, way(student))):
            found[key].append(student)
    return dict(found)


def _identities(student: Student) -> Iterable[str]:
    return [_key(getattr(student, column)) for column in _IDENTIFYING]


def _names(student: Student) -> Iterable[str]:
    return [_words(student.name)]


def _mailboxes(student: Student) -> Iterable[str]:
    return [_key(of.partition("@")[0]) for of in (student.email, student.username) if "@" in of]


def _key(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _words(text: str) -> str:
    """Return the words of a name, whatever their order and what is between them."""
    return " ".join(sorted(re.findall(r"[^\W_]+", _key(text))))
