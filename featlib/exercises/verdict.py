"""What a checker says of a learner's code, and how that code is tried."""

from dataclasses import dataclass
from html import escape

from featlib.engine.words import describe


@dataclass(frozen=True, repr=False)
class Verdict:
    """What a checker found.

    Attributes
    ----------
    passed : bool
        Whether all is as it was to be.
    message : str
        What was found and what was to be.
    """

    passed: bool
    message: str

    @property
    def sign(self):
        """The verdict as a sign and a word or two."""
        return "✓ Passed." if self.passed else "✗ Not yet."

    def __repr__(self):
        return f"{self.sign} {self.message}"

    def _repr_html_(self):
        color = "#009E73" if self.passed else "#D55E00"
        return (
            f'<p style="border-left:4px solid {color};padding-left:.8em;max-width:46rem">'
            f"<strong>{self.sign}</strong> {escape(self.message)}</p>"
        )


class Failure(Exception):
    """Something is not as it was to be; the message says what."""


def attempt(function, *inputs):
    """Call what a learner wrote; whatever it stops with becomes a failure.

    Parameters
    ----------
    function : callable
        The learner's function.
    *inputs : object
        What to call it with.

    Returns
    -------
    object
        What it gives back.

    Raises
    ------
    Failure
        If it is no function, or stops.
    """
    if not callable(function):
        raise Failure(
            f"Your function is due here, by its name and without parentheses; what came is "
            f"{describe(function)}."
        )
    try:
        return function(*inputs)
    except (Exception, SystemExit) as error:
        words = (str(error).strip().splitlines() or ["no message"])[0]
        raise Failure(f"Your code stopped with {type(error).__name__}: {words[:200]}") from None
