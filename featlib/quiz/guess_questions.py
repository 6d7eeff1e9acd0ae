"""What to guess before it is measured: one question each, in a file by id.

Students who predict the outcome of a demonstration before they see it understand it better than
those who only watch: Crouch, Fagen, Callan and Mazur (2004), Classroom demonstrations: Learning
tools or entertainment?, American Journal of Physics 72, 835–838. Why it helps: Brod (2021),
Predicting as a learning strategy, Psychonomic Bulletin & Review 28, 1839–1847.
"""

import hashlib
import itertools
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from decimal import Decimal
from functools import cache, cached_property
from numbers import Real
from pathlib import Path
from typing import Any

from featlib import checks
from featlib.engine.paths import bundled
from featlib.engine.words import describe, printable
from featlib.quiz import questions

__all__ = [
    "GUESS_MIME",
    "GuessQuestion",
    "Value",
    "asked_questions",
    "find_guess",
    "load_guesses",
    "plain_value",
]

GUESS_MIME = "application/vnd.featlib.guess+json"  # of such a question in a notebook's output
Value = float | str | tuple[float, ...]  # of a slider, of a choice, of bars or a curve
_WANTED = "questions to guess as quizzes/schema.json says"
_MOST_STEPS = 10_000


@dataclass(frozen=True)
class GuessQuestion:
    """A question to guess the result of a measurement.

    Attributes
    ----------
    id : str
        Never used twice in a file.
    kind : str
        ``slider`` (one number), ``bars`` (a number for each label), ``choice`` (one of the labels)
        or ``curve`` (a number at each x).
    prompt : str
        What is asked, in Markdown.
    notebook, unit : str
        Where it is asked, and what the numbers count; empty where that is not said.
    low, high, step : float
        The numbers that can be guessed; of no meaning for ``choice``.
    labels : tuple of str
        The names of the bars, or the choices. For ``slider`` and ``curve`` at most one: the bar or
        line of the figure that the guess is about.
    x : tuple of float
        Where the numbers of a curve belong.
    xlabel : str
        What `x` is.
    """

    id: str
    kind: str
    prompt: str
    notebook: str = ""
    unit: str = ""
    low: float = 0.0
    high: float = 1.0
    step: float = 0.01
    labels: tuple[str, ...] = ()
    x: tuple[float, ...] = ()
    xlabel: str = ""

    def __repr__(self) -> str:
        return f"Guess first: {printable(self.prompt)}"

    @cached_property
    def key(self) -> str:
        """The fingerprint under which a guess is kept: 20 hexadecimal digits (of SHA-256).

        It follows from what is asked (kind, prompt, unit, range, labels, x); not from the id, the
        notebook or the step.
        """
        asked = [self.kind, self.prompt, self.unit, self.low, self.high, self.labels, self.x]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:20]

    @property
    def parts(self) -> tuple[str, ...]:
        """A name for each number that is guessed: the bars, the places of a curve, else one."""
        if self.kind == "bars":
            return self.labels
        if self.kind == "curve":
            return tuple(f"{self.xlabel} {x:g}".strip() for x in self.x)
        return ("",)

    def write(self, number: float) -> str:
        """Write a number with as many decimals as the step has.

        Parameters
        ----------
        number : float
            Guessed or measured.

        Returns
        -------
        str
        """
        exponent = Decimal(f"{self.step:.10g}").normalize().as_tuple().exponent
        text = f"{number:,.{min(max(0, -int(exponent)), 6)}f}"
        return text.lstrip("-") if float(text.replace(",", "")) == 0 else text

    def checked(self, value: object) -> Value:
        """Check a guess.

        Parameters
        ----------
        value : float, str, or sequence of float
            A number for ``slider``, one of the labels for ``choice``, else a number for each part.

        Returns
        -------
        float, str, or tuple of float
            The same, in Python's own types.

        Raises
        ------
        featlib.FeatlibError
            If it is of another kind, or out of range.
        """
        value = plain_value(value)
        where = f"guess '{self.id}'"
        if self.kind == "choice":
            checks.one_of(value, where, "the guess", self.labels)  # pyright: ignore[reportArgumentType]
            return str(value)
        if self.kind == "slider":
            return checks.number(value, where, "the guess", self.low, self.high)  # pyright: ignore[reportArgumentType]
        numbers = value if isinstance(value, (list, tuple)) else ()
        if len(numbers) != len(self.parts):
            wanted = f"{len(self.parts)} numbers, one each for {', '.join(self.parts)}"
            got = f"{len(numbers)}" if numbers else describe(value)
            checks.refuse(where, wanted, got, "Give a list with a number for each.")
        names = (f"the guess for {part}" for part in self.parts)
        return tuple(
            checks.number(number, where, name, self.low, self.high)
            for number, name in zip(numbers, names, strict=True)
        )

    def truth(self, value: object) -> Value | None:
        """Check what was measured.

        Parameters
        ----------
        value : float, str, sequence of float, or dict of str to float
            A number for ``slider``, a text for ``choice``, else a number for each part: in a
            sequence, or by label.

        Returns
        -------
        float, str, tuple of float, or None
            The same, in Python's own types; None where a number is NaN or infinite: there is no
            truth to compare with.

        Raises
        ------
        featlib.FeatlibError
            If it is of another kind.
        """
        where = f"guess '{self.id}'"
        if isinstance(value, Mapping) and self.kind == "bars" and set(self.labels) <= value.keys():
            value = [value[label] for label in self.labels]
        value = plain_value(value)
        if self.kind == "choice":
            wanted = f"what was measured as a text, such as '{self.labels[0]}'"
            return checks.instance(value, str, where, wanted, "Pass the label that is right.")
        numbers = [value] if self.kind == "slider" else value
        is_list = isinstance(numbers, (list, tuple)) and len(numbers) == len(self.parts)
        if not is_list or not all(map(_is_number, numbers)):  # pyright: ignore[reportArgumentType]
            one = "one number"
            each = f"a number each for {', '.join(self.parts)}"
            wanted = f"what was measured as {one if self.kind == 'slider' else each}"
            checks.refuse(where, wanted, describe(value), "Pass what your cell measured.")
        found = tuple(map(_as_float, numbers))  # pyright: ignore[reportArgumentType]
        if not all(map(math.isfinite, found)):
            return None
        return found[0] if self.kind == "slider" else found

    def to_dict(self) -> dict[str, Any]:
        """Return the question as plain data that `json.dumps` takes.

        Returns
        -------
        dict
            With the fields as keys; those without a value are left out.
        """
        plain = {name: value for name, value in asdict(self).items() if value not in ("", ())}
        if self.kind == "choice":
            plain = {name: plain[name] for name in plain if name not in ("low", "high", "step")}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in plain.items()}

    @classmethod
    def from_dict(cls, data: object) -> "GuessQuestion":
        """Make a question of what `to_dict` returned, or of an entry of a file with its id.

        Parameters
        ----------
        data : dict
            As `to_dict` returns it.

        Returns
        -------
        GuessQuestion

        Raises
        ------
        featlib.FeatlibError
            If it is no such question; all faults are listed.
        """
        where = "GuessQuestion.from_dict"
        plain = questions.plain_json(data, where, _WANTED)
        if not isinstance(plain, dict) or not isinstance(plain.get("id"), str):
            fix = 'Give it an id: {"id": "my-guess", …}.'
            checks.refuse(where, "a question to guess, with an id", describe(data), fix)
        (found,) = _loaded({plain.pop("id"): plain}, where).values()
        return found


