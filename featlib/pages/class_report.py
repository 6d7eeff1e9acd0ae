"""Where a class stands: the exported answers of many learners on one HTML page.

The files come from other people: what they hold is checked, and escaped on the page.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from featlib import checks, quiz
from featlib.checks import FeatlibError
from featlib.engine.strict_json import parse_json
from featlib.engine.words import reason
from featlib.pages.rendering import render, write_page

__all__ = ["ClassReport", "Difficulty", "Learner", "Wrong", "read", "write"]

LARGEST = 20_000_000  # bytes of a file that are read
LONGEST = 200  # characters of an answer that are shown
MOST = 3  # wrong answers that are shown for a question


@dataclass(frozen=True)
class Learner:
    """One learner's answers.

    Attributes
    ----------
    name : str
        The file's name without its ending.
    answers : tuple of featlib.quiz.Answer
        Oldest first.
    """

    name: str
    answers: tuple[quiz.Answer, ...]

    def tries(self, quiz_name: str, question: str) -> list[quiz.Answer]:
        """Return the answers to one question.

        Parameters
        ----------
        quiz_name : str
            The name of the quiz.
        question : str
            The question's id.

        Returns
        -------
        list of featlib.quiz.Answer
            Oldest first.
        """
        wanted = (quiz_name, question)
        return [a for a in self.answers if (a.quiz, a.question) == wanted]


@dataclass(frozen=True)
class Wrong:
    """A wrong answer and how often it was given.

    Attributes
    ----------
    text, format : str
        What was answered, in words, and how to read it: ``text`` or ``markdown``.
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
        Those that anybody has answered.
    difficulties : tuple of Difficulty
        Hardest first: by share right at the first try.
    refused : tuple of tuple of str
        Files that are not exported results, each with the reason.
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
        tries = [learner.tries(found.name, question.id) for question in found.questions]
        tried = [answers for answers in tries if answers]
        return quiz.Standing(
            found.name,
            len(found.questions),
            len(tried),
            sum(answers[-1].correct for answers in tried),
            sum(answers[0].correct for answers in tried),
        )


def read(folder: str | Path) -> ClassReport:
    """Read the exported results of a class.

    Parameters
    ----------
    folder : str or pathlib.Path
        With a file ``NAME.json`` for each learner, as ``featlib progress --export NAME`` writes it.

    Returns
    -------
    ClassReport

    Raises
    ------
    featlib.FeatlibError
        If there is no such folder, or nothing in it can be read as results.
    """
    folder = checks.folder(folder, "class-report", "exported results")
    learners, refused = [], []
    for file in sorted(folder.glob("*.json"), key=lambda path: path.name.casefold()):
        try:
            learners.append(Learner(file.stem, _answers(file)))
        except (ValueError, OSError) as error:
            refused.append((file.name, reason(error)))
    if not learners:
        found = f"{len(refused)} files that are none" if refused else "no file .json"
        if refused:
            found += f" ({refused[0][0]}: {refused[0][1]})"
        fix = "Learners write theirs with: featlib progress --export NAME."
        checks.refuse("class-report", f"exported results in '{folder}'", found, fix)
    quizzes = _quizzes(learners)
    asked = [_difficulty(learners, found, q) for found in quizzes for q in found.questions]
    tried = [difficulty for difficulty in asked if difficulty.learners]
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
    text = render("class_report.html.j2", report=report)
    return write_page(text, path, "class-report", "Choose another file with --out.")


def _answers(file: Path) -> tuple[quiz.Answer, ...]:
    """Return the answers in a file; raise ValueError with the reason if it is no export."""
    if file.stat().st_size > LARGEST:
        raise ValueError(f"larger than {LARGEST // 1_000_000} MB")
    try:
        data = parse_json(file.read_bytes())
    except UnicodeDecodeError:
        raise ValueError("not text in UTF-8") from None
    except ValueError as error:
        raise ValueError(f"no JSON: {error}") from None
    if not isinstance(data, dict) or not isinstance(data.get("answers"), list):
        raise ValueError("not written by featlib progress --export: it has no list of answers")
    return tuple(_answer(number, entry) for number, entry in enumerate(data["answers"], 1))


def _answer(number: int, entry: object) -> quiz.Answer:
    try:
        return quiz.Answer.of(entry)
    except ValueError as error:
        raise ValueError(f"answer {number}: {error}") from None


def _quizzes(learners: Sequence[Learner]) -> tuple[quiz.Quiz, ...]:
    """Return the quizzes of the lesson that anybody has answered, in the lesson's order."""
    answered = {answer.quiz for learner in learners for answer in learner.answers}
    return tuple(quiz.load(name) for name in quiz.names() if name in answered)


def _difficulty(
    learners: Sequence[Learner], found: quiz.Quiz, question: quiz.Question
) -> Difficulty:
    tried = [tries for learner in learners if (tries := learner.tries(found.name, question.id))]
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
    counts: Counter[tuple[str, str, str]] = Counter()
    for tries in tried:
        wrong = [a.answer for a in tries if not a.correct]
        counts.update({_in_words(question, answer) for answer in wrong})
    return tuple(Wrong(*said, learners=n) for said, n in counts.most_common(MOST))


def _in_words(question: quiz.Question, answer: object) -> tuple[str, str, str]:
    """Return an answer's text, its format, and what the quiz answers to it."""
    return *_words(question, answer), _feedback(question, answer)


def _words(question: quiz.Question, answer: object) -> tuple[str, str]:
    """Say an answer in words: the texts of what was chosen, or what was typed; and its format."""
    chosen = answer if isinstance(answer, list) else [answer]
    texts = question.items if question.type == "order" else _choices(question)
    numbers = [n for n in chosen if type(n) is int and 0 <= n < len(texts)]
    if texts and len(numbers) == len(chosen):
        between = " → " if question.type == "order" else " + "
        return between.join(texts[n] for n in numbers) or "nothing chosen", question.format
    said = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    return said if len(said) <= LONGEST else said[: LONGEST - 1] + "…", "text"


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
