"""What a learner has answered, kept on disk, safe with several notebooks at once.

One JSON line an answer, only ever added to, under a lock. Nothing that was written is rewritten,
so a crash can at worst cut off the line that was being written.
"""

import csv
import io
import json
import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock

from featlib import paths

log = logging.getLogger("featlib")


@dataclass(frozen=True)
class Answer:
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


class Progress:
    """The learner's answers.

    Parameters
    ----------
    path : pathlib.Path, optional
        The file; in `paths.data_dir` if left out.
    """

    def __init__(self, path=None):
        self.path = Path(path) if path else paths.data_dir() / "answers.jsonl"

    def add(self, quiz, question, answer, correct, hint=False):
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

    def reset(self, quiz=None):
        """Forget the answers of a quiz, or of all.

        The file keeps them; from here on they do not count.

        Parameters
        ----------
        quiz : str, optional
            The quiz; all if left out.
        """
        self._append({"reset": quiz, "time": time.time()})

    def answers(self, quiz=None):
        """Return the answers that count, oldest first.

        Parameters
        ----------
        quiz : str, optional
            The quiz; all if left out.

        Returns
        -------
        list of Answer
        """
        kept = []
        for entry in self._lines():
            if "reset" in entry:
                kept = (
                    [] if entry["reset"] is None else [a for a in kept if a.quiz != entry["reset"]]
                )
            else:
                kept.append(Answer(**entry))
        return [a for a in kept if quiz in (None, a.quiz)]

    def last(self, quiz):
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

    def summary(self):
        """Count tries and right answers, question by question.

        Returns
        -------
        list of dict
            ``quiz``, ``question``, ``tries``, ``first_try``, ``correct``, ``hint``, ``answer``.
        """
        rows = {}
        for a in self.answers():
            row = rows.setdefault(
                (a.quiz, a.question),
                {"quiz": a.quiz, "question": a.question, "tries": 0, "first_try": a.correct},
            )
            row["tries"] += 1
            row |= {"correct": a.correct, "hint": a.hint, "answer": a.answer}
        return list(rows.values())

    def export(self, path):
        """Write the summary for an instructor.

        Parameters
        ----------
        path : str or pathlib.Path
            Ends in ``.csv`` or ``.json``.

        Returns
        -------
        pathlib.Path
        """
        path, rows = Path(path), self.summary()
        if path.suffix == ".json":
            path.write_text(json.dumps(rows, indent=1, ensure_ascii=False), encoding="utf-8")
            return path
        columns = ("quiz", "question", "tries", "first_try", "correct", "hint", "answer")
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, columns)
        writer.writeheader()
        writer.writerows(rows)
        path.write_text(text.getvalue(), encoding="utf-8", newline="")
        return path

    def _append(self, entry):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self.path}.lock", timeout=10):
            self._set_damage_aside()
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def _lines(self):
        if not self.path.is_file():
            return []
        with FileLock(f"{self.path}.lock", timeout=10):
            self._set_damage_aside()
            return self._parse()[0]

    def _parse(self):
        """Return the whole lines, and whether there are others."""
        entries, damaged = [], False
        for line in self.path.read_bytes().splitlines():
            try:
                entry = json.loads(line)
                if "reset" not in entry:
                    Answer(**entry)
                entries.append(entry)
            except (ValueError, TypeError):
                damaged = True
        return entries, damaged

    def _set_damage_aside(self):
        """Move a damaged file to another name; go on with the lines in it that are whole."""
        if not self.path.is_file():
            return
        entries, damaged = self._parse()
        if not damaged and self.path.read_bytes()[-1:] in (b"\n", b""):
            return
        aside = self.path.with_name(f"{self.path.stem}-damaged-{time.time_ns()}.jsonl")
        log.warning("progress: '%s' was damaged; it is kept as '%s'", self.path, aside.name)
        whole = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
        new = self.path.with_suffix(".new")
        new.write_text(whole, encoding="utf-8")
        # A hard link first: at no moment is there neither the old file nor the new one.
        aside.hardlink_to(self.path)
        new.replace(self.path)