def load_guesses(file: str | Path | Mapping[str, Any] | None = None) -> dict[str, GuessQuestion]:
    """Read questions to guess and check them.

    Parameters
    ----------
    file : str, pathlib.Path, or dict, optional
        A file as quizzes/schema.json says, or what such a file holds; left out, the questions that
        come with featlib.

    Returns
    -------
    dict of str to GuessQuestion
        By their ids, in the order of the file.

    Raises
    ------
    featlib.FeatlibError
        If there is no such file, or anything in it is wrong. All faults are listed at once.

    Examples
    --------
    >>> load_guesses()["03-neighbors"].notebook
    '03_feature_extraction'
    """
    if file is None:
        return dict(_bundled())
    if isinstance(file, Mapping):
        where = "guesses of your own"
        return _loaded(questions.plain_json(dict(file), where, _WANTED), where)
    path = checks.file(file, "predict_first", "a file of guesses")
    return _loaded(questions.read(path), f"guesses '{path}'")


def find_guess(
    name: str | Mapping[str, Any] | GuessQuestion,
    file: str | Path | Mapping[str, Any] | None = None,
) -> GuessQuestion:
    """Return a question to guess.

    Parameters
    ----------
    name : str, dict, or GuessQuestion
        The id of a question, or a question itself, with its ``"id"``.
    file : str, pathlib.Path, or dict, optional
        Where the id is looked up, as for `load_guesses`.

    Returns
    -------
    GuessQuestion

    Raises
    ------
    featlib.FeatlibError
        If there is none; the message lists those that are called alike.
    """
    if isinstance(name, GuessQuestion):
        return name
    if isinstance(name, Mapping):
        return GuessQuestion.from_dict(dict(name))
    known = load_guesses(file)
    checks.one_of(name, "predict_first", "the id of a question to guess", known)
    return known[name]


