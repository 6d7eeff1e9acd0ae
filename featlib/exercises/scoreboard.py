"""The project's scoreboard: it checks the rules that it can see, measures an entry, and ranks it.

An entry passes if it is ahead of the baseline on the same pictures by more than chance would
explain: `validation.compare` with p < 0.05.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from featlib import checks, validation
from featlib.engine.words import describe, p_text, shape_text
from featlib.exercises.verdict import Failure, Verdict, attempt
from featlib.images import ImageSet
from featlib.tables import Table

__all__ = ["Entry", "Outcome", "Scoreboard"]

MAX_PARAMETERS = 6000
MAX_SECONDS = 20.0
CHANCE = 0.05  # an entry passes with a p-value below
SHOWN = 5  # entries of the learner's own in the table


@dataclass(frozen=True, eq=False)
class Entry:
    """One line of the scoreboard.

    Attributes
    ----------
    name : str
        What it is called.
    hits : torch.Tensor
        bool N: whether each of the validation pictures is classified right. A count of them would
        not do: two classifiers are compared picture by picture.
    parameters : int
        How many numbers it learned from the training pictures: parameters and buffers.

    Raises
    ------
    featlib.FeatlibError
        If `hits` is anything else.

    Examples
    --------
    >>> import torch
    >>> from featlib.exercises.scoreboard import Entry
    >>> Entry("guessing", torch.tensor([True, False, False]), 0).right
    1
    """

    name: str
    hits: torch.Tensor
    parameters: int

    def __post_init__(self) -> None:
        hits = self.hits
        is_bool = isinstance(hits, torch.Tensor) and hits.dtype == torch.bool
        if not is_bool or hits.is_meta or hits.ndim != 1 or not len(hits):
            wanted = "hits as a bool tensor, one element a validation picture"
            fix = "Pass logits.argmax(1) == labels[images.validation], and not their sum."
            checks.refuse("Entry", wanted, describe(hits), fix)

    @property
    def right(self) -> int:
        """int: How many validation pictures it classifies right."""
        return int(self.hits.sum())


@dataclass(frozen=True, repr=False)
class Outcome:
    """The result of an entry, and the scoreboard after it.

    Attributes
    ----------
    verdict : featlib.exercises.verdict.Verdict
        Whether the entry keeps the rules that can be seen, and is ahead of the baseline beyond
        chance; if not, why.
    table : featlib.tables.Table
        The baselines and the best entries, the best first.
    entry : Entry or None
        What was measured; None if the entry was refused.
    """

    verdict: Verdict
    table: Table
    entry: Entry | None

    def __repr__(self) -> str:
        return f"{self.verdict!r}\n\n{self.table!r}"

    def _repr_html_(self) -> str:
        return self.verdict._repr_html_() + self.table._repr_html_()

    def _ipython_display_(self) -> None:
        from IPython.display import display

        self.verdict._ipython_display_()
        display(self.table)


class Scoreboard:
    """The baselines, and the best entries of this session.

    It sees how many numbers a head holds, how long training took, and whether each picture is
    judged by itself. It cannot see what else a function looked at, such as the validation pictures,
    where the features came from, or how often settings were chosen by what it says: who marks an
    entry reads its code.

    Parameters
    ----------
    features : torch.Tensor
        float32 N×D: features of all images, training and validation.
    images : featlib.images.ImageSet
        The images, N of them.
    baselines : sequence of Entry
        First the one to beat, then others to compare with.
    max_parameters : int
        How many numbers a head may hold: parameters and buffers.
    max_seconds : float
        How long training may take.

    Raises
    ------
    featlib.FeatlibError
        If the features are not float32, finite, and one row for each image, there is no baseline,
        a baseline is not of the validation pictures, or a limit is no number.

    Examples
    --------
    >>> import torch
    >>> from torch import nn
    >>> from featlib import images
    >>> from featlib.exercises.scoreboard import Entry, Scoreboard
    >>> pictures = images.load("emoji10")
    >>> colors = pictures.pixels.float().mean((2, 3)) / 255  # three features: the mean color
    >>> perfect = Entry("all right", torch.ones(200, dtype=torch.bool), 0)
    >>> board = Scoreboard(colors, pictures, [perfect])
    >>> outcome = board.enter("a head without training", lambda x, y: nn.Linear(3, 10))
    >>> outcome.entry.parameters, outcome.verdict.passed
    (40, False)
    """

    def __init__(
        self,
        features: torch.Tensor,
        images: ImageSet,
        baselines: Sequence[Entry],
        *,
        max_parameters: int = MAX_PARAMETERS,
        max_seconds: float = MAX_SECONDS,
    ) -> None:
        where, fix = "Scoreboard", "images.load() and images.from_folder(path) return one."
        checks.instance(images, ImageSet, where, "an ImageSet", fix)
        _check_features(features, images, where)
        listed = tuple(baselines) if isinstance(baselines, (list, tuple)) else ()
        if not listed or not all(isinstance(entry, Entry) for entry in listed):
            wanted, fix = "at least one baseline, in a list", 'Pass [Entry("guessing", hits, 0)].'
            checks.refuse(where, wanted, describe(baselines), fix)
        for entry in listed:
            if len(entry.hits) != len(images.validation):
                wanted = f"hits on the {len(images.validation)} validation pictures"
                checks.refuse(where, wanted, describe(entry.hits), "Measure it on all of them.")
        self.features = features
        self.images = images
        self.baselines: tuple[Entry, ...] = listed
        self.max_parameters = checks.whole_number(max_parameters, where, "max_parameters")
        self.max_seconds = checks.number(max_seconds, where, "max_seconds", above=True)
        self._entries: dict[str, Entry] = {}

    def __repr__(self) -> str:
        return repr(self.table())

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def enter(
        self,
        name: str,
        train_head: Callable[[torch.Tensor, torch.Tensor], nn.Module],
        *,
        features: torch.Tensor | None = None,
    ) -> Outcome:
        """Train a head by the rules, measure it, and enter it.

        Parameters
        ----------
        name : str
            What to call the entry; the better of two with the same name is kept.
        train_head : callable
            Takes training features (float32 M×D) and labels (int64 M), returns a
            `torch.nn.Module` that turns features into logits. It is given nothing else, and called
            with torch's seed at 0.
        features : torch.Tensor, optional
            float32 N×D: other features of all images, made by a frozen network.

        Returns
        -------
        Outcome
            A broken rule, or an error in the learner's function, is a verdict in it.

        Raises
        ------
        featlib.FeatlibError
            If the features are not float32, finite, and one row for each image, or the name cannot
            be written.
        """
        name = checks.text(name, "Scoreboard.enter", "the name")
        features = self.features if features is None else features
        _check_features(features, self.images, "Scoreboard.enter")
        try:
            head, seconds = self._train(train_head, features)
            entry = self._measure(name, head, seconds, features)
        except Failure as failure:
            return Outcome(Verdict(False, f"Refused: {failure}"), self.table(), None)
        except Exception as error:  # such as a result whose own repr fails
            words = f"Refused: what came back cannot be examined ({type(error).__name__})."
            return Outcome(Verdict(False, words), self.table(), None)
        best = self._entries.get(entry.name)
        if best is None or entry.right > best.right:
            self._entries[entry.name] = entry
        return Outcome(self._verdict(entry), self.table(), entry)

    def table(self) -> Table:
        """Return the baselines and the best five entries, the best first.

        Returns
        -------
        featlib.tables.Table
        """
        own = sorted(self._entries.values(), key=lambda entry: -entry.right)[:SHOWN]
        lines = sorted((*self.baselines, *own), key=lambda entry: -entry.right)
        n = len(self.images.validation)
        rows = tuple(
            (
                str(place),
                entry.name,
                f"{entry.parameters:,}",
                f"{entry.right / n:.3f}",
                *self._against_baseline(entry),
            )
            for place, entry in enumerate(lines, 1)
        )
        columns = (">#", "entry", ">parameters", ">accuracy")
        columns += (">ahead", ">right alone", ">wrong alone", ">p")
        title = f"Scoreboard of this session, on {n} validation pictures"
        title += " (alone: without the baseline)"
        return Table(title, columns, rows)

    def _against_baseline(self, entry: Entry) -> tuple[str, str, str, str]:
        target = self.baselines[0]
        if entry is target:
            return "the baseline", "–", "–", "–"
        found = validation.compare(entry.hits, target.hits)
        ahead = 100 * (entry.right - target.right) / len(entry.hits)
        alone = str(found.first_alone), str(found.second_alone)
        return f"{ahead:+.1f} points", *alone, p_text(found.p_value).removeprefix("= ")

    def _train(self, train_head: Any, features: torch.Tensor) -> tuple[Any, float]:
        rows = self.images.train
        x, y = features[rows], self.images.labels[rows]  # copies: they may be changed
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            started = time.perf_counter()
            head = attempt(train_head, x, y)
            return head, time.perf_counter() - started

    def _measure(self, name: str, head: Any, seconds: float, features: torch.Tensor) -> Entry:
        if not isinstance(head, nn.Module):
            raise Failure(
                f"Your function gave {describe(head)}; it was to give a torch.nn.Module, so "
                "that its parameters can be counted."
            )
        kept = [*head.parameters(), *head.buffers()]
        parameters = sum(tensor.numel() for tensor in kept)
        if parameters > self.max_parameters:
            raise Failure(
                f"{parameters:,} parameters; at most {self.max_parameters:,} are allowed."
            )
        if seconds > self.max_seconds:
            raise Failure(
                f"Training took {seconds:.1f} seconds; at most {self.max_seconds:g} are allowed."
            )
        head.eval()
        rows = self.images.validation
        with torch.no_grad():
            logits = attempt(head, features[rows])
            alone = attempt(head, features[rows[:1]])
        shape = (len(rows), len(self.images.classes))
        if not isinstance(logits, torch.Tensor) or logits.shape != shape:
            raise Failure(
                f"The head gave {describe(logits)}; it was to give a logit a class, "
                f"{shape_text(shape)}."
            )
        if not logits.isfinite().all():
            raise Failure("The head gave NaN or infinite logits; they were to be finite.")
        if not torch.allclose(logits[:1], alone, atol=1e-3):
            raise Failure(
                "The head answers otherwise when a picture is alone; each picture was to be judged "
                "by itself."
            )
        return Entry(name, logits.argmax(1) == self.images.labels[rows], parameters)

    def _verdict(self, entry: Entry) -> Verdict:
        target, n = self.baselines[0], len(self.images.validation)
        ahead = 100 * (entry.right - target.right) / n
        words = f"{entry.name}: {entry.right} of {n} right"
        if ahead <= 0:
            behind = f"{-ahead:.1f} points behind" if ahead else "as many as"
            return Verdict(False, f"{words}, {behind} {target.name}.")
        found = validation.compare(entry.hits, target.hits)
        words += f", {ahead:.1f} points ahead of {target.name}"
        counts = f"right alone {found.first_alone}, wrong alone {found.second_alone}, "
        counts += f"p {p_text(found.p_value)}"
        if found.p_value < CHANCE:
            return Verdict(True, f"{words}, beyond chance ({counts}).")
        more = f"These {n} pictures do not tell who is better; p < {CHANCE:g} is needed."
        return Verdict(False, f"{words}, but within chance ({counts}). {more}")


def _check_features(features: torch.Tensor, images: ImageSet, where: str) -> None:
    checks.features(features, where)
    if len(features) != len(images):
        checks.refuse(
            where,
            f"features of all {len(images)} images",
            describe(features),
            "Pass one row an image, in the order of the images.",
        )
