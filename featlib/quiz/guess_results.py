"""What guesses came to: a table for the learner, and the spread of a class."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median, quantiles
from typing import cast

from featlib import checks
from featlib.engine.words import printable
from featlib.quiz.guess_questions import GuessQuestion, Value, asked_questions, load_guesses
from featlib.quiz.guesses import fits, in_words, off
from featlib.quiz.progress import Guessed, Progress
from featlib.tables import Table

__all__ = ["GuessSpread", "guess_spread", "guess_table", "guesses_of"]

_MANY = 8  # of whom the middle half is told: it is of four, and neither end is the lowest
_COARSE = 10  # parts of the scale that the ends of that half are rounded to
_COLUMNS = ("question", ">guess", ">measured", ">difference", "over or under")


@dataclass(frozen=True)
class GuessSpread:
    """What a class guessed for one number, or which of several choices.

    Attributes
    ----------
    question : featlib.quiz.GuessQuestion
        What was asked.
    part : str
        The bar or the place of a curve that the number is for; empty where there is only one.
    pairs : tuple of tuple of (float or str, float or str or None)
        What each learner guessed, and what they measured; None where they did not.
    """

    question: GuessQuestion
    part: str
    pairs: tuple[tuple[float | str, float | str | None], ...]

    @property
    def learners(self) -> int:
        """How many guessed."""
        return len(self.pairs)

    @property
    def numbers(self) -> tuple[float, ...]:
        """What was guessed, the lowest first; empty for a choice."""
        return tuple(sorted(value for value, _ in self.pairs if not isinstance(value, str)))

    @property
    def counts(self) -> dict[str, int]:
        """How many chose what, in the order of the labels; empty for numbers."""
        chosen = Counter(value for value, _ in self.pairs)
        return {label: chosen[label] for label in self.question.labels if label in chosen}

    @property
    def measured(self) -> float | str | None:
        """What was measured: the median of all learners, or what most of them found."""
        found = [truth for _, truth in self.pairs if truth is not None]
        if not found:
            return None
        if self.question.kind == "choice":
            return Counter(found).most_common(1)[0][0]
        return median(cast("list[float]", found))

    @property
    def verdicts(self) -> dict[str, int]:
        """How many guessed too low, just right and too high; of a choice, right and otherwise."""
        found = Counter(_verdict(self.question, *pair) for pair in self.pairs)
        order = ("too low", "just right", "too high", "right", "other")
        return {word: found[word] for word in order if found[word]}

    def told(self, few: int) -> str:
        """Return the spread in a sentence or two that give away nobody.

        Parameters
        ----------
        few : int
            What fewer learners chose is "another answer", and what fewer of them came to, such as
            "too high", is not told. Numbers are told from eight learners on, by their middle half,
            to a tenth of the scale: of fewer, each can be worked out from such a half.

        Returns
        -------
        str
        """
        choice = self.question.kind == "choice"
        said = f"Guessed: {self._chosen(few) if choice else self._half()}."
        truth = self.measured
        if truth is not None and sum(self.verdicts.values()) >= few:
            text = truth if isinstance(truth, str) else self.question.write(truth)
            told = ", ".join(f"{n} {word}" for word, n in _often(self.verdicts, few, "otherwise"))
            said += f" Measured: {text} ({told})."
        return printable(said)

    def _chosen(self, few: int) -> str:
        told = _often(self.counts, few, "another answer")
        return ", ".join(f"{label} {n}" for label, n in told)

    def _half(self) -> str:
        if self.learners < _MANY:
            return f"by {self.learners}"
        low, _, high = quantiles(self.numbers, n=4, method="inclusive")
        ends = dict.fromkeys(self.question.write(self._rounded(end)) for end in (low, high))
        return f"half of them about {' to '.join(ends)}"

    def _rounded(self, number: float) -> float:
        low, high = self.question.low, self.question.high
        coarse = max((high - low) / _COARSE, self.question.step)
        return min(low + coarse * round((number - low) / coarse), high)


def guess_table(progress: Progress) -> Table:
    """Return what was guessed and what was measured, as a table.

    Parameters
    ----------
    progress : featlib.quiz.Progress
        The learner's guesses.

    Returns
    -------
    featlib.tables.Table
        A row for each number, for the mean of each curve, and for each choice; the last row says
        how far off the guesses were on average. Without a guess, one row that says so.

    Raises
    ------
    featlib.FeatlibError
        If `progress` is none.

    Examples
    --------
    >>> from featlib import quiz
    >>> quiz.guess_table(quiz.Progress())
    Your guesses
    <BLANKLINE>
      question             guess   measured   difference   over or under
     ────────────────────────────────────────────────────────────────────
      You made no guess.
    <BLANKLINE>
    """
    checks.instance(progress, Progress, "quiz.guess_table", "a Progress", "Pass quiz.Progress().")
    asked = load_guesses()
    bundled = {question.key: question for question in asked.values()}
    found = progress.guess_questions()
    pairs = [
        (bundled.get(key) or found[key], kept)
        for key, kept in progress.guesses().items()
        # A question of the lesson that was changed since is open again.
        if key in bundled or (key in found and found[key].id not in asked)
    ]
    pairs = [pair for pair in _ordered(pairs) if fits(*pair)]
    rows = [row for pair in pairs for row in _rows(*pair)]
    rows.append((_summary(pairs), "", "", "", ""))
    return Table("Your guesses", _COLUMNS, tuple(rows))


def guesses_of(export: object) -> list[tuple[GuessQuestion, Guessed]]:
    """Return the guesses in an exported file.

    Parameters
    ----------
    export : object
        What the JSON file holds that `featlib progress --export` writes; older ones have none.

    Returns
    -------
    list of tuple of (GuessQuestion, Guessed)

    Raises
    ------
    ValueError
        With the reason, if anything in it is damaged or was changed.
    """
    if not isinstance(export, dict):
        raise ValueError("no export")
    entries, said = export.get("guesses", []), export.get("guess_questions", {})
    for name, value, kind in (("guesses", entries, list), ("guess_questions", said, dict)):
        if not isinstance(value, kind):
            raise ValueError(f"'{name}' is of the wrong type")
    asked = asked_questions(said)
    found: dict[str, tuple[GuessQuestion, Guessed]] = {}
    for number, entry in enumerate(entries, 1):
        try:
            kept = Guessed.of(entry)
        except ValueError as error:
            raise ValueError(f"guess {number}: {error}") from None
        question = asked.get(kept.key)
        if question is None:
            raise ValueError(f"guess {number}: its question is missing or was changed")
        if not fits(question, kept):
            raise ValueError(f"guess {number}: it does not fit its question")
        found[kept.key] = question, kept
    return list(found.values())


def guess_spread(exports: Iterable[object]) -> tuple[GuessSpread, ...]:
    """Work out what a class guessed.

    Parameters
    ----------
    exports : iterable of dict
        What the JSON file of each learner holds. One whose guesses are damaged is left out:
        `guesses_of` says why.

    Returns
    -------
    tuple of GuessSpread
        One for each number and each choice that anybody guessed: those of the lesson in its order,
        then others.

    Examples
    --------
    >>> from featlib import quiz
    >>> quiz.guess_spread([{"answers": []}])
    ()
    """
    pairs: list[tuple[GuessQuestion, Guessed]] = []
    for export in exports:
        try:
            pairs += guesses_of(export)
        except ValueError:
            continue
    grouped: dict[str, list[tuple[GuessQuestion, Guessed]]] = defaultdict(list)
    for question, kept in _ordered(pairs):
        grouped[question.key].append((question, kept))
    return tuple(spread for group in grouped.values() for spread in _spreads(group))


def _spreads(group: Sequence[tuple[GuessQuestion, Guessed]]) -> Iterable[GuessSpread]:
    question = group[0][0]
    told = [_told(question, kept) for _, kept in group]
    for i, part in enumerate(question.parts):
        yield GuessSpread(question, part, tuple(pairs[i] for pairs in told))


def _told(question: GuessQuestion, kept: Guessed) -> list[tuple[float | str, float | str | None]]:
    """Return what was guessed and measured for each part of a question."""
    value = question.checked(kept.value)
    truth = None if kept.measured is None else question.truth(kept.measured)
    if not isinstance(value, tuple):
        return [(value, cast("float | str | None", truth))]
    truths = truth if isinstance(truth, tuple) else (None,) * len(value)
    return list(zip(value, truths, strict=True))


def _often(counts: Mapping[str, int], few: int, other: str) -> list[tuple[str, int]]:
    """Return what was counted often enough, and how much else there is."""
    told = [(name, n) for name, n in counts.items() if n >= few]
    rest = sum(counts.values()) - sum(n for _, n in told)
    return [*told, (other, rest)] if rest else told


def _verdict(question: GuessQuestion, value: float | str, truth: float | str | None) -> str:
    if truth is None:
        return "not measured"
    if isinstance(value, str) or isinstance(truth, str):
        return "right" if value == truth else "other"
    words = off(question, value, truth)
    return words if words == "just right" else f"too {words.rpartition(' ')[2]}"


def _ordered(
    pairs: Iterable[tuple[GuessQuestion, Guessed]],
) -> list[tuple[GuessQuestion, Guessed]]:
    """Sort guesses: those of the lesson in its order, then others by notebook and id."""
    place = {question.key: i for i, question in enumerate(load_guesses().values())}
    last = len(place)
    return sorted(
        pairs, key=lambda pair: (place.get(pair[0].key, last), pair[0].notebook, pair[0].id)
    )


def _rows(question: GuessQuestion, kept: Guessed) -> Iterable[tuple[str, ...]]:
    number = question.notebook.partition("_")[0]
    asked = f"{number} {_question(question.prompt)}".strip()
    told = _told(question, kept)
    if question.kind == "curve":
        told = [_mean(told)]
        asked += f" (mean of {len(question.x)})"
    for i, (value, truth) in enumerate(told):
        part = question.labels[i] if question.kind == "bars" else ""
        name = f"{'' if i else asked} {part}".strip()
        said = _written(question, value), _written(question, truth)
        yield (name, *said, _difference(question, value, truth), _judged(question, value, truth))


def _mean(
    told: list[tuple[float | str, float | str | None]],
) -> tuple[float | str, float | str | None]:
    values = cast("list[float]", [value for value, _ in told])
    truths = cast("list[float]", [truth for _, truth in told if truth is not None])
    return fmean(values), fmean(truths) if truths else None


def _question(prompt: str) -> str:
    """Return the question itself out of a prompt: the last sentence that asks."""
    asking = [part for part in re.split(r"(?<=[.?!])\s+", prompt) if part.endswith("?")]
    return asking[-1] if asking else prompt


def _written(question: GuessQuestion, value: Value | None) -> str:
    if value is None:
        return "not yet"
    if isinstance(value, str):
        return in_words(question, value)
    return question.write(cast(float, value))


def _difference(question: GuessQuestion, value: float | str, truth: float | str | None) -> str:
    if truth is None or isinstance(value, str) or isinstance(truth, str):
        return ""
    text = question.write(value - truth)
    return f"+{text}" if value > truth and float(text.replace(",", "")) else text


def _judged(question: GuessQuestion, value: float | str, truth: float | str | None) -> str:
    said = {"too low": "under", "too high": "over", "other": "another", "not measured": ""}
    verdict = _verdict(question, value, truth)
    return said.get(verdict, verdict)


def _summary(pairs: Sequence[tuple[GuessQuestion, Guessed]]) -> str:
    """Say how far off the guesses were, in one or two sentences."""
    if not pairs:
        return "You made no guess."
    misses, verdicts = [], Counter()
    for question, kept in pairs:
        for value, truth in _told(question, kept):
            verdicts[_verdict(question, value, truth)] += 1
            if not isinstance(value, str) and not isinstance(truth, str) and truth is not None:
                misses.append(abs(value - truth) / (question.high - question.low))
    said = []
    if misses:
        counted = ", ".join(f"{verdicts[w]} {w}" for w in ("too low", "too high", "just right"))
        mean = f"off by {fmean(misses):.0%} of the scale on average"
        said.append(f"{len(misses)} numbers: {counted}; {mean}.")
    if chosen := verdicts["right"] + verdicts["other"]:
        said.append(f"{verdicts['right']} of {chosen} choices right.")
    return " ".join(said) or "Nothing is measured yet."