def asked_questions(said: Mapping[str, Any]) -> dict[str, GuessQuestion]:
    """Return questions that were kept with their guesses.

    Parameters
    ----------
    said : mapping of str to dict
        By `GuessQuestion.key` what `GuessQuestion.to_dict` returned.

    Returns
    -------
    dict of str to GuessQuestion
        By key; without what is damaged or was changed, which its key shows.
    """
    found = {}
    for key, entry in said.items():
        with suppress(checks.FeatlibError):
            question = GuessQuestion.from_dict(entry)
            if question.key == key:
                found[key] = question
    return found


def plain_value(value: Any) -> Any:
    """Return numbers of NumPy or torch as Python's own; anything else as it is.

    Parameters
    ----------
    value : object
        A number, a text, or a sequence of numbers: a list, a tensor, an array.

    Returns
    -------
    object
    """
    if isinstance(value, (list, tuple)):
        return [plain_value(one) for one in value]
    if hasattr(value, "tolist") and str(getattr(value, "device", "cpu")) != "meta":
        return value.tolist()
    return value


@cache
def _bundled() -> dict[str, GuessQuestion]:
    path = bundled("quizzes") / "guesses.json"
    return _loaded(questions.read(path), f"guesses '{path}'")


def _loaded(data: Any, where: str) -> dict[str, GuessQuestion]:
    faults = questions.schema_faults(data, "guesses")
    questions.refuse_faults(where, _WANTED, faults or [*_logic_faults(data)])
    entries = {name: entry for name, entry in data.items() if name != "$schema"}
    return {name: _question(name, entry) for name, entry in entries.items()}


def _logic_faults(data: dict[str, Any]) -> Iterator[str]:
    """Find what a schema cannot say: an empty range, too small a step, places out of order."""
    entries = {name: entry for name, entry in data.items() if name != "$schema"}
    if not entries:
        yield "file, as a whole: it asks nothing"
    for name, entry in entries.items():
        if entry["kind"] == "choice":
            continue
        low, high = entry["low"], entry["high"]
        if not low < high or not math.isfinite(float(high) - float(low)):
            yield f"{name}, low: no number is from {low:g} to {high:g}"
        elif not (high - low) / _MOST_STEPS <= entry.get("step", high - low) <= high - low:
            yield f"{name}, step: {entry['step']:g} makes no or more than {_MOST_STEPS:,} steps"
        x = entry.get("x", ())
        if any(a >= b for a, b in itertools.pairwise(x)):
            yield f"{name}, x: not in ascending order"


def _question(name: str, entry: dict[str, Any]) -> GuessQuestion:
    given: dict[str, Any] = dict(entry)
    if "low" in given:
        given |= {"low": float(given["low"]), "high": float(given["high"])}
        given["step"] = float(given.get("step", f"{(given['high'] - given['low']) / 100:.3g}"))
    given["labels"] = tuple(given.get("labels", ()))
    given["x"] = tuple(map(float, given.get("x", ())))
    return GuessQuestion(name, **given)


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # a whole number of more than 308 digits
        return math.inf
