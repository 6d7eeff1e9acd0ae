"""A guess before the result, as a widget.

What is guessed is checked and kept here, in Python; the front end (guess.js) only shows what `view`
says. Nothing waits for a guess: a notebook runs through without one.
"""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any, ClassVar

from IPython.core.interactiveshell import InteractiveShell
from IPython.display import display

from featlib import checks, quiz
from featlib.engine.words import printable
from featlib.quiz import guesses, html
from featlib.widgets.base import Widget, script

__all__ = ["GuessWidget", "predict_first"]

_KEPT = "Your guess is kept. Run the next cell to see how close it is."


class GuessWidget(Widget):
    """A question to guess in the notebook: a slider, bars, a choice, or a curve to draw.

    Parameters
    ----------
    guess : featlib.quiz.Guess
        The question, and where the guess is kept.

    Attributes
    ----------
    guess : featlib.quiz.Guess
        As passed.
    view : dict
        What the front end shows.

    Raises
    ------
    featlib.FeatlibError
        If it is no guess.
    """

    _esm = script("guess")
    _invitation = "Run this cell to answer."
    _messages: ClassVar = {"guess": {"guess": object}, "forget": {"forget": bool}}

    def __init__(self, guess: quiz.Guess) -> None:
        fix = "quiz.Guess(quiz.find_guess(name), quiz.Progress()) is one."
        self.guess = checks.instance(guess, quiz.Guess, "GuessWidget", "a Guess", fix)
        self._sent: str | None = None  # the mark of the message that is being answered
        super().__init__(view=self._shown() | {"cleared": 0})
        guess.on_change = self._refresh

    def plain(self) -> tuple[str, str]:
        """Return the question as text and as HTML, without any guess.

        Returns
        -------
        text, html : str
        """
        return repr(self.guess.question), html.guess(self.guess.question)

    def machine_readable(self) -> dict[str, dict[str, Any]]:
        """Return the question as JSON by its MIME type, without any guess.

        Returns
        -------
        dict of str to dict
            With the key `featlib.quiz.GUESS_MIME`.
        """
        return {quiz.GUESS_MIME: self.guess.question.to_dict()}

    def _shown(self) -> dict[str, Any]:
        """Return what the front end needs to show."""
        question, value, truth = self.guess.question, self.guess.value, self.guess.measured
        said = ""
        if value is not None and truth is not None:
            said = f"Measured: {guesses.in_words(question, truth)}. "
            said += f"You guessed {guesses.compared(question, value, truth)}."
        return {
            "kind": question.kind,
            "prompt": html.rich(question.prompt, "markdown"),
            "unit": question.unit,
            "low": question.low,
            "high": question.high,
            "step": question.step,
            "decimals": len(question.write(question.step).partition(".")[2]),
            "labels": list(question.labels if question.kind == "choice" else question.parts),
            "x": list(question.x),
            "value": list(value) if isinstance(value, tuple) else value,
            "known": escape(said),
            "sent": self._sent,
        }

    def _refresh(self) -> None:
        self.view = self.view | self._shown()

    def _do(self, kind: str, fields: dict[str, Any], mark: str | None) -> str:
        return self._keep(fields["guess"], mark) if kind == "guess" else self._forget()

    def _keep(self, value: object, mark: str | None) -> str:
        self._sent = mark
        try:
            self.guess.put(value)
        except OSError as error:  # it counts as long as the kernel runs
            return f"Your guess could not be saved: {printable(str(error))}"
        return _KEPT

    def _forget(self) -> str:
        view: dict[str, Any] = self.view
        self._sent = None
        try:
            self.guess.forget()
        except OSError as error:
            return f"Your guess could not be forgotten: {printable(str(error))}"
        self.view = self.view | {"cleared": view["cleared"] + 1}
        return "Your guess is forgotten."


def _draw(guess: quiz.Guess) -> None:
    """Show a guess beside what was measured, where there is something to draw."""
    from featlib.plots import guessed  # matplotlib is loaded only where something is drawn

    figure = guessed.strip(guess)
    if figure is not None:
        display(figure)


def predict_first(
    name: str | Mapping[str, Any] | quiz.GuessQuestion,
    *,
    file: str | Path | Mapping[str, Any] | None = None,
) -> quiz.Guess:
    """Ask for a guess, in the cell before the one that measures, and show the widget at once.

    Nothing waits for the guess. Pass what is returned to the figure that follows, as ``guess=``:
    it draws the guess over the truth, if there is one. Where no figure follows, call its
    `featlib.quiz.Guess.reveal`, which draws one number by itself. Students who predict a result
    before they see it understand it better than those who only watch (Crouch et al. 2004, American
    Journal of Physics 72, 835–838).

    Parameters
    ----------
    name : str, dict, or featlib.quiz.GuessQuestion
        The id of a question, such as ``"03-neighbors"``; or a question of your own, as in a file of
        guesses, with its ``"id"``.
    file : str, pathlib.Path, or dict, optional
        A file of your own that has the question, as quizzes/schema.json says, or what such a file
        holds; left out, the one that comes with featlib.

    Returns
    -------
    featlib.quiz.Guess

    Raises
    ------
    featlib.FeatlibError
        If there is no such question, or the file is faulty.

    Examples
    --------
    >>> mine = {"id": "mine", "kind": "slider", "prompt": "Which share?", "low": 0, "high": 1}
    >>> guess = predict_first(mine)  # in a notebook: the widget
    Guess first: Which share?
    >>> guess.reveal(0.82)
    Measured: 0.82. (You made no guess.)
    """
    guess = quiz.Guess(quiz.find_guess(name, file), quiz.Progress())
    if InteractiveShell.initialized():
        guess.on_reveal = _draw
        display(GuessWidget(guess))
    else:  # a plain Python has no widgets
        print(guess.question)
    return guess
