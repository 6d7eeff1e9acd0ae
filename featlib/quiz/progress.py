"""What a learner has done, kept on disk, safe with several notebooks at once.

One JSON line an answer, only ever added to, under a lock. Nothing that was written is rewritten,
so a crash can at worst cut off the line that was being written.
"""

import csv
import json
import logging
import time
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from filelock import BaseFileLock, FileLock

from featlib.engine import paths
from featlib.engine.files import atomic_write
from featlib.engine.strict_json import parse_json

__all__ = ["RATINGS", "Answer", "Progress", "Record", "Review"]

RATINGS = ("again", "hard", "good", "easy")

_COLUMNS: tuple[str, ...] = ("quiz", "question", "tries", "first_try", "correct", "hint", "answer")
_END_OF_TIME = 253_402_300_799  # seconds from 1970 to the end of the year 9999, Python's last
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # how cells begin that a spreadsheet computes
_LOG = logging.getLogger("featlib")
_R = TypeVar("_R", bound="Record")


@dataclass(frozen=True)
class Record:
    """What answers and reviews share: how one is made from a line that may be damaged."""

    @classmethod
    def of(cls: type[_R], entry: object) -> _R:
        """Make a record from a line of the file, or from an entry of an exported one.

        Parameters
        ----------
        entry : object
            Anything that JSON can hold.

        Returns
        -------
        Answer or Review

        Raises
        ------
        ValueError
            With the reason, if it is no such record.
        """
        if not isinstance(entry, dict):
            raise ValueError("no entry with fields")
        known = _kinds(cls)
        for name, kind in known.items():
            if name not in entry:
                raise ValueError(f"'{name}' is missing")
            # A number without a fraction may have been written without its point.
            number = type(entry[name]) is int and kind is float
            if not number and not isinstance(entry[name], kind):
                raise ValueError(f"'{name}' is of the wrong type")
        if unknown := entry.keys() - known.keys():
            raise ValueError(f"'{min(unknown)}' is unknown")
        if not 0 <= entry["time"] <= _END_OF_TIME:
            raise ValueError("'time' is no time")
        return cls(**entry)


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
        Which.
    answer : object
        As `marking.mark` takes it.
    correct : bool
        Whether it was right.
    hint : bool
        Whether the hint had been shown.
    time : float
        Seconds since 1970, UTC.
    """

    quiz: str
    question: str
    answer: object
    correct: bool
    hint: bool
    time: float


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


class Progress:
    """The learner's answers and reviews.

    Parameters
    ----------
    path : str or pathlib.Path, optional
        The file; in `paths.data_dir` if left out.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = Path(path) if path else paths.data_dir() / "answers.jsonl"

    def add(
        self, quiz: str, question: str, answer: object, correct: bool, hint: bool = False
    ) -> None:
        """Keep an answer at once.

        Parameters
        ----------
        quiz, question : str
            Name and id.
        answer : object
            Anything that JSON can hold.
        correct, hint : bool
            Whether it was right, and whether the hint had been shown.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        entry = Answer(quiz, question, answer, bool(correct), bool(hint), time.time())
        self._append(asdict(entry))

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
        """
        self._append(asdict(Review(card, rating, time.time())))

    def reset(self, quiz: str | None = None) -> None:
        """Forget the answers of a quiz, or everything.

        The file keeps them; from here on they do not count.

        Parameters
        ----------
        quiz : str, optional
            The quiz, or ``"flashcards"``; everything if left out.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        self._append({"reset": quiz, "time": time.time()})

    def answers(self, quiz: str | None = None) -> list[Answer]:
        """Return the answers that count, oldest first.

        Parameters
        ----------
        quiz : str, optional
            The quiz; all if left out.

        Returns
        -------
        list of Answer
        """
        kept = [entry for entry in self._entries() if isinstance(entry, Answer)]
        return [answer for answer in kept if quiz in (None, answer.quiz)]

    def reviews(self) -> list[Review]:
        """Return the reviews of flashcards that count, oldest first.

        Returns
        -------
        list of Review
        """
        return [entry for entry in self._entries() if isinstance(entry, Review)]

    def last(self, quiz: str) -> dict[str, Answer]:
        """Return the last answer to each question of a quiz.

        Parameters
        ----------
        quiz : str
            The quiz.

        Returns
        -------
        dict of str to Answer
        """
        return {answer.question: answer for answer in self.answers(quiz)}

    def summary(self) -> list[dict[str, Any]]:
        """Count tries and right answers, question by question.

        Returns
        -------
        list of dict
            With the keys ``quiz``, ``question``, ``tries``, ``first_try``, ``correct``, ``hint``
            and ``answer``; the last three are those of the last try.
        """
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        for a in self.answers():
            row = rows.setdefault(
                (a.quiz, a.question),
                {"quiz": a.quiz, "question": a.question, "tries": 0, "first_try": a.correct},
            )
            row["tries"] += 1
            row |= {"correct": a.correct, "hint": a.hint, "answer": a.answer}
        return list(rows.values())

    def export(self, path: str | Path) -> Path:
        """Write everything for an instructor.

        Parameters
        ----------
        path : str or pathlib.Path
            Ends in ``.csv`` (the summary, a row a question) or ``.json`` (the summary, each single
            answer and each review).

        Returns
        -------
        pathlib.Path

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        path, rows = Path(path), self.summary()
        if path.suffix == ".json":
            every = {
                "summary": rows,
                "answers": [asdict(answer) for answer in self.answers()],
                "reviews": [asdict(review) for review in self.reviews()],
            }
            path.write_text(json.dumps(every, indent=1, ensure_ascii=False), encoding="utf-8")
            return path
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, _COLUMNS)
            writer.writeheader()
            writer.writerows(row | {"answer": _cell(row["answer"])} for row in rows)
        return path

    def _entries(self) -> list[Answer | Review]:
        """Return answers and reviews that no later reset took back."""
        kept: list[Answer | Review] = []
        for entry in self._read():
            if "reset" not in entry:
                kept.append(_record(entry))
            elif entry["reset"] is None:
                kept = []
            else:
                kept = [record for record in kept if _quiz_of(record) != entry["reset"]]
        return kept

    def _append(self, entry: dict[str, Any]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._lock():
            self._set_damage_aside()
            with open(self.path, "ab") as file:
                # Half a character, which JavaScript allows in a text, becomes a question mark.
                file.write(_line(entry).encode(errors="replace"))

    def _read(self) -> list[dict[str, Any]]:
        if not self.path.is_file():
            return []
        with self._lock():
            return self._set_damage_aside()

    def _lock(self) -> BaseFileLock:
        return FileLock(f"{self.path}.lock", timeout=10)

    def _set_damage_aside(self) -> list[dict[str, Any]]:
        """Return the lines; move a damaged file to another name and go on with what is whole."""
        if not self.path.is_file():
            return []
        content = self.path.read_bytes()
        entries, damaged = _parse(content)
        if damaged:
            aside = self.path.with_name(f"{self.path.stem}-damaged-{time.time_ns()}.jsonl")
            _LOG.warning("progress: '%s' was damaged; it is kept as '%s'", self.path, aside.name)
            aside.write_bytes(content)
            with atomic_write(self.path) as file:
                file.write("".join(map(_line, entries)).encode())
        return entries


def _parse(content: bytes) -> tuple[list[dict[str, Any]], bool]:
    """Return the lines that are whole, and whether anything else was in the file."""
    entries, damaged = [], content[-1:] not in (b"\n", b"")
    for line in content.split(b"\n")[:-1] if not damaged else content.split(b"\n"):
        try:
            entry = parse_json(line)
            if not isinstance(entry, dict) or entry.get("rating", "good") not in RATINGS:
                raise ValueError
            if "reset" not in entry:
                _record(entry)
            entries.append(entry)
        except ValueError:
            damaged = True
    return entries, damaged


def _record(entry: dict[str, Any]) -> Answer | Review:
    return Review.of(entry) if "card" in entry else Answer.of(entry)


def _line(entry: dict[str, Any]) -> str:
    return json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n"


def _cell(answer: object) -> object:
    """Put an apostrophe before what a spreadsheet would compute: it makes it text.

    See OWASP, CSV Injection, https://owasp.org/www-community/attacks/CSV_Injection.
    """
    return f"'{answer}" if isinstance(answer, str) and answer.startswith(_FORMULA) else answer


def _quiz_of(record: Answer | Review) -> str:
    return record.quiz if isinstance(record, Answer) else "flashcards"
