"""Where a class stands: the exported answers of many learners on one HTML page.

The files come from other people: what they hold is checked, and escaped on the page. A file that is
no export is named with the reason, and stops nothing.
"""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from featlib import checks, quiz
from featlib.checks import FeatlibError
from featlib.engine.files import read_regular
from featlib.engine.progress_bar import progress_bar
from featlib.engine.strict_json import parse_json
from featlib.engine.words import printable, reason
from featlib.pages.rendering import render, write_page

__all__ = ["ClassReport", "Difficulty", "Learner", "Wrong", "read", "write"]

# Bytes of a file that are read: all questions, answered once, take 130 kB, a thousand tries 180 kB.
LARGEST = 2_000_000
LONGEST = 200  # characters of an answer that are shown
MOST = 3  # wrong answers that are shown for a question


@dataclass(frozen=True)
class Learner:
    r"""One learner's answers.

    Attributes
    ----------
    name : str
        The file's name without its ending; what cannot be printed is written out: ``\xff``.
    answers : tuple of featlib.quiz.Answer
        Oldest first.
    """

    name: str
    answers: tuple[quiz.Answer, ...]

    @cached_property
    def tries(self) -> dict[str, list[quiz.Answer]]:
        """The answers to each question by its `featlib.quiz.Question.key`, oldest first."""
        found: dict[str, list[quiz.Answer]] = defaultdict(list)
        for answer in self.answers:
            found[answer.key].append(answer)
        return dict(found)


@dataclass(frozen=True)
class Wrong:
    """A wrong answer and how often it was given.

    Attributes
    ----------
    text, format : str
        What was answered, in words, and how to read it: ``text``, ``markdown`` or ``plain``.
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
    quiz, question : str
        Name and id.
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
    text: str
    format: str
    learners: int
    first_try: float
    solved: float
    tries: float
    hint: float
    wrong: tuple[Wrong, ...]


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
    refused : tuple of tuple of str
        Files that cannot be read as results, each with the reason; made safe to print.
    """

    learners: tuple[Learner, ...]
    quizzes: tuple[quiz.Quiz, ...]
    difficulties: tuple[Difficulty, ...]
    refused: tuple[tuple[str, str], ...]

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


def read(folder: str | Path, *, progress: bool = True) -> ClassReport:
    """Read the exported results of a class.

    Parameters
    ----------
    folder : str or pathlib.Path
        With a file ``NAME.json`` for each learner, as ``featlib progress --export NAME`` writes it.
    progress : bool
        Whether to show a progress bar if it takes longer than two seconds.

    Returns
    -------
    ClassReport

    Raises
    ------
    featlib.FeatlibError
        If there is no such folder, or nothing in it can be read as results.
    """
    folder = checks.folder(folder, "class-report", "exported results")
    learners, refused = [], _only_tables(folder)
    asked: dict[str, quiz.Question] = {}  # by their keys
    files = _files(folder, ".json")
    for file in progress_bar("results", len(files), "file", progress, files):
        try:
            learners.append(Learner(printable(file.stem), _answers(file, asked)))
        except (ValueError, OSError) as error:
            refused.append((file.name, reason(error)))
    refused = [(printable(name), printable(why)) for name, why in refused]
    if not learners:
        got = f"{len(refused)} files that are none" if refused else "no file .json"
        if refused:
            got += f" ({refused[0][0]}: {refused[0][1]})"
        fix = "Learners write theirs with: featlib progress --export NAME."
        checks.refuse("class-report", f"exported results in '{folder}'", got, fix)
    quizzes = _quizzes(learners, asked)
    pairs = [(found, question) for found in quizzes for question in found.questions]
    steps = progress_bar("report", len(pairs), "question", progress, pairs)
    found = [_difficulty(learners, *question) for question in steps]
    tried = [difficulty for difficulty in found if difficulty.learners]
    tried.sort(key=lambda d: (d.first_try, -d.tries))
    return ClassReport(tuple(learners), quizzes, tuple(tried), tuple(refused))


def write(report: ClassReport, path: str | Path = "class-report.html") -> Path:
    """Write the page: one file with everything in it.

    Parameters
    ----------
    report : ClassReport
        What `read` returned.
    path : str or pathlib.Path
        The page. It holds names of learners: keep it as private as marks.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    featlib.FeatlibError
        If it cannot be written.
    """
    path = checks.output_file(path, "class-report", "the page")
    text = render("class_report.html.j2", report=report)
    return write_page(text, path, "class-report", "Choose another file with --out.")


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


def _answers(file: Path, asked: dict[str, quiz.Question]) -> tuple[quiz.Answer, ...]:
    """Return the answers in a file, and add the questions to those that were asked.

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
    return answers


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


def _quizzes(learners: Sequence[Learner], asked: dict[str, quiz.Question]) -> tuple[quiz.Quiz, ...]:
    """Return the quizzes that anybody has answered: the lesson's in its order, then others."""
    lesson = quiz.bundled_quizzes()
    keys = {question.key for found in lesson for question in found.questions}
    names = {answer.key: answer.quiz for learner in learners for answer in learner.answers}
    others: dict[str, list[quiz.Question]] = defaultdict(list)
    for key, name in names.items():
        if key in asked and key not in keys:
            others[f"other {name}" if name in quiz.names() else name].append(asked[key])
    answered = [found for found in lesson if any(q.key in names for q in found.questions)]
    made = [quiz.Quiz(name, name, {}, tuple(some)) for name, some in sorted(others.items())]
    return (*answered, *made)


def _difficulty(
    learners: Sequence[Learner], found: quiz.Quiz, question: quiz.Question
) -> Difficulty:
    tried = [tries for learner in learners if (tries := learner.tries.get(question.key))]
    n = max(1, len(tried))
    return Difficulty(
        quiz=found.name,
        question=question.id,
        text=question.text,
        format=question.format,
        learners=len(tried),
        first_try=sum(tries[0].correct for tries in tried) / n,
        solved=sum(tries[-1].correct for tries in tried) / n,
        tries=sum(map(len, tried)) / n,
        hint=sum(any(answer.hint for answer in tries) for tries in tried) / n,
        wrong=_wrong(question, tried),
    )


def _wrong(question: quiz.Question, tried: Sequence[Sequence[quiz.Answer]]) -> tuple[Wrong, ...]:
    """Return the wrong answers that most learners gave, each learner counted once for each."""
    counts: Counter[tuple[str, str]] = Counter()
    given: dict[tuple[str, str], object] = {}
    for tries in tried:
        said = {_words(question, a.answer): a.answer for a in tries if not a.correct}
        counts.update(said.keys())
        for words, answer in said.items():
            given.setdefault(words, answer)
    return tuple(
        Wrong(*said, _feedback(question, given[said]), learners)
        for said, learners in counts.most_common(MOST)
    )


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
    if question.type not in ("multiple_choice", "many_choice"):
        return ()
    return [answer.get("answer") or answer.get("code", "") for answer in question.answers]


def _feedback(question: quiz.Question, answer: object) -> str:
    """Return what the quiz answers; nothing where that depends on the learner's own run."""
    try:
        mark = quiz.mark(question, answer)
    except FeatlibError:  # it asks for a value of that run, or the answer is of no known kind
        return ""
    return "" if mark.correct else mark.feedback
