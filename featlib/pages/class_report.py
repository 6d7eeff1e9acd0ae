"""Where a class stands: the exported answers of many learners on one HTML page.

The files come from other people: what they hold is checked, and escaped on the page. A file that is
no export is named with the reason, and stops nothing.

The page is for a screen that others may see. So learners have numbers there, in no order that says
who they are; what somebody typed, or guessed, is shown only if three learners or more did; and of
times there are only days.
"""

import base64
import hashlib
import json
import os
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path

from markupsafe import Markup

from featlib import checks, quiz, variants
from featlib.checks import FeatlibError
from featlib.engine.files import read_regular
from featlib.engine.progress_bar import progress_bar
from featlib.engine.strict_json import parse_json
from featlib.engine.words import printable, reason, say_once
from featlib.pages import borrowed
from featlib.pages.rendering import TEMPLATES, render, write_page
from featlib.quiz.questions import CHOICES

__all__ = ["ClassReport", "Difficulty", "Gap", "Learner", "Part", "Wrong", "read", "watch", "write"]

# Bytes of a file that are read: all questions, answered once, take 130 kB, a thousand tries 180 kB.
LARGEST = 2_000_000
LONGEST = 200  # characters of an answer that are shown
MOST = 3  # wrong answers that are shown for a question
FEW = 3  # people who must have typed or guessed something before it is shown
ANOTHER = "another answer"
MISCONCEPTIONS = 30  # that are shown
_COPY = re.compile(r"( ?\(\d+\)| - Copy| copy( \d+)?)+$")  # what tells a second file from a first
_DAY = 86_400.0  # seconds
_SETTLED = 2.0  # seconds without a change, after which a file is not still being written


@dataclass(frozen=True)
class Learner:
    r"""One learner's answers.

    Attributes
    ----------
    name : str
        The file's name without its ending, and without what tells a later export from an earlier
        one of the same learner, ``(1)``; what cannot be printed is written out: ``\xff``.
    answers : tuple of featlib.quiz.Answer
        Oldest first.
    number : int
        What the page calls the learner.
    variant : str
        Whose split the numbers of the run come from, as `featlib.variants.name` returns it.
    file : str
        The name of the file that was read; of a later export it may be ``anna (1).json``.
    """

    name: str
    answers: tuple[quiz.Answer, ...]
    number: int = 0
    variant: str = ""
    file: str = ""

    @cached_property
    def tries(self) -> dict[str, list[quiz.Answer]]:
        """The answers to each question by its `featlib.quiz.Question.key`, oldest first."""
        found: dict[str, list[quiz.Answer]] = defaultdict(list)
        for answer in self.answers:
            found[answer.key].append(answer)
        return dict(found)

    @cached_property
    def stuck(self) -> int:
        """How many questions were answered, and not right in the end."""
        return sum(not tries[-1].correct for tries in self.tries.values())

    @cached_property
    def right(self) -> int:
        """How many questions were right in the end."""
        return len(self.tries) - self.stuck


@dataclass(frozen=True)
class Wrong:
    """A wrong answer and how often it was given.

    Attributes
    ----------
    text, format : str
        What was answered, in words, and how to read it: ``text``, ``markdown`` or ``plain``.
        "another answer" stands for all that was typed by fewer than three learners.
    feedback : str
        What the quiz answers to it; empty where that depends on the learner's own run.
    learners : int
        How many gave it at least once.
    """

    text: str
    format: str
    feedback: str
    learners: int


@dataclass(frozen=True)
class Difficulty:
    """How a class did on one question.

    Attributes
    ----------
    quiz, question, key : str
        Name, id, and `featlib.quiz.Question.key`.
    text, format : str
        What is asked, and how to read it: ``text`` or ``markdown``.
    learners : int
        How many tried it.
    first_try : float
        Share of them that were right at the first try, 0 to 1.
    solved : float
        Share that were right in the end.
    tries : float
        Mean number of tries.
    hint : float
        Share that were shown the hint.
    wrong : tuple of Wrong
        The wrong answers that most learners gave, most frequent first.
    """

    quiz: str
    question: str
    key: str
    text: str
    format: str
    learners: int
    first_try: float
    solved: float
    tries: float
    hint: float
    wrong: tuple[Wrong, ...]


