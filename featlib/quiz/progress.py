"""What a learner has done, kept on disk, safe with several notebooks at once.

One JSON line an answer, only ever added to, under a lock. Nothing that was written is rewritten,
so a crash can at worst cut off the line that was being written.

An answer belongs to a question by its content, `Question.key`: a quiz that is moved or renamed
keeps its answers, a question that is changed is open again, and the same question in two files has
one answer, since nobody can tell two files from one that was copied or moved.

Files of before there were keys name an answer's quiz and question by their names alone. Such an
answer belongs to the question of that quiz that comes with featlib, if there is one. If not, it
stays in the file until a quiz of that name is opened that has a question of that id, and the
question gives the last of these answers the verdict that was kept with it: then they are its own.

Guesses are kept beside answers, by the content of their questions, too, each with what was measured
once that is known.
"""

import csv
import errno
import io
import json
import logging
import os
import stat
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from filelock import FileLock, Timeout

from featlib import checks, variants
from featlib.engine import paths
from featlib.engine.csv_text import safe_cell
from featlib.engine.files import atomic_write
from featlib.engine.strict_json import parse_json
from featlib.engine.words import reason, say_once
from featlib.quiz import questions
from featlib.quiz.guess_questions import GuessQuestion, asked_questions
from featlib.quiz.marking import Value, mark
from featlib.quiz.questions import Question, Quiz

__all__ = ["RATINGS", "Answer", "Guessed", "Progress", "Record", "Review", "named"]

RATINGS = ("again", "hard", "good", "easy")

_COLUMNS: tuple[str, ...] = ("quiz", "question", "tries", "first_try", "correct", "hint", "answer")
_GUESSED = ("guess", "measured")  # columns of an export that only guesses fill
_END_OF_TIME = 253_402_300_799  # seconds from 1970 to the end of the year 9999, Python's last
_TAIL = 1 << 16  # bytes at a file's end that are looked at before a line is added
_LOG = logging.getLogger("featlib")
_R = TypeVar("_R", bound="Record")


@dataclass(frozen=True)
class Record:
    """What answers, reviews and guesses share: how one is made from a line that may be damaged."""

    @classmethod
    def of(cls: type[_R], entry: object) -> _R:
        """Make a record from a line of the file, or from an entry of an exported one.

        Parameters
        ----------
        entry : object
            Anything that JSON can hold.

        Returns
        -------
        Answer, Review or Guessed

        Raises
        ------
        ValueError
            With the reason, if it is no such record.
        """
        if not isinstance(entry, dict):
            raise ValueError("no entry with fields")
        if "mark" in entry:
            entry = _with_mark(entry)
        known = _kinds(cls)
        for name, kind in known.items():
            if name not in entry:
                if hasattr(cls, name):  # it has a default: the key, as before there were keys
                    continue
                raise ValueError(f"'{name}' is missing")
            # A number without a fraction may have been written without its point.
            number = type(entry[name]) is int and kind is float
            if not number and not isinstance(entry[name], kind):
                raise ValueError(f"'{name}' is of the wrong type")
        if unknown := entry.keys() - known.keys():
            raise ValueError(f"'{min(unknown)}' is unknown")
        if not 0 <= entry["time"] <= _END_OF_TIME:
            raise ValueError("'time' is no time")
        if entry.get("rating", RATINGS[0]) not in RATINGS:
            raise ValueError("'rating' is none of " + ", ".join(RATINGS))
        found = cls(**entry)
        if isinstance(found, Guessed):
            found.check()
        return found


@cache
def _kinds(record: type[Record]) -> dict[str, Any]:
    """Return the types of a record's fields, by name."""
    return get_type_hints(record)


@dataclass(frozen=True)
class Answer(Record):
    """One try at one question.

    Attributes
    ----------
    quiz, question : str
        Which: the quiz's name and the question's id.
    answer : object
        As `marking.mark` takes it.
    correct : bool
        Whether it was right.
    hint : bool
        Whether the hint had been shown.
    time : float
        Seconds since 1970, UTC.
    key : str
        The question's `Question.key`; empty where only the names are known.
    """

    quiz: str
    question: str
    answer: object
    correct: bool
    hint: bool
    time: float
    key: str = ""


@dataclass(frozen=True)
class Review(Record):
    """One look at one flashcard.

    Attributes
    ----------
    card : str
        Which.
    rating : str
        One of `RATINGS`: how well it was known.
    time : float
        Seconds since 1970, UTC.
    """

    card: str
    rating: str
    time: float


