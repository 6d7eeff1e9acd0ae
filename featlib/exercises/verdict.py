"""What a checker says about a learner's code, and how that code is tried."""

import os
from dataclasses import dataclass
from html import escape
from typing import Any

from featlib.engine.words import describe, printable

__all__ = ["Failure", "Verdict", "attempt"]


@dataclass(frozen=True, repr=False)
class Verdict:
    """What a checker found.

    Attributes
    ----------
    passed : bool
        Whether everything is right.
    message : str
        What was found, and what was wanted. What a terminal would obey is written out.
    """

    passed: bool
    message: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", printable(self.message))

    @property
    def sign(self) -> str:
        """The verdict as a sign and a word or two."""
        return "✓ Passed." if self.passed else "✗ Not yet."

    def __repr__(self) -> str:
        return f"{self.sign} {self.message}"

    def _repr_html_(self) -> str:
        color = "#009E73" if self.passed else "#D55E00"
        return (
            f'<p style="border-left:4px solid {color};padding-left:.8em;max-width:46rem">'
            f"<strong>{self.sign}</strong> {escape(self.message)}</p>"
        )

    def _ipython_display_(self) -> None:
        """Where nbgrader executes the notebook, make an error of what did not pass: no points.

        IPython prints such an error, shows the verdict all the same, and goes on with the cell.
        """
        if "NBGRADER_EXECUTION" not in os.environ:
            raise NotImplementedError  # IPython then shows it as it shows any other value
        if not self.passed:
            raise Failure(self.message)
        from IPython.display import HTML, display

        # Displayed, it is not the cell's result, which nbgrader would read as a number of points.
        display(HTML(self._repr_html_()))


class Failure(Exception):
    """Something is not as wanted; the message says what."""


def attempt(function: object, *inputs: object) -> Any:
    """Call what a learner wrote; every error in it becomes a `Failure`.

    Parameters
    ----------
    function : callable
        The learner's function, or what was given in its place.
    *inputs : object
        What it is called with.

    Returns
    -------
    object
        What it returns.

    Raises
    ------
    Failure
        If it is not a function, or stops with an error.
    """
    if not callable(function):
        raise Failure(
            f"Your function is due here, by its name and without parentheses; what came is "
            f"{describe(function)}."
        )
    try:
        return function(*inputs)
    except (Exception, SystemExit) as error:
        raise Failure(f"Your code stopped with {type(error).__name__}: {_words(error)}") from None


def _words(error: BaseException) -> str:
    try:
        return (str(error).strip().splitlines() or ["no message"])[0][:200]
    except Exception:  # of an error of somebody else's, whose message cannot be written
        return "no message"