@dataclass(frozen=True)
class Gap:
    """How well a class knows one objective.

    Attributes
    ----------
    quiz, text : str
        The quiz's name, and what one can do afterwards.
    learners, mastered, shaky : int
        How many answered a question on it, and in which state of `featlib.quiz.Mastery` they are.
    known : float
        The mean of `featlib.quiz.Mastery.known` over these learners, 0 to 1.
    """

    quiz: str
    text: str
    learners: int
    mastered: int
    shaky: int
    known: float


@dataclass(frozen=True)
class Part:
    """How a class did on one quiz.

    Attributes
    ----------
    quiz : featlib.quiz.Quiz
        The quiz.
    begun, done : int
        How many learners answered a question, and how many all of them rightly.
    first_try : float
        Of all questions that were tried, the share that were right at the first try, 0 to 1.
    hardest : Difficulty
        The question that was hardest.
    """

    quiz: quiz.Quiz
    begun: int
    done: int
    first_try: float
    hardest: Difficulty


@dataclass(frozen=True)
class ClassReport:
    """Where a class stands.

    Attributes
    ----------
    learners : tuple of Learner
        By name.
    quizzes : tuple of featlib.quiz.Quiz
        Those that anybody has answered: those of the lesson, then others, with the questions that
        were answered. An edited copy of one of the lesson is another one: "other NAME".
    difficulties : tuple of Difficulty
        Hardest first: by share right at the first try.
    guesses : tuple of featlib.quiz.GuessSpread
        What was guessed before it was measured; questions of one's own only if three did.
    refused : tuple of tuple of str
        Files that cannot be read as results, each with the reason; made safe to print.
    variants : featlib.pages.borrowed.Variants or None
        Answers held against all variants; None where that was not asked for.
    hidden : int
        Questions of quizzes of one's own that fewer than three learners answered.
    earlier : tuple of str
        Files that are earlier exports of a learner of `learners`: nothing is wrong with them.
    """

    learners: tuple[Learner, ...]
    quizzes: tuple[quiz.Quiz, ...]
    difficulties: tuple[Difficulty, ...]
    guesses: tuple[quiz.GuessSpread, ...]
    refused: tuple[tuple[str, str], ...]
    variants: borrowed.Variants | None = None
    hidden: int = 0
    earlier: tuple[str, ...] = ()

    @property
    def empty(self) -> tuple[str, ...]:
        """The files without any answer."""
        return tuple(learner.file for learner in self.learners if not learner.answers)

    @property
    def stuck_first(self) -> list[Learner]:
        """The learners: who is stuck at most questions comes first, then who has fewest right."""
        return sorted(self.learners, key=lambda of: (-of.stuck, of.right, of.number))

    @property
    def days(self) -> tuple[date, ...]:
        """The first and the last day of an answer, in UTC; empty without any."""
        times = [answer.time for learner in self.learners for answer in learner.answers]
        ends = (min(times), max(times)) if times else ()
        return tuple(date(1970, 1, 1) + timedelta(days=time // 86_400) for time in ends)

    @cached_property
    def gaps(self) -> list[Gap]:
        """The objectives that anybody answered a question on, the least known first."""
        found: dict[tuple[str, str], list[quiz.Mastery]] = defaultdict(list)
        for learner in self.learners:
            for each in quiz.masteries(learner.answers):
                if each.first_tries:
                    found[each.quiz, each.text].append(each)
        return sorted((_gap(*names, each) for names, each in found.items()), key=lambda g: g.known)

    @cached_property
    def parts(self) -> list[Part]:
        """How the class did on each of `quizzes`."""
        return [part for found in self.quizzes if (part := _part(self, found))]

    @property
    def misconceptions(self) -> list[tuple[Difficulty, Wrong]]:
        """The wrong answers that the quiz has words for, those of most learners first."""
        pairs = [(d, wrong) for d in self.difficulties for wrong in d.wrong]
        named = [pair for pair in pairs if pair[1].feedback and pair[1].text != ANOTHER]
        return sorted(named, key=lambda pair: -pair[1].learners)[:MISCONCEPTIONS]

    def guessed(self, spread: quiz.GuessSpread) -> str:
        """Return what was guessed, as far as enough learners guessed it.

        Parameters
        ----------
        spread : featlib.quiz.GuessSpread
            One of `guesses`.

        Returns
        -------
        str
        """
        return spread.told(FEW) if spread.learners >= FEW else "fewer than three"

    def standing(self, learner: Learner, found: quiz.Quiz) -> quiz.Standing:
        """Return where a learner is in a quiz.

        Parameters
        ----------
        learner : Learner
            One of `learners`.
        found : featlib.quiz.Quiz
            One of `quizzes`.

        Returns
        -------
        featlib.quiz.Standing
        """
        return quiz.Standing.of(found, learner.tries)


def read(folder: str | Path, *, progress: bool = True, variants: bool = False) -> ClassReport:
    """Read the exported results of a class.

    Parameters
    ----------
    folder : str or pathlib.Path
        With a file ``NAME.json`` for each learner, as ``featlib progress --export NAME`` writes it.
    progress : bool
        Whether to show a progress bar if it takes longer than two seconds.
    variants : bool
        Whether to hold answers against the right ones of all variants.

    Returns
    -------
    ClassReport

    Raises
    ------
    featlib.FeatlibError
        If there is no such folder, or nothing in it can be read as results.
    """
    folder = checks.folder(folder, "class-report", "exported results")
    found: list[_Export] = []
    refused = _only_tables(folder)
    asked: dict[str, quiz.Question] = {}  # by their keys
    files = _files(folder, ".json")
    for file in progress_bar("results", len(files), "file", progress, files):
        try:
            found.append(_export(file, asked))
        except (ValueError, OSError) as error:
            refused.append((file.name, _why(error)))
    report = _report(found, asked, refused, progress, variants)
    if not found:
        refused = report.refused
        got = f"{len(refused)} files that are none" if refused else "no file .json"
        if refused:
            got += f" ({refused[0][0]}: {refused[0][1]})"
        fix = "Learners write theirs with: featlib progress --export NAME."
        checks.refuse("class-report", f"exported results in '{folder}'", got, fix)
    return report


def watch(
    folder: str | Path,
    path: str | Path = "class-report.html",
    *,
    seconds: float = 0.5,
    variants: bool = False,
) -> Iterator[ClassReport]:
    """Write the page anew each time that something in a folder has changed, without an end.

    A file that cannot be read waits until it is whole, as it may still be written; what was read of
    it before is shown. If nothing changes it for two seconds, it is named. While the folder itself
    cannot be read, such as a share that is away, the page stays as it is, and a warning says so.

    Parameters
    ----------
    folder, path : str or pathlib.Path
        As for `read` and `write`; the folder may be empty. In a browser, the page loads itself
        anew.
    seconds : float
        How long to wait between two looks into the folder.
    variants : bool
        As for `read`.

    Yields
    ------
    ClassReport
        What was written, each time.

    Raises
    ------
    featlib.FeatlibError
        If there is no such folder, or the page cannot be written.
    """
    folder = checks.folder(folder, "class-report", "exported results")
    path = checks.output_file(path, "class-report", "the page")
    seen, new = _Seen(), False
    while True:
        try:
            new = seen.look(folder) or new  # until it is written, whatever fails in between
            refused = seen.refused(folder)
        except OSError as error:
            say_once(f"class-report: '{folder}' cannot be read; waiting for it: {reason(error)}")
        else:
            if new:
                report = _report([*seen.exports.values()], seen.asked, refused, False, variants)
                _write(report, path, watched=True)
                new = False
                yield report
        time.sleep(seconds)


def write(report: ClassReport, path: str | Path = "class-report.html") -> Path:
    """Write the page: one file with everything in it.

    Parameters
    ----------
    report : ClassReport
        What `read` returned.
    path : str or pathlib.Path
        The page. It holds no names but those of files that are no exports, or empty.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    featlib.FeatlibError
        If it cannot be written.
    """
    return _write(report, checks.output_file(path, "class-report", "the page"), watched=False)


def _write(report: ClassReport, path: Path, watched: bool) -> Path:
    script = (TEMPLATES / "class_report.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    values = {"report": report, "script": Markup(script), "digest": digest, "watched": watched}
    text = render("class_report.html.j2", **values)
    return write_page(text, path, "class-report", "Choose another file with --out.")


@dataclass(frozen=True)
class _Export:
    """What a file holds.

    Attributes
    ----------
    name, file : str
        Who wrote it, and the file's name.
    answers : tuple of featlib.quiz.Answer
        Oldest first.
    guesses : dict
        As in the file.
    guessed : frozenset of tuple
        The key, value and time of each guess.
    variant : str
        As `Learner.variant`.
    """

    name: str
    file: str
    answers: tuple[quiz.Answer, ...]
    guesses: dict[str, object]
    guessed: frozenset[tuple[str, str, float]]
    variant: str


class _Seen:
    """What was seen of a folder that is watched.

    Attributes
    ----------
    exports : dict of str to _Export
        By the file's name: what could last be read of it.
    asked : dict of str to featlib.quiz.Question
        The questions in the files.
    """

    def __init__(self) -> None:
        self.exports: dict[str, _Export] = {}
        self.asked: dict[str, quiz.Question] = {}
        self._states: dict[str, object] | None = None
        self._faults: dict[str, tuple[str, float]] = {}  # the reason, and since when
        self._named: set[str] = set()
        self._again: dict[str, float] = {}  # when to read a file once more

    def look(self, folder: Path) -> bool:
        """Read what has changed, and return whether there is anything new to show."""
        states = _states(folder)
        before, self._states = self._states, states
        gone = (before or {}).keys() - states.keys()
        for name in gone:
            for kept in (self.exports, self._faults, self._again):
                kept.pop(name, None)
        changed = {name for name, state in states.items() if state != (before or {}).get(name)}
        new = before is None or bool(gone)
        for name in sorted(changed | self._due()):
            if name.lower().endswith(".json"):
                new |= self._read(folder / name, name in changed)
            else:
                new = True
        named, self._named = self._named, self._settled()
        return new or named != self._named

    def _read(self, file: Path, changed: bool) -> bool:
        """Read a file, and return whether it holds anything new."""
        name, now = file.name, time.monotonic()
        self._again.pop(name, None)
        if changed:  # a share may date its files by two seconds only, and give room in advance
            self._again[name] = now + _SETTLED
        try:
            export = _export(file, self.asked)
        except (ValueError, OSError) as error:
            before = self._faults.get(name)
            self._faults[name] = _why(error), now if changed or not before else before[1]
            return False
        fault = self._faults.pop(name, None)
        before, self.exports[name] = self.exports.get(name), export
        return bool(fault) or changed or export != before

    def _due(self) -> set[str]:
        """Return the files that may have changed without a sign of it."""
        now = time.monotonic()
        return self._faults.keys() | {name for name, when in self._again.items() if when <= now}

    def refused(self, folder: Path) -> list[tuple[str, str]]:
        """Return the files that cannot be read, and have not changed lately, with the reason."""
        faults = [(name, self._faults[name][0]) for name in sorted(self._named)]
        return [*_only_tables(folder), *faults]

    def _settled(self) -> set[str]:
        now = time.monotonic()
        return {name for name, (_, since) in self._faults.items() if now - since >= _SETTLED}


def _states(folder: Path) -> dict[str, object]:
    """Return what shows that a file was changed, by its name, of all exports in a folder."""
    found: dict[str, object] = {}
    for file in _files(folder, ".json") + _files(folder, ".csv"):
        try:
            at = file.stat()
        except OSError as error:  # it was just removed, or leads nowhere
            found[file.name] = error.errno
        else:
            found[file.name] = at.st_size, at.st_mtime_ns, at.st_ino
    return found


def _report(
    found: Sequence[_Export],
    asked: dict[str, quiz.Question],
    refused: Sequence[tuple[str, str]],
    progress: bool,
    compare: bool,
) -> ClassReport:
    found, earlier = _of_learners(found)
    found = sorted(found, key=lambda export: (export.name.casefold(), export.name))
    numbers = _numbers(found)
    hands = _hands(dict(zip(numbers, found, strict=True)))
    learners = tuple(
        Learner(export.name, _of_days(export.answers), number, export.variant, export.file)
        for export, number in zip(found, numbers, strict=True)
    )
    quizzes, hidden = _quizzes(learners, hands, asked)
    pairs = [(quiz_, question) for quiz_ in quizzes for question in quiz_.questions]
    steps = progress_bar("report", len(pairs), "question", progress, pairs)
    tried = [d for pair in steps if (d := _difficulty(learners, hands, *pair)).learners]
    tried.sort(key=lambda d: (d.first_try, -d.tries))
    lesson = {question.key for question in quiz.load_guesses().values()}
    people = [e.guesses for e, n in zip(found, numbers, strict=True) if hands[n] == n]
    spreads = quiz.guess_spread(people)
    guesses = tuple(s for s in spreads if s.question.key in lesson or s.learners >= FEW)
    named = tuple((printable(name), printable(why)) for name, why in refused)
    runs = [borrowed.Run(each.number, each.variant, each.answers) for each in learners]
    compared = borrowed.compare(runs, progress=progress) if compare else None
    return ClassReport(learners, quizzes, tuple(tried), guesses, named, compared, hidden, earlier)


def _of_learners(found: Sequence[_Export]) -> tuple[list[_Export], tuple[str, ...]]:
    """Return the last export of each learner, and the files of the earlier ones.

    A browser, or a share, calls another file of the same name ``anna (1)``.
    """
    kept: list[_Export] = []
    earlier: list[str] = []
    for name, some in _by_name(found).items():
        last: list[_Export] = []
        for each in sorted(some, key=lambda export: (*_most(export), export.name)):
            if any(_goes_on(each, of) for of in last):
                earlier.append(each.file)
            else:
                last.append(each)
        if len(last) == 1 and any(each.name == name for each in some):
            last = [replace(last[0], name=name)]
        kept += last
    return kept, tuple(sorted(earlier))


def _goes_on(export: _Export, of: _Export) -> bool:
    """Whether what an export holds is in another one, too, of which there may be more."""
    return _begins(export, of) and export.variant == of.variant and export.guessed <= of.guessed


def _most(export: _Export) -> tuple[int, int]:
    """Return what sorts the export that holds most to the front."""
    return -len(export.answers), -len(export.guessed)


def _begins(export: _Export, of: _Export) -> bool:
    """Whether the answers of an export begin those of another one, time by time.

    An export has the day of an answer and a mark, which two learners hardly share, and which is the
    fraction of `Answer.time` here. Whole seconds prove nothing.
    """
    times = (answer.time for answer in export.answers)
    return of.answers[: len(export.answers)] == export.answers and _prove(times)


def _prove(times: Iterable[float]) -> bool:
    return any(time % 1 for time in times)


def _same_hand(export: _Export, of: _Export) -> bool:
    """Whether one person wrote two exports: all answers or all guesses of one are in the other."""
    guessed = export.guessed <= of.guessed and _prove(time for *_, time in export.guessed)
    return guessed or _begins(export, of)


def _hands(found: dict[int, _Export]) -> dict[int, int]:
    """Return by each learner's number who wrote the file: the number of one file of that person.

    Whatever the files are called, a copy of one, or a later one, makes no second person: to show
    something it takes three people, not three files.
    """
    alike: dict[object, dict[int, _Export]] = defaultdict(dict)  # by what copies have in common
    hands = {}
    order = sorted(found.items(), key=lambda pair: _most(pair[1]))
    for number, export in order:
        marks = [*export.guessed, *((a.key, repr(a.answer), a.time) for a in export.answers[:1])]
        near = {n: of for mark in marks for n, of in alike[mark].items()}
        same = (n for n, of in near.items() if _same_hand(export, of))
        hands[number] = next(same, number)
        if hands[number] == number:
            for mark in marks:
                alike[mark][number] = export
    return hands


def _of_days(answers: Sequence[quiz.Answer]) -> tuple[quiz.Answer, ...]:
    """Return answers of whole days: the mark only tells copies."""
    return tuple(replace(answer, time=answer.time // _DAY * _DAY) for answer in answers)


def _by_name(found: Sequence[_Export]) -> dict[str, list[_Export]]:
    groups: dict[str, list[_Export]] = defaultdict(list)
    for each in found:
        groups[_COPY.sub("", each.name)].append(each)
    return groups


def _files(folder: Path, ending: str) -> list[Path]:
    """Return what has a name with this ending, by name, whatever it is."""
    with os.scandir(folder) as entries:
        found = [Path(entry.path) for entry in entries if entry.name.lower().endswith(ending)]
    return sorted(found, key=lambda path: (path.name.casefold(), path.name))


def _only_tables(folder: Path) -> list[tuple[str, str]]:
    """Return the exports in CSV that have none in JSON beside them, each with the reason."""
    given = {file.stem for file in _files(folder, ".json")}
    why = "only counts; the single answers are in '{}.json', which the same command writes"
    tables = _files(folder, ".csv")
    return [(file.name, why.format(file.stem)) for file in tables if file.stem not in given]


def _numbers(found: Sequence[_Export]) -> list[int]:
    """Return a number for each learner, in an order that is not that of names.

    It follows from all that the files hold. So the same files give the same numbers, nobody can
    work them out from names alone, and each new export deals them anew.
    """
    key = hashlib.sha256(repr([(each.name, each.answers) for each in found]).encode()).digest()

    def mixed(i: int) -> bytes:
        return hashlib.sha256(key + found[i].name.encode(errors="replace")).digest()

    order = sorted(range(len(found)), key=mixed)
    return [order.index(i) + 1 for i in range(len(found))]


def _export(file: Path, asked: dict[str, quiz.Question]) -> _Export:
    """Return what a file holds, and add its questions to those that were asked.

    Raises ValueError with the reason if it is no export.
    """
    content = read_regular(file, LARGEST)
    if not content.strip():
        raise ValueError("an empty file")
    try:
        data = parse_json(content)
    except UnicodeDecodeError:
        raise ValueError("not text in UTF-8") from None
    except ValueError as error:
        raise ValueError(f"no JSON: {error}") from None
    if not isinstance(data, dict) or not isinstance(data.get("answers"), list):
        raise ValueError("not written by featlib progress --export: it has no list of answers")
    answers = tuple(_answer(number, entry) for number, entry in enumerate(data["answers"], 1))
    said = data.get("questions", {})  # missing in exports of before answers had keys
    if not isinstance(said, dict):
        raise ValueError("'questions' is of the wrong type")
    asked |= {key: _question(key, said[key]) for key in said.keys() - asked.keys()}
    guesses = {name: data[name] for name in ("guesses", "guess_questions") if name in data}
    kept = [kept for _, kept in quiz.guesses_of(guesses)]
    guessed = frozenset((each.key, repr(each.value), each.time) for each in kept)
    named, variant = printable(file.stem), _variant(data.get("variant", ""))
    return _Export(named, printable(file.name), answers, guesses, guessed, variant)


def _why(error: ValueError | OSError) -> str:
    """Return the reason without the path that the system names: it may tell who teaches what."""
    return getattr(error, "strerror", None) or reason(error)


def _variant(said: object) -> str:
    """Return an export's variant; one of before there were any has none."""
    try:
        return variants.name(said if isinstance(said, str) else "\0", "class-report")
    except FeatlibError:
        raise ValueError("'variant' is no name of one") from None


def _question(key: str, entry: object) -> quiz.Question:
    """Return a question that was asked; its key shows that nobody has changed it."""
    data = {"title": "-", "name": "-", "objectives": {}, "questions": [entry]}
    try:
        (question,) = quiz.Quiz.from_dict(data).questions
    except FeatlibError:
        raise ValueError(f"question '{key}' is none") from None
    if question.key != key:
        raise ValueError(f"question '{key}' was changed")
    return question


def _answer(number: int, entry: object) -> quiz.Answer:
    try:
        return quiz.named(quiz.Answer.of(entry))
    except ValueError as error:
        raise ValueError(f"answer {number}: {error}") from None


def _quizzes(
    learners: Sequence[Learner], hands: dict[int, int], asked: dict[str, quiz.Question]
) -> tuple[tuple[quiz.Quiz, ...], int]:
    """Return the quizzes that anybody has answered: the lesson's in its order, then others.

    What others ask comes from the files: it is shown only if enough learners answered it, under a
    name that enough have for it. How many questions are not, is the second value.
    """
    lesson = quiz.bundled_quizzes()
    keys = {question.key for found in lesson for question in found.questions}
    names: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for learner in learners:
        for key, tries in learner.tries.items():
            for answer in tries:
                names[key][answer.quiz].add(hands[learner.number])
    others: dict[str, list[quiz.Question]] = defaultdict(list)
    hidden = 0
    for key in names.keys() & asked.keys() - keys:
        name, people = max(names[key].items(), key=lambda pair: len(pair[1]))
        if len(people) < FEW:
            hidden += 1
        else:
            others[f"other {name}" if name in quiz.names() else name].append(asked[key])
    answered = [found for found in lesson if any(q.key in names for q in found.questions)]
    made = [
        quiz.Quiz(name, name, {}, tuple(sorted(some, key=lambda q: q.id)))
        for name, some in sorted(others.items())
    ]
    return (*answered, *made), hidden


def _difficulty(
    learners: Sequence[Learner],
    hands: dict[int, int],
    found: quiz.Quiz,
    question: quiz.Question,
) -> Difficulty:
    by = {of.number: tries for of in learners if (tries := of.tries.get(question.key))}
    tried = [*by.values()]
    n = max(1, len(tried))
    return Difficulty(
        quiz=found.name,
        question=question.id,
        key=question.key,
        text=question.text,
        format=question.format,
        learners=len(tried),
        first_try=sum(tries[0].correct for tries in tried) / n,
        solved=sum(tries[-1].correct for tries in tried) / n,
        tries=sum(map(len, tried)) / n,
        hint=sum(any(answer.hint for answer in tries) for tries in tried) / n,
        wrong=_wrong(question, by, hands),
    )


def _gap(name: str, text: str, found: Sequence[quiz.Mastery]) -> Gap:
    states = Counter(each.state for each in found)
    known = sum(each.known for each in found) / len(found)
    return Gap(name, text, len(found), states["mastered"], states["shaky"], known)


def _part(report: ClassReport, found: quiz.Quiz) -> Part | None:
    """Return how the class did on a quiz; None if nobody answered any of its questions."""
    keys = {question.key for question in found.questions}
    tried = [d for d in report.difficulties if d.key in keys]  # hardest first
    if not tried:
        return None
    at = [report.standing(learner, found) for learner in report.learners]
    begun, done = sum(s.answered > 0 for s in at), sum(s.words == "done" for s in at)
    share = sum(s.first_try for s in at) / sum(s.answered for s in at)
    return Part(found, begun, done, share, tried[0])


def _wrong(
    question: quiz.Question, by: dict[int, list[quiz.Answer]], hands: dict[int, int]
) -> tuple[Wrong, ...]:
    """Return the wrong answers that most learners gave, each learner counted once for each."""
    given: dict[tuple[str, str], object] = {}
    said: dict[int, set[tuple[str, str]]] = {}
    for number, tries in by.items():
        wrong = {_words(question, a.answer): a.answer for a in tries if not a.correct}
        given = wrong | given
        said[number] = set(wrong)
    counts = Counter(words for of in said.values() for words in of)
    writers: dict[tuple[str, str], set[int]] = defaultdict(set)
    for number, of in said.items():
        for words in of:
            writers[words].add(hands[number])
    typed = {words for words in counts if words[1] == "plain" and len(writers[words]) < FEW}
    shown = Counter({words: n for words, n in counts.items() if words not in typed})
    found = [
        Wrong(*words, _feedback(question, given[words]), n) for words, n in shown.most_common(MOST)
    ]
    if others := sum(not typed.isdisjoint(of) for of in said.values()):
        why = f"What was typed is shown once {FEW} learners did."
        found.append(Wrong(ANOTHER, "plain", why, others))
    return tuple(found)


def _words(question: quiz.Question, answer: object) -> tuple[str, str]:
    """Say an answer in words: the texts of what was chosen, or what was typed; and its format."""
    chosen = answer if isinstance(answer, list) else [answer]
    texts = question.items if question.type == "order" else _choices(question)
    numbers = [n for n in chosen if type(n) is int and 0 <= n < len(texts)]
    if texts and len(numbers) == len(chosen) <= len(texts):
        between = " → " if question.type == "order" else " + "
        return between.join(texts[n] for n in numbers) or "nothing chosen", question.format
    return _short(answer), "plain"


def _short(answer: object) -> str:
    """Return an answer of any kind as one line that can be shown."""
    said = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    said = printable(said[: LONGEST + 1])
    return said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"


def _choices(question: quiz.Question) -> Sequence[str]:
    if question.type not in CHOICES:
        return ()
    return [answer.get("answer") or answer.get("code", "") for answer in question.answers]


def _feedback(question: quiz.Question, answer: object) -> str:
    """Return what the quiz answers; nothing where that depends on the learner's own run."""
    try:
        mark = quiz.mark(question, answer)
    except FeatlibError:  # it asks for a value of that run, or the answer is of no known kind
        return ""
    return "" if mark.correct else mark.feedback