@dataclass(frozen=True)
class Guessed(Record):
    """One guess, and what was measured, once that is known.

    Attributes
    ----------
    notebook, guess : str
        Where it was asked, and the id of its question.
    value : float, str, or list of float
        What was guessed: a number, one of several choices, or a number for each bar or place.
    measured : float, str, list of float, or None
        What came out, of the same kind; None as long as nobody has measured.
    time : float
        Seconds since 1970, UTC.
    key : str
        The `GuessQuestion.key` of its question.
    """

    notebook: str
    guess: str
    value: object
    measured: object
    time: float
    key: str

    def check(self) -> None:
        """Check what was guessed and measured.

        Raises
        ------
        ValueError
            With the reason, if it is of no kind that a guess can be.
        """
        if not _can_be_guessed(self.value):
            raise ValueError("'value' is no guess")
        if self.measured is not None and not _is_alike(self.value, self.measured):
            raise ValueError("'measured' is of another kind than the guess")


def _can_be_guessed(value: object) -> bool:
    numbers = value if isinstance(value, list) and value else [value]
    return isinstance(value, str) or all(type(number) in (int, float) for number in numbers)


def _is_alike(value: object, other: object) -> bool:
    """Whether something could have been guessed instead: as many numbers, or a text, too."""
    if isinstance(value, list) and isinstance(other, list):
        return _can_be_guessed(other) and len(value) == len(other)
    both = isinstance(value, (list, str)), isinstance(other, (list, str))
    return _can_be_guessed(other) and type(value) is type(other) if any(both) else True


@dataclass(frozen=True)
class _Look:
    """What was found at the last look into a file.

    Attributes
    ----------
    content : bytes
        The file, without damage.
    entries : list
        Its lines; `Answer`, `Review`, `Guessed`, or a dict that says something of these.
    asked : set of str
        The keys of the questions that the file holds.
    """

    content: bytes
    entries: list[Any]
    asked: set[str]


_Kept = Answer | Review | Guessed
_NOTHING = _Look(b"", [], set())
_LOOKS: dict[Path, _Look] = {}  # of the file that was read last; so only what is new is parsed


