"""A guess that is made before a result is shown, and what is said of it afterwards."""

import time
from collections.abc import Callable
from typing import cast

from featlib import checks
from featlib.engine.words import printable, reason, say_once
from featlib.quiz.guess_questions import GuessQuestion, Value
from featlib.quiz.progress import Guessed, Progress

__all__ = ["Guess", "compared", "fits", "in_words", "off"]


class Guess:
    """A question to guess, and the learner's guess, if there is one.

    Nothing waits for a guess, and no number depends on it: pass it on as ``guess=`` to the figure
    that follows, or call `reveal`.

    Parameters
    ----------
    question : featlib.quiz.GuessQuestion
        What is asked.
    progress : featlib.quiz.Progress
        Where the guess is kept.

    Attributes
    ----------
    question, progress
        As passed.
    on_change : callable, optional
        Called without arguments after the result is known, or a guess is made or forgotten.
    on_reveal : callable, optional
        Called with this guess after `reveal` has told how far off it was.

    Raises
    ------
    featlib.FeatlibError
        If one of these is of another kind.
    """

    def __init__(self, question: GuessQuestion, progress: Progress) -> None:
        fix = "quiz.find_guess(name) returns one."
        checks.instance(question, GuessQuestion, "Guess", "a GuessQuestion", fix)
        checks.instance(progress, Progress, "Guess", "a Progress", "Pass quiz.Progress().")
        self.question = question
        self.progress = progress
        self._own: Guessed | None = None  # where the file cannot be written
        self.on_change: Callable[[], None] | None = None
        self.on_reveal: Callable[[Guess], None] | None = None

    def __repr__(self) -> str:
        return f"Guess('{printable(self.question.id)}')"

    @property
    def value(self) -> Value | None:
        """What was guessed; None as long as nothing was."""
        kept = self._kept()
        return None if kept is None else self.question.checked(kept.value)

    @property
    def measured(self) -> Value | None:
        """What was measured after the guess; None as long as that is not known."""
        kept = self._kept()
        if kept is None or kept.measured is None:
            return None
        return self.question.truth(kept.measured)

    def put(self, value: object) -> None:
        """Make the guess, or change it, as long as the result was not shown.

        Parameters
        ----------
        value : float, str, or sequence of float
            As `GuessQuestion.checked` takes it.

        Raises
        ------
        featlib.FeatlibError
            If it does not fit the question, or the result was shown already.
        OSError
            If it cannot be kept on disk. Then it counts as long as the kernel runs.
        """
        checked = self.question.checked(value)
        kept = self._kept()
        if kept is not None and kept.measured is not None:
            fix = "Forget this guess first, with forget(), to make another."
            checks.refuse(repr(self), "a guess before the result", "one after it", fix)
        try:
            self._keep(checked, None)
        finally:
            self._changed()

    def forget(self) -> None:
        """Forget the guess; the question is open again.

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        self._own = None
        self.progress.reset(self.question)
        self._changed()

    def record(self, measured: object) -> None:
        """Keep what was measured beside the guess; without a guess nothing is kept.

        Parameters
        ----------
        measured : float, str, sequence of float, or dict of str to float
            As `GuessQuestion.truth` takes it. What is no truth, as NaN, leaves none: not that of
            an earlier run either.

        Raises
        ------
        featlib.FeatlibError
            If it does not fit the question, whether there is a guess or not.
        """
        truth = self.question.truth(measured)
        kept = self._kept()
        if kept is None or self.measured == truth:
            return
        try:
            self._keep(kept.value, truth)
        except OSError as error:  # the result is shown all the same
            say_once(f"guesses: what was measured is not kept: {printable(reason(error))}")
        self._changed()

    def reveal(self, measured: object) -> None:
        """Print what was measured, and how far off the guess was, in one line.

        In a notebook, a guess of one number is also drawn beside what was measured.

        Parameters
        ----------
        measured : float, str, sequence of float, or dict of str to float
            As `GuessQuestion.truth` takes it.

        Raises
        ------
        featlib.FeatlibError
            If it does not fit the question, whether there is a guess or not.

        Examples
        --------
        >>> from featlib import quiz
        >>> mine = {"id": "mine", "kind": "slider", "prompt": "How many?", "low": 0, "high": 1}
        >>> guess = quiz.Guess(quiz.find_guess(mine), quiz.Progress())
        >>> guess.reveal(0.82)
        Measured: 0.82. (You made no guess.)
        >>> guess.put(0.6)
        >>> guess.reveal(0.82)
        Measured: 0.82. You guessed 0.60: 0.22 too low.
        """
        self.record(measured)
        truth, value = self.question.truth(measured), self.value
        said = "no number" if truth is None else in_words(self.question, truth)
        if self.question.kind == "slider" and self.question.unit:
            unit = self.question.unit
            said += f", {unit}" if "(" in unit else f" ({unit})"
        if value is None:
            print(f"Measured: {said}. (You made no guess.)")
        else:
            print(f"Measured: {said}. You guessed {compared(self.question, value, truth)}.")
            if self.on_reveal is not None and truth is not None:
                self.on_reveal(self)

    def _kept(self) -> Guessed | None:
        """Return what is kept; None if nothing is, or it does not fit the question."""
        kept = self._own or self.progress.guesses().get(self.question.key)
        return kept if kept is not None and fits(self.question, kept) else None

    def _keep(self, value: object, measured: Value | None) -> None:
        """Keep a guess on disk; where that fails, at least as long as the kernel runs."""
        question = self.question
        try:
            self.progress.add_guess(question, value, measured)
            self._own = None
        except OSError:
            names = question.notebook, question.id
            self._own = Guessed(*names, value, measured, time.time(), question.key)
            raise

    def _changed(self) -> None:
        if self.on_change is not None:
            self.on_change()


def fits(question: GuessQuestion, kept: Guessed) -> bool:
    """Say whether what was kept of a guess fits its question: a file may be damaged.

    Parameters
    ----------
    question : featlib.quiz.GuessQuestion
        What was asked.
    kept : featlib.quiz.Guessed
        What was kept.

    Returns
    -------
    bool
    """
    try:
        question.checked(kept.value)
        return kept.measured is None or question.truth(kept.measured) is not None
    except checks.FeatlibError:
        return False


def in_words(question: GuessQuestion, value: Value) -> str:
    """Write what was guessed or measured.

    Parameters
    ----------
    question : featlib.quiz.GuessQuestion
        What was asked.
    value : float, str, or tuple of float
        What was guessed or measured, as it fits the question.

    Returns
    -------
    str
        Such as ``0.82``, ``raw pixels 0.38, features 0.87``, or for a curve ``0.40, 0.60, 0.72``.
    """
    if isinstance(value, str):
        return printable(value)
    numbers = value if isinstance(value, tuple) else (value,)
    pairs = zip(_names(question), numbers, strict=True)
    return printable(", ".join(f"{name}{question.write(x)}" for name, x in pairs))


def compared(question: GuessQuestion, value: Value, truth: Value | None) -> str:
    """Write a guess, and how far off it was.

    Parameters
    ----------
    question : featlib.quiz.GuessQuestion
        What was asked.
    value, truth : float, str, or tuple of float
        What was guessed and what was measured; None if nothing could be.

    Returns
    -------
    str
        Such as ``0.60: 0.22 too low``.
    """
    if truth is None:
        return in_words(question, value)
    if isinstance(value, str):
        return in_words(question, value) + (", and that is right" if value == truth else "")
    if not isinstance(value, tuple):
        return f"{question.write(value)}: {off(question, value, cast(float, truth))}"
    three = zip(_names(question), value, cast("tuple[float, ...]", truth), strict=True)
    said = (f"{name}{question.write(a)} ({off(question, a, b)})" for name, a, b in three)
    return printable(", ".join(said))


def off(question: GuessQuestion, value: float, truth: float) -> str:
    """Say how far off a number was.

    Parameters
    ----------
    question : featlib.quiz.GuessQuestion
        What was asked.
    value, truth : float
        What was guessed and what was measured.

    Returns
    -------
    str
        Such as ``0.22 too low``; ``just right`` where the two are written alike.
    """
    if question.write(value) == question.write(truth):
        return "just right"
    return f"{question.write(abs(value - truth))} too {'high' if value > truth else 'low'}"


def _names(question: GuessQuestion) -> list[str]:
    """Return what is written before each number: the name of its bar."""
    return [f"{part} " if question.kind == "bars" else "" for part in question.parts]
