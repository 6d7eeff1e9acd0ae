"""Whose numbers are these? Answers about a learner's own run, held against everybody's own split.

What a variant's run gives is computed anew, as notebooks 00, 02, 04 and 05 do it, with features
from the cache. Those questions of the four count whose right answer follows from the split. Each
asks for a number so fine that two learners seldom share it: which class or mistake is first would
be the same for many.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from statistics import mean

import torch

from featlib import features, head, images, preprocess, quiz, validation, weights
from featlib.checks import FeatlibError
from featlib.engine.progress_bar import progress_bar

__all__ = ["Borrowed", "Run", "Variants", "compare", "values"]

_MANY = 10  # answers that are hardly the same by chance
_RIGHT = "rightly prepared"


@dataclass(frozen=True)
class Run:
    """What is known of one learner's run.

    Attributes
    ----------
    number : int
        What the page calls the learner.
    variant : str
        As `featlib.variants.name` returns it; empty for the split of the lesson.
    answers : tuple of featlib.quiz.Answer
        Oldest first.
    """

    number: int
    variant: str
    answers: tuple[quiz.Answer, ...]


@dataclass(frozen=True)
class Borrowed:
    """An answer that is wrong for a learner's own variant, and right for another one's.

    Attributes
    ----------
    learner : int
        The learner's number.
    quiz, question, key : str
        The quiz's name, the question's id, and its `featlib.quiz.Question.key`.
    owners : tuple of int
        The learners for whom it is right: first who owns most of this learner's borrowed answers.
        0 is the lesson itself, without a variant.
    """

    learner: int
    quiz: str
    question: str
    key: str
    owners: tuple[int, ...]


@dataclass(frozen=True)
class Variants:
    """What comes of a comparison.

    Attributes
    ----------
    borrowed : tuple of Borrowed
        Who has most borrowed answers of one owner comes first.
    shared : tuple of tuple of int
        The learners who have the same variant.
    copies : tuple of tuple of int
        The learners whose answers are the same, try by try.
    questions : int
        How many questions were compared.
    without : tuple of int
        The learners without a variant.
    """

    borrowed: tuple[Borrowed, ...]
    shared: tuple[tuple[int, ...], ...]
    copies: tuple[tuple[int, ...], ...]
    questions: int
    without: tuple[int, ...]


def values(variant: str) -> dict[str, float]:
    """Return what a run with a variant gives, under the names that the quizzes ask for.

    Parameters
    ----------
    variant : str
        As for `featlib.variants.name`; empty for the split of the lesson.

    Returns
    -------
    dict of str to float
        Such as ``raw_accuracy``; the same as in the notebooks, but for rounding.

    Raises
    ------
    featlib.FeatlibError
        If it is no name of a variant, or a bundled file is altered.
    """
    pictures = images.load("emoji10", variant=variant)
    rows = _features()
    on_raw = _trained(pictures, _raw())[1].accuracy
    layer, report, trained = _trained(pictures, rows[_RIGHT])
    in_use = {name: _evaluated(pictures, layer, made).accuracy for name, made in rows.items()}
    accuracy, mistakes = report.accuracy, [in_use[name] for name in rows if name != _RIGHT]
    wrong = int((report.predictions != report.labels).sum())
    losses = [row.loss for row in trained]
    return {
        "raw_accuracy": on_raw,
        "gain_points": 100 * (accuracy - on_raw),
        "right_pictures": len(pictures.validation) * accuracy,
        "no_division_cost": 100 * (accuracy - in_use["no division by 255"]),
        "no_mean_in_use": 100 * in_use["no mean and std"],
        "mistakes_apart": 100 * (max(mistakes) - min(mistakes)),
        "loss_epoch_5": losses[-1],
        "gap_points": 100 * (trained[-1].accuracy - accuracy),
        "whole_fall": losses[0] - losses[-1],
        "val_accuracy": accuracy,
        "confused_percent": 100 * report.most_confused()[1] / max(1, wrong),
        "interval_low": report.interval[0],
        "calibration_points": 100
        * mean(abs(s - r) for s, r in zip(*report.calibration(), strict=True)),
    }


def compare(learners: Sequence[Run], *, progress: bool = True) -> Variants:
    """Hold everybody's answers against the right ones of all variants.

    Parameters
    ----------
    learners : sequence of Run
        The class.
    progress : bool
        Whether to show a progress bar if it takes longer than two seconds.

    Returns
    -------
    Variants

    Raises
    ------
    featlib.FeatlibError
        If a bundled file is altered.
    """
    names = sorted({"", *(learner.variant for learner in learners)})
    _features()  # these two once, with all threads
    _raw()
    with _one_thread():
        known = {
            name: _known(name) for name in progress_bar("variants", len(names), "", progress, names)
        }
    asked = _questions(known[""])
    of: dict[str, list[int]] = defaultdict(list)
    for learner in learners:
        of[learner.variant].append(learner.number)
    owners = {**of, "": of.get("", [0])}
    found = [each for learner in learners for each in _borrowed(learner, asked, known, owners)]
    most = Counter((each.learner, each.owners[0]) for each in found)
    found.sort(key=lambda each: (-most[each.learner, each.owners[0]], each.learner))
    shared = _several(some for name, some in of.items() if name)
    return Variants(tuple(found), shared, _copies(learners), len(asked), tuple(of.get("", ())))


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute on one thread: so small a training spends more on several than it wins."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _several(groups: Iterable[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(sorted(some)) for some in groups if len(some) > 1)


def _copies(learners: Sequence[Run]) -> tuple[tuple[int, ...], ...]:
    alike: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for learner in learners:
        if len(learner.answers) >= _MANY:
            said = tuple(f"{answer.key}: {answer.answer!r}" for answer in learner.answers)
            alike[said].append(learner.number)
    return _several(alike.values())


@cache
def _known(variant: str) -> Mapping[str, float]:
    return values(variant)


@cache
def _raw() -> torch.Tensor:
    """Return float32 1000×12288: all numbers of the pictures, from 0 to 1."""
    return preprocess.scale(images.load("emoji10", variant="").pixels).flatten(1)


@cache
def _features() -> dict[str, torch.Tensor]:
    """Return float32 1000×512 of the pictures, rightly and wrongly prepared."""
    network = weights.read_weights()
    pixels = images.load("emoji10", variant="").pixels
    right = network.transform
    middle, std = torch.tensor(right.mean), torch.tensor(right.std)
    # Each mistake is a right preparation with another mean and std: so the cache keeps it, too.
    ways = {
        _RIGHT: (middle, std),
        "no division by 255": (middle / 255, std / 255),
        "divided by 255 twice": (middle * 255, std * 255),
        "no mean and std": (torch.zeros(3), torch.ones(3)),
        "mean and std twice": (middle + middle * std, std * std),
    }
    made = {}
    for name, (its_mean, its_std) in ways.items():
        transform = preprocess.Transform(
            tuple(its_mean.tolist()), tuple(its_std.tolist()), right.size
        )
        way = network if name == _RIGHT else replace(network, transform=transform)
        made[name] = features.extract(pixels, way)
    return made


def _trained(
    pictures: images.ImageSet, rows: torch.Tensor
) -> tuple[torch.nn.Linear, validation.Report, tuple[head.Epoch, ...]]:
    """Train a layer on N×D rows; return it, how it does on validation, and its epochs."""
    train, unseen, labels = pictures.train, pictures.validation, pictures.labels
    layer, trace = head.train(
        rows[train],
        labels[train],
        len(pictures.classes),
        validation=(rows[unseen], labels[unseen]),
    )
    return layer, _evaluated(pictures, layer, rows), trace.epochs


def _evaluated(
    pictures: images.ImageSet, layer: torch.nn.Linear, rows: torch.Tensor
) -> validation.Report:
    unseen = pictures.validation
    return validation.evaluate(layer, rows[unseen], pictures.labels[unseen], pictures.classes)


def _questions(known: Mapping[str, float]) -> dict[str, tuple[str, quiz.Question]]:
    """Return the lesson's questions on these values, by key, each with its right answers alone."""
    found = {}
    for name in quiz.bundled_quizzes():
        for question in name.pool:
            right = tuple(a for a in question.answers if a.get("correct"))
            only = replace(question, answers=right)
            if only.asks and only.asks <= known.keys():
                found[question.key] = name.name, only
    return found


def _borrowed(
    learner: Run,
    asked: Mapping[str, tuple[str, quiz.Question]],
    known: Mapping[str, Mapping[str, float]],
    owners: Mapping[str, Sequence[int]],
) -> Iterator[Borrowed]:
    """Yield the questions that a learner answered with what is right for others, and not here."""
    found: dict[str, set[int]] = defaultdict(set)
    for answer in learner.answers:
        if answer.key in asked:
            question = asked[answer.key][1]
            right = {name for name, of in known.items() if _right(question, answer.answer, of)}
            if learner.variant not in right:
                found[answer.key].update(number for name in right for number in owners[name])
    often = Counter(number for numbers in found.values() for number in numbers)
    for key, numbers in found.items():
        if numbers:
            name, question = asked[key]
            order = sorted(numbers, key=lambda number: (-often[number], number))
            yield Borrowed(learner.number, name, question.id, key, tuple(order))


def _right(question: quiz.Question, answer: object, known: Mapping[str, float]) -> bool:
    try:
        return quiz.mark(question, answer, known).correct
    except FeatlibError:  # the answer is of no kind that this question takes
        return False