class Progress:
    """The learner's answers, reviews and guesses.

    Parameters
    ----------
    path : str or pathlib.Path, optional
        The file; in `paths.data_dir` if left out.

    Raises
    ------
    featlib.FeatlibError
        If it is no path.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        if path is None:
            self.path = paths.data_dir() / "answers.jsonl"
        else:
            self.path = checks.path(path, "Progress", "a file of answers")

    def add(
        self,
        quiz: str,
        question: str | Question,
        answer: object,
        correct: bool,
        hint: bool = False,
    ) -> None:
        """Keep an answer at once.

        It takes as long with 50,000 answers in the file as with none.

        Parameters
        ----------
        quiz : str
            The quiz's name.
        question : featlib.quiz.Question or str
            The question; or its id, where it is one of a quiz that comes with featlib.
        answer : object
            Anything that JSON can hold.
        correct, hint : bool
            Whether it was right, and whether the hint had been shown.

        Raises
        ------
        OSError
            If the file cannot be written.
        featlib.FeatlibError
            If the answer is nothing that JSON can hold, or a name is no text.
        """
        of, before = {"quiz": quiz, "question": question}, []
        if isinstance(question, Question):
            of |= {"question": question.id, "key": question.key}
            before = self._unasked(question)
        how = {"answer": answer, "correct": bool(correct), "hint": bool(hint)}
        self._append(*before, of | how | {"time": time.time()})

    def add_review(self, card: str, rating: str) -> None:
        """Keep at once how well a flashcard was known.

        Parameters
        ----------
        card : str
            The card's id.
        rating : str
            One of `RATINGS`.

        Raises
        ------
        OSError
            If the file cannot be written.
        featlib.FeatlibError
            If the rating is none of these, or the id is no text.
        """
        self._append(vars(Review(card, rating, time.time())))

    def add_guess(self, question: GuessQuestion, value: object, measured: object = None) -> None:
        """Keep a guess at once; it takes the place of an earlier one.

        Parameters
        ----------
        question : featlib.quiz.GuessQuestion
            What was asked.
        value : float, str, or sequence of float
            The guess, as `GuessQuestion.checked` takes it.
        measured : float, str, or sequence of float, optional
            What came out, as `GuessQuestion.truth` takes it.

        Raises
        ------
        OSError
            If the file cannot be written.
        featlib.FeatlibError
            If it is no question, or one of the two does not fit it.
        """
        fix = "quiz.find_guess(name) returns one."
        checks.instance(question, GuessQuestion, "Progress.add_guess", "a GuessQuestion", fix)
        value = question.checked(value)
        measured = None if measured is None else question.truth(measured)
        kept = Guessed(question.notebook, question.id, value, measured, time.time(), question.key)
        self._append(*self._unasked(question), vars(kept))

    def reset(self, quiz: str | Quiz | GuessQuestion | None = None) -> None:
        """Forget the answers of a quiz, a guess, or everything.

        The file keeps them; from here on they do not count.

        Parameters
        ----------
        quiz : str, featlib.quiz.Quiz or featlib.quiz.GuessQuestion, optional
            The quiz: then answers to its questions, and no others, are forgotten. The name of one
            that comes with featlib, ``"flashcards"``, ``"guesses"``, or any other name that answers
            were kept with; or one question to guess. Everything if left out.

        Raises
        ------
        OSError
            If the file cannot be written.
        featlib.FeatlibError
            If it is neither a name nor a quiz.
        """
        if quiz is not None:
            fix = "Pass its name."
            kinds = (str, Quiz, GuessQuestion)
            checks.instance(quiz, kinds, "Progress.reset", "the name of a quiz", fix)
        if isinstance(quiz, str):
            quiz = next((q for q in questions.bundled_quizzes() if q.name == quiz), quiz)
        entry: dict[str, Any] = {"reset": quiz, "time": time.time()}
        if isinstance(quiz, Quiz):
            entry |= {"reset": quiz.name, "keys": [question.key for question in quiz.pool]}
        elif isinstance(quiz, GuessQuestion):
            entry |= {"reset": "guesses", "keys": [quiz.key]}
        self._append(entry)

    def answers(self, quiz: str | None = None) -> list[Answer]:
        """Return the answers that count, oldest first.

        Parameters
        ----------
        quiz : str, optional
            The quiz; all if left out.

        Returns
        -------
        list of Answer

        Raises
        ------
        OSError
            If the file cannot be read.
        """
        kept = [entry for entry in self._entries() if isinstance(entry, Answer)]
        return [answer for answer in kept if quiz in (None, answer.quiz)]

    def reviews(self) -> list[Review]:
        """Return the reviews of flashcards that count, oldest first.

        Returns
        -------
        list of Review
            None where the file cannot be read: then a warning is logged, and cards can be shown.
        """
        return [entry for entry in self._shown() if isinstance(entry, Review)]

    def guesses(self) -> dict[str, Guessed]:
        """Return the guesses that count: the last one to each question.

        Returns
        -------
        dict of str to Guessed
            By `GuessQuestion.key`, in the order in which they were first made. Empty where the file
            cannot be read: then a warning is logged, and questions can be shown.
        """
        return _guesses(self._shown())

    def guess_questions(self) -> dict[str, GuessQuestion]:
        """Return the questions that were guessed, as they were asked.

        Returns
        -------
        dict of str to GuessQuestion
            By `GuessQuestion.key`; without those that are damaged.
        """
        kept = self.guesses()
        return asked_questions(self._questions(set(kept)) if kept else {})

    def last(
        self, quiz: str | Quiz, values: Mapping[str, Value] | None = None
    ) -> dict[str, Answer]:
        """Return the last answer to each question of a quiz.

        Parameters
        ----------
        quiz : featlib.quiz.Quiz or str
            The quiz; or the name that answers were kept with, whatever the questions were.
        values : mapping, optional
            Values of the learner's own run, as for `mark`.

        Returns
        -------
        dict of str to Answer
            By the question's id. Empty where the file cannot be read: then a warning is logged, and
            a quiz can be shown.
        """
        kept = [entry for entry in self._shown() if isinstance(entry, Answer)]
        if isinstance(quiz, str):
            return {answer.question: answer for answer in kept if answer.quiz == quiz}
        by_key = {answer.key: answer for answer in kept}
        old = {a.question: a for a in kept if not a.key and a.quiz == quiz.name}
        found = {}
        for question in quiz.questions:
            if answer := by_key.get(question.key):
                found[question.id] = answer
            elif (answer := old.get(question.id)) and _gives(question, answer, values):
                found[question.id] = answer
                self._take(question, answer)
        return found

    def summary(self) -> list[dict[str, Any]]:
        """Count tries and right answers, question by question.

        Returns
        -------
        list of dict
            With the keys ``quiz``, ``question``, ``tries``, ``first_try``, ``correct``, ``hint``
            and ``answer``; the last three are those of the last try.

        Raises
        ------
        OSError
            If the answers cannot be read.
        """
        return _summary(self.answers())

    def export(self, path: str | Path) -> Path:
        """Write everything for an instructor.

        Parameters
        ----------
        path : str or pathlib.Path
            Ends in ``.csv`` (the summary, a row a question, then a row a guess) or ``.json`` (the
            summary, each single answer, the questions that were asked, each review, the guesses
            and their questions, and the variant).

        Returns
        -------
        pathlib.Path

        Raises
        ------
        featlib.FeatlibError
            If it cannot be written; a file that was there before is unchanged.
        OSError
            If the answers cannot be read.
        """
        path = checks.path(path, "featlib progress", "a file for the answers")
        text = self._json() if path.suffix.lower() == ".json" else self._csv()
        try:
            with atomic_write(path) as file:
                file.write(text.encode())
        except OSError as error:
            fix = "Give a name in a folder that is there and that you can write to."
            checks.refuse("featlib progress", f"to write '{path}'", _why(error), fix)
        return path

    def _json(self) -> str:
        entries = self._entries()  # all of one moment
        answers = [entry for entry in entries if isinstance(entry, Answer)]
        reviews = [entry for entry in entries if isinstance(entry, Review)]
        guesses = _guesses(entries)
        every = {
            "summary": _summary(answers),
            "answers": list(map(_of_a_day, answers)),
            "questions": self._questions({answer.key for answer in answers}),
            "reviews": list(map(_of_a_day, reviews)),
            "guesses": list(map(_of_a_day, guesses.values())),
            "guess_questions": self._questions(set(guesses)),
            "variant": variants.current(),
        }
        return json.dumps(every, indent=1, ensure_ascii=False)

    def _csv(self) -> str:
        file = io.StringIO(newline="")
        writer = csv.DictWriter(file, (*_COLUMNS, *_GUESSED), restval="")
        writer.writeheader()
        entries = self._entries()
        rows = _summary([entry for entry in entries if isinstance(entry, Answer)])
        for g in _guesses(entries).values():
            told = {"guess": g.value, "measured": "" if g.measured is None else g.measured}
            rows.append({"quiz": g.notebook, "question": g.guess} | told)
        for row in rows:
            writer.writerow({name: _cell(value) for name, value in row.items()})
        return file.getvalue()

    def _shown(self) -> list[_Kept]:
        """Return answers, reviews and guesses, or none where the file cannot be read."""
        try:
            return self._entries()
        except OSError as error:
            say_once(
                f"progress: '{self.path}' cannot be read; nothing of it is shown: {_why(error)}"
            )
            return []

    def _entries(self) -> list[_Kept]:
        """Return answers, reviews and guesses that no later reset took back."""
        kept: list[_Kept] = []
        for entry in self._read():
            if isinstance(entry, Answer):
                kept.append(named(entry))
            elif isinstance(entry, (Review, Guessed)):
                kept.append(entry)
            elif "taken" in entry:
                kept = [_taken(record, entry) for record in kept]
            elif "reset" in entry:
                kept = [record for record in kept if not _cleared(record, entry)]
        return kept

    def _questions(self, keys: set[str]) -> dict[str, Any]:
        """Return the questions that were asked, by their keys, each as a dict of fields."""
        asked = [e for e in self._read() if isinstance(e, dict) and e.get("asked") in keys]
        return {entry["asked"]: entry["question"] for entry in asked}

    def _unasked(self, question: Question | GuessQuestion) -> list[dict[str, Any]]:
        """Return the line that keeps a question, or none if the file has it."""
        if self.path not in _LOOKS or not self._is_there():
            self._shown()
        # If another program has added the question since, it stands there twice, which is no harm.
        if question.key in _LOOKS.get(self.path, _NOTHING).asked:
            return []
        said = question.to_dict()
        if isinstance(question, Question):  # what is left out is empty or 0
            said = {name: value for name, value in said.items() if value}
        return [{"asked": question.key, "question": said}]

    def _take(self, question: Question, answer: Answer) -> None:
        """Keep that old answers are those to a question."""
        entry = {"taken": [answer.quiz, answer.question], "key": question.key}
        try:
            self._append(*self._unasked(question), entry)
        except OSError as error:
            say_once(f"progress: '{self.path}' cannot be written: {_why(error)}")

    def _append(self, *entries: dict[str, Any]) -> None:
        lines = b"".join(map(_line, entries))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock():
            if self._is_there() and not _ends_well(self.path):
                content = self.path.read_bytes()
                if _parse(content)[1]:
                    self._set_aside(content)
            with open(self.path, "ab") as file:
                file.write(lines)
        if look := _LOOKS.get(self.path):
            look.asked.update(entry["asked"] for entry in entries if "asked" in entry)

    def _read(self) -> list[Any]:
        if not self._is_there():
            _LOOKS.pop(self.path, None)
            return []
        with self._lock() as held:
            content = self.path.read_bytes()
            entries, damaged = _look(self.path, content)
            if damaged and held:  # else it may be the line that another program is writing
                try:
                    self._set_aside(content)
                except OSError as error:
                    say_once(f"progress: '{self.path}' is damaged, and stays so: {_why(error)}")
            return entries

    def _is_there(self) -> bool:
        try:
            mode = self.path.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return False
        if not stat.S_ISREG(mode):  # a pipe would let us wait for ever
            raise OSError(errno.EINVAL, "no regular file", str(self.path))
        return True

    @contextmanager
    def _lock(self) -> Iterator[bool]:
        """Hold the lock, and yield whether it is held: some disks and folders allow none."""
        lock, held = FileLock(f"{self.path}.lock", timeout=10), True
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # where it has to use another kind of lock
                lock.acquire()
        except Timeout:
            raise
        except (OSError, NotImplementedError) as error:
            held = False
            say_once(f"progress: '{self.path}' is used without a lock: {_why(error)}")
        try:
            yield held
        finally:
            lock.release()

    def _set_aside(self, content: bytes) -> None:
        """Keep a damaged file under another name, and what is whole of it under its own."""
        aside = self.path.with_name(f"{self.path.stem}-damaged-{time.time_ns()}.jsonl")
        with atomic_write(aside) as file:
            file.write(content)
        with atomic_write(self.path) as file:
            file.writelines(line + b"\n" for line in content.split(b"\n") if _is_whole(line))
        _LOG.warning("progress: '%s' was damaged; it is kept as '%s'", self.path, aside.name)


@cache
def _old_keys() -> dict[tuple[str, str], str]:
    """Return the keys of the questions that come with featlib, by the names of before."""
    found = {}
    for quiz in questions.bundled_quizzes():
        for question in quiz.pool:
            final = questions.again(quiz.name, question)
            found[quiz.name, question.id] = question.key
            found["final", final.id] = final.key
    return found


def named(answer: Answer) -> Answer:
    """Return an answer with its question's key, if it has none and its names say which it is.

    Parameters
    ----------
    answer : Answer
        Of any age.

    Returns
    -------
    Answer
        With the key of the question of that name that comes with featlib; else as it was.
    """
    key = answer.key or _old_keys().get((answer.quiz, answer.question), "")
    return answer if key == answer.key else replace(answer, key=key)


def _gives(question: Question, answer: Answer, values: Mapping[str, Value] | None) -> bool:
    """Whether a question gives an old answer the verdict that was kept with it."""
    try:
        found = mark(question, answer.answer, values)
    except checks.FeatlibError:
        return False
    # A question about the learner's own run may judge it otherwise after each run.
    return found.correct == answer.correct or bool(question.asks)


def _taken(record: _Kept, entry: dict[str, Any]) -> _Kept:
    """Return an old answer with the key of the question that took it."""
    if not isinstance(record, Answer) or record.key:
        return record
    ours = [record.quiz, record.question] == entry["taken"]
    return replace(record, key=entry["key"]) if ours else record


def _cleared(record: _Kept, entry: dict[str, Any]) -> bool:
    """Whether a reset takes back a record."""
    if isinstance(entry.get("keys"), list):
        return isinstance(record, (Answer, Guessed)) and record.key in entry["keys"]
    return entry["reset"] is None or entry["reset"] == _quiz_of(record)


def _of_a_day(record: Record) -> dict[str, Any]:
    """Return a record as others get it: with the day, and no time of it.

    The mark is the fraction of the second. It says nothing of the hour, is the same in each export
    of a learner, and hardly the same in those of two: so it shows which files are copies.
    """
    plain = asdict(record)
    return plain | {"time": plain["time"] // 86_400 * 86_400.0, "mark": plain["time"] % 1}


def _with_mark(entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry of an export with its mark, which tells copies, in its time."""
    plain = dict(entry)
    mark = plain.pop("mark")
    if type(mark) not in (int, float) or not 0 <= mark < 1:
        raise ValueError("'mark' is no number from 0 to 1")
    if type(plain.get("time")) in (int, float):
        plain["time"] += mark
    return plain


def _guesses(entries: list[_Kept]) -> dict[str, Guessed]:
    """Return the last guess to each question."""
    return {entry.key: entry for entry in entries if isinstance(entry, Guessed)}


def _summary(answers: list[Answer]) -> list[dict[str, Any]]:
    rows: dict[object, dict[str, Any]] = {}
    for a in answers:
        row = rows.setdefault(
            a.key or (a.quiz, a.question),
            {"quiz": a.quiz, "question": a.question, "tries": 0, "first_try": a.correct},
        )
        row["tries"] += 1
        row |= {"correct": a.correct, "hint": a.hint, "answer": a.answer}
    return list(rows.values())


def _look(path: Path, content: bytes) -> tuple[list[Any], bool]:
    """Return the lines of a file that are whole, and whether anything else is in it.

    Only what was added since the last look is parsed.
    """
    before = _LOOKS.get(path, _NOTHING)
    if not content.startswith(before.content):
        before = _NOTHING
    new, damaged = _parse(content[len(before.content) :])
    entries = before.entries + new
    if not damaged:
        asked = {entry["asked"] for entry in new if isinstance(entry, dict) and "asked" in entry}
        _LOOKS.clear()
        _LOOKS[path] = _Look(content, entries, before.asked | asked)
    return entries, damaged


def _parse(content: bytes) -> tuple[list[Any], bool]:
    """Return the lines that are whole, and whether anything else was in the file."""
    entries, damaged = [], content[-1:] not in (b"\n", b"")
    for line in content.split(b"\n")[:-1] if not damaged else content.split(b"\n"):
        try:
            entries.append(_entry(line))
        except ValueError:
            damaged = True
    return entries, damaged


def _ends_well(path: Path) -> bool:
    """Whether the last line of a file is whole: then another one can be added."""
    with open(path, "rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
        tail = file.read()
    return not tail or (tail.endswith(b"\n") and _is_whole(tail[:-1].rpartition(b"\n")[2]))


def _is_whole(line: bytes) -> bool:
    try:
        _entry(line)
    except ValueError:
        return False
    return True


def _entry(line: bytes) -> Any:
    """Return an answer, a review, a guess, or a dict that says something of these."""
    entry = parse_json(line)
    if not isinstance(entry, dict):
        raise ValueError("no entry with fields")
    if "reset" in entry:
        return entry
    if "asked" in entry or "taken" in entry:
        name, kind = ("asked", str) if "asked" in entry else ("taken", list)
        other, its_kind = ("question", dict) if name == "asked" else ("key", str)
        if not isinstance(entry[name], kind) or not isinstance(entry.get(other), its_kind):
            raise ValueError(f"'{name}' is of the wrong type")
        return entry
    kind = Review if "card" in entry else Guessed if "guess" in entry else Answer
    return kind.of(entry)


def _line(entry: dict[str, Any]) -> bytes:
    """Return an entry as a line; refuse what would be taken for damage when it is read again."""
    try:
        # Half a character, which JavaScript allows in a text, becomes a question mark.
        line = json.dumps(entry, ensure_ascii=False, allow_nan=False).encode(errors="replace")
        _entry(line)
    except (TypeError, ValueError, RecursionError) as error:
        fix = "Pass texts as names, and a text, a finite number, or a list of these as answer."
        checks.refuse("progress", "what JSON can hold", reason(error), fix)
    return line + b"\n"


def _cell(value: object) -> object:
    plain = value is None or isinstance(value, (bool, int, float))
    return value if plain else safe_cell(str(value))


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or reason(error)


def _quiz_of(record: _Kept) -> str:
    if isinstance(record, Answer):
        return record.quiz
    return "flashcards" if isinstance(record, Review) else "guesses"
