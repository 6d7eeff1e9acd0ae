"""Stage 5: how good the head is on features that it never saw."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist, mean, stdev
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from featlib import checks
from featlib import head as heads
from featlib.engine.words import describe, p_text

__all__ = [
    "Comparison",
    "OverSplits",
    "Report",
    "compare",
    "compare_over_splits",
    "evaluate",
    "wilson_interval",
]

_MOST = 10**18  # predictions, or a difference: more than anyone has
_HELD_OUT = 0.2  # the share of groups that a random split tests on
_MOST_SPLITS = 10_000
_Score = Callable[[torch.Tensor, torch.Tensor], float]  # of rows to train on and to test on


@dataclass(frozen=True, repr=False, eq=False)
class Report:
    """What validation found. Each report equals itself alone.

    Attributes
    ----------
    classes : tuple of str
        The name of each class number, C of them.
    labels : torch.Tensor
        int64 N: the true classes.
    probabilities : torch.Tensor
        float32 N×C: what the head says; each row sums to 1.
    accuracy : float
        The share of correct predictions, 0–1.
    interval : tuple of (float, float)
        Where the accuracy on infinitely many such images lies, with 95% confidence.
    loss : float
        Mean cross-entropy, in nats.
    precision, recall, f1 : numpy.ndarray
        float64 C, one number for each class; 0 where there is nothing to divide by, as for the
        precision of a class that is never predicted.
    confusion : numpy.ndarray
        int64 C×C: rows are the true classes, columns what the head says.

    Examples
    --------
    >>> import torch
    >>> from featlib import validation
    >>> features, labels = 3 * torch.eye(4, 2), torch.tensor([0, 1, 0, 1])
    >>> report = validation.evaluate(torch.nn.Identity(), features, labels, ["cat", "dog"])
    >>> report
    Report(accuracy 0.750, 95% interval 0.301 to 0.954, loss 0.371, 4 images)
    >>> report.confusion.tolist()
    [[2, 0], [1, 1]]
    """

    classes: tuple[str, ...]
    labels: torch.Tensor
    probabilities: torch.Tensor
    accuracy: float
    interval: tuple[float, float]
    loss: float
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray
    confusion: np.ndarray

    def __repr__(self) -> str:
        low, high = self.interval
        return (
            f"Report(accuracy {self.accuracy:.3f}, 95% interval {low:.3f} to {high:.3f}, "
            f"loss {self.loss:.3f}, {len(self.labels)} images)"
        )

    @property
    def predictions(self) -> torch.Tensor:
        """int64 N: the class with the highest probability."""
        return self.probabilities.argmax(1)

    def worst(self, n: int = 8) -> list[int]:
        """Return the mistakes that the head was most sure of.

        Parameters
        ----------
        n : int
            How many at most.

        Returns
        -------
        list of int
            Row numbers of the validation features, the most sure mistake first.

        Raises
        ------
        featlib.FeatlibError
            If `n` is no whole number, or below 0.

        Examples
        --------
        >>> import torch
        >>> from featlib import validation
        >>> features, labels = torch.tensor([[1.0, 0], [9, 0], [0, 2]]), torch.tensor([1, 1, 1])
        >>> validation.evaluate(torch.nn.Identity(), features, labels, ["cat", "dog"]).worst()
        [1, 0]
        """
        n = checks.whole_number(n, "Report.worst", "n", low=0)
        sureness = self.probabilities.max(1).values
        wrong = (self.predictions != self.labels).nonzero().flatten()
        return wrong[sureness[wrong].argsort(descending=True, stable=True)][:n].tolist()

    def calibration(self, bins: int = 5) -> tuple[list[float], list[float]]:
        """Compare how sure the head is with how often it is right.

        Parameters
        ----------
        bins : int
            How many groups to sort the images into, from the least sure to the most sure. Their
            sizes differ by one at most.

        Returns
        -------
        sure, right : list of float
            For each group: the mean of its highest probabilities, and the share of correct
            predictions.

        Raises
        ------
        featlib.FeatlibError
            If `bins` is not from 1 to the number of images.

        Examples
        --------
        >>> import torch
        >>> from featlib import validation
        >>> features = torch.tensor([[0.5, 0], [1, 0], [4, 0], [5, 0]])
        >>> labels = torch.tensor([0, 1, 0, 0])
        >>> report = validation.evaluate(torch.nn.Identity(), features, labels, ["cat", "dog"])
        >>> sure, right = report.calibration(bins=2)
        >>> [round(share, 2) for share in sure], right
        ([0.68, 0.99], [0.5, 1.0])
        """
        bins = checks.whole_number(bins, "Report.calibration", "bins", high=len(self.labels))
        sureness, order = self.probabilities.max(1).values.sort(stable=True)
        right = (self.predictions == self.labels).float()[order]
        return _group_means(sureness, bins), _group_means(right, bins)

    def most_confused(self) -> tuple[list[tuple[str, str]], int]:
        """Return the most frequent mistakes; several where they are equally frequent.

        Returns
        -------
        pairs : list of (str, str)
            For each, the true class and the predicted class; empty if all predictions are right.
        times : int
            How often each was made.

        Examples
        --------
        >>> import torch
        >>> from featlib import validation
        >>> features, labels = torch.eye(2)[[0, 0, 1]], torch.tensor([0, 1, 1])
        >>> report = validation.evaluate(torch.nn.Identity(), features, labels, ["cat", "dog"])
        >>> report.most_confused()
        ([('dog', 'cat')], 1)
        """
        mistakes = self.confusion - np.diag(np.diag(self.confusion))
        times = int(mistakes.max())
        places = np.argwhere(mistakes == times) if times else ()
        return [(self.classes[row], self.classes[column]) for row, column in places], times


@dataclass(frozen=True)
class Comparison:
    """Two classifiers on the same images.

    Attributes
    ----------
    first_alone, second_alone : int
        Images that one of them gets right and the other wrong.
    p_value : float
        How probable at least so uneven a pair of numbers is, if both are equally good.
    """

    first_alone: int
    second_alone: int
    p_value: float

    def __str__(self) -> str:
        alone = f"right by the first alone {self.first_alone}"
        return f"{alone}, by the second alone {self.second_alone}, p {p_text(self.p_value)}"


@dataclass(frozen=True)
class OverSplits:
    """A number measured on each of several random splits of the same images.

    Splits that share images are not independent, so the usual variance of the mean is too small.
    Nadeau and Bengio correct it: 1 / n becomes 1 / n + images tested on / images trained on.

    Attributes
    ----------
    values : tuple of float
        One of each split, two or more; such as the difference of two accuracies.
    tested_per_trained : float
        How many images a split tests on for each that it trains on.

    Raises
    ------
    featlib.FeatlibError
        If there are fewer than two values, or one of these is no finite number.

    References
    ----------
    Nadeau and Bengio (2003), Inference for the generalization error, Machine Learning 52, 239–281.

    Examples
    --------
    >>> from featlib import validation
    >>> print(validation.OverSplits((0.02, 0.03, 0.05, 0.06), 0.25))
    +4.0 points (95% interval -0.1 to +8.1), above 0 in 4 of 4 splits, p = 0.053
    """

    values: tuple[float, ...]
    tested_per_trained: float

    def __post_init__(self) -> None:
        where = "OverSplits"
        if not isinstance(self.values, (tuple, list)) or len(self.values) < 2:
            wanted, fix = "values as two or more numbers", "Pass a tuple, a number for each split."
            checks.refuse(where, wanted, describe(self.values), fix)
        for value in self.values:
            checks.number(value, where, "each of values", -_MOST, _MOST)
        checks.number(self.tested_per_trained, where, "tested_per_trained")

    def __str__(self) -> str:
        mean, low, high = self.points
        above = f"above 0 in {sum(value > 0 for value in self.values)} of {len(self.values)} splits"
        said = f"{mean} points (95% interval {low} to {high}), {above}"
        return f"{said}, p {p_text(self.p_value)}"

    @property
    def points(self) -> tuple[str, str, str]:
        """The mean and both ends of its interval in percentage points: ``+4.0``, no ``-0.0``."""
        mean, low, high = (
            f"{round(100 * share, 1) + 0.0:+.1f}" for share in (self.mean, *self.interval)
        )
        return mean, low, high

    @property
    def mean(self) -> float:
        """The mean over the splits."""
        return mean(self.values)

    @property
    def interval(self) -> tuple[float, float]:
        """Where the mean over all such splits lies, with 95% confidence (Student's t)."""
        from scipy.stats import t  # takes a while to import

        half = float(t.ppf(0.975, len(self.values) - 1)) * self._error
        return self.mean - half, self.mean + half

    @property
    def p_value(self) -> float:
        """How probable a mean at least so far from 0 is, if the true one is 0."""
        from scipy.stats import t

        if not self._error:
            return float(not self.mean)
        return float(2 * t.sf(abs(self.mean) / self._error, len(self.values) - 1))

    @property
    def _error(self) -> float:
        return stdev(self.values) * sqrt(1 / len(self.values) + self.tested_per_trained)


def compare(first: Report | torch.Tensor, second: Report | torch.Tensor) -> Comparison:
    """Compare two classifiers on the same images, by McNemar's exact test.

    Images that both get right, or both wrong, say nothing about which is better. Of the others, an
    equally good pair shares evenly, as a fair coin does. Two intervals that overlap do not show
    this: both move up and down together with how hard the images are.

    Parameters
    ----------
    first, second : Report or torch.Tensor
        Of the same N images in the same order; or bool N, whether each image is right.

    Returns
    -------
    Comparison
        The two counts, and the p-value of the two-sided test.

    Raises
    ------
    featlib.FeatlibError
        If these are neither, or not of the same images, or of none.

    References
    ----------
    McNemar (1947), Note on the sampling error of the difference between correlated proportions or
    percentages, Psychometrika 12(2), 153–157.

    Examples
    --------
    >>> import torch
    >>> from featlib import validation
    >>> labels, classes = torch.zeros(8, dtype=torch.int64), ["cat", "dog"]
    >>> cat, dog = torch.tensor([[1.0, 0]]), torch.tensor([[0.0, 1]])
    >>> answers = cat.repeat(8, 1), torch.cat([dog.repeat(6, 1), cat.repeat(2, 1)])
    >>> reports = [validation.evaluate(torch.nn.Identity(), a, labels, classes) for a in answers]
    >>> print(validation.compare(*reports))
    right by the first alone 6, by the second alone 0, p = 0.031
    """
    from scipy.stats import binomtest  # takes a while to import

    where = "validation.compare"
    one, other = (_right(answers, where) for answers in (first, second))
    of_others = (
        isinstance(first, Report)
        and isinstance(second, Report)
        and (first.classes != second.classes or not torch.equal(first.labels, second.labels))
    )
    if of_others or len(one) != len(other):
        got = f"{len(one)} and {len(other)} images" + (" with other labels" if of_others else "")
        fix = "Evaluate both on the same rows, in the same order."
        checks.refuse(where, "answers to the same images", got, fix)
    alone = int((one & ~other).sum()), int((other & ~one).sum())
    p_value = binomtest(alone[0], sum(alone)).pvalue if sum(alone) else 1.0
    return Comparison(*alone, float(p_value))


def compare_over_splits(
    first: _Score,
    second: _Score,
    groups: torch.Tensor,
    *,
    n_splits: int = 20,
    seed: int = 0,
) -> OverSplits:
    """Compare two feature sets, or two recipes, over random splits of the same images.

    `compare` judges two trained classifiers, on one split. Here both are trained anew on each
    split, so that the luck of the split counts, too. A group is kept on one side; a fifth of the
    groups is tested on.

    Parameters
    ----------
    first, second : callable
        Takes the rows to train on and the rows to test on, each int64 1-D, and returns the
        accuracy on the latter, 0–1. Both get the same splits.
    groups : torch.Tensor
        int64 N: what each image shows, as `featlib.images.ImageSet.groups`. An image that has no
        twin is a group of its own.
    n_splits : int
        How many splits, from 2 to 10,000.
    seed : int
        The seed of the splits.

    Returns
    -------
    OverSplits
        The accuracy of the first minus that of the second, for each split.

    Raises
    ------
    featlib.FeatlibError
        If `first` or `second` cannot be called or returns no accuracy, or there are fewer than two
        groups.

    References
    ----------
    Nadeau and Bengio (2003), Inference for the generalization error, Machine Learning 52, 239–281.

    Examples
    --------
    >>> import torch
    >>> from featlib import head, images, validation
    >>> pictures = images.load("emoji10")
    >>> def score(values):
    ...     def on(train, test):
    ...         layer, _ = head.train(values[train], pictures.labels[train], 10)
    ...         answers = head.logits(layer, values[test]).argmax(1)
    ...         return (answers == pictures.labels[test]).double().mean().item()
    ...     return on
    >>> pixels = pictures.pixels / 255
    >>> one_gray, its_colors = pixels.mean((1, 2, 3))[:, None], pixels.mean((2, 3))
    >>> found = validation.compare_over_splits(
    ...     score(its_colors), score(one_gray), pictures.groups, n_splits=5
    ... )
    >>> len(found.values)
    5
    """
    from sklearn.model_selection import GroupShuffleSplit  # takes a second to import

    where = "validation.compare_over_splits"
    for name, score in (("first", first), ("second", second)):
        if not callable(score):
            fix = "Pass a function of the rows to train on and the rows to test on."
            checks.refuse(where, f"{name} as a function", describe(score), fix)
    groups = _groups(groups, where)
    n_splits = checks.whole_number(n_splits, where, "n_splits", low=2, high=_MOST_SPLITS)
    seed = checks.whole_number(seed, where, "seed", low=0, high=2**32 - 1)  # those of NumPy
    splitter = GroupShuffleSplit(n_splits, test_size=_HELD_OUT, random_state=seed)
    differences, shares = [], []
    for rows in splitter.split(groups, groups=groups.numpy()):
        train, test = map(torch.from_numpy, rows)
        one, other = (
            _accuracy(score(train, test), name, where)
            for name, score in (("first", first), ("second", second))
        )
        differences.append(one - other)
        shares.append(len(test) / len(train))
    return OverSplits(tuple(differences), mean(shares))


def evaluate(
    head: Callable[[torch.Tensor], torch.Tensor],
    features: torch.Tensor,
    labels: torch.Tensor,
    classes: Sequence[str],
) -> Report:
    """Evaluate a head on unseen features.

    Parameters
    ----------
    head : torch.nn.Module or callable
        Takes features float32 N×D, returns logits float32 N×C. It is run in evaluation mode, and
        gets back the mode that it had.
    features : torch.Tensor
        float32 N×D.
    labels : torch.Tensor
        int64 N, class numbers from 0.
    classes : sequence of str
        The name of each class number, C of them.

    Returns
    -------
    Report
        Accuracy with its interval, loss, and precision, recall and F1 of each class.

    Raises
    ------
    featlib.FeatlibError
        If the features, labels and classes do not fit together, or the head's logits are not all
        finite.

    Examples
    --------
    >>> import torch
    >>> from featlib import validation
    >>> features, labels = 3 * torch.eye(4, 2), torch.tensor([0, 1, 0, 1])
    >>> report = validation.evaluate(torch.nn.Identity(), features, labels, ["cat", "dog"])
    >>> report.accuracy, report.probabilities.shape
    (0.75, torch.Size([4, 2]))
    >>> report.recall.tolist()
    [1.0, 0.5]
    """
    where = "validation.evaluate"
    classes = checks.classes(classes, where)
    logits = heads.logits(head, features, len(classes), where)
    checks.labels(labels, where, len(features), len(classes))
    probabilities = logits.softmax(1)
    predictions = probabilities.argmax(1)
    n = len(classes)
    # Each pair of true and predicted class gets its own number; counting them fills the matrix.
    confusion = torch.bincount(labels * n + predictions, minlength=n * n).view(n, n).numpy()
    hits, said, true = confusion.diagonal(), confusion.sum(0), confusion.sum(1)
    right = int(hits.sum())
    return Report(
        classes,
        labels,
        probabilities,
        right / len(labels),
        wilson_interval(right, len(labels)),
        cross_entropy(logits.double(), labels).item(),
        _shares(hits, said),
        _shares(hits, true),
        _shares(2 * hits, said + true),
        confusion,
    )


def wilson_interval(right: int, n: int) -> tuple[float, float]:
    """Return the 95% Wilson score interval of an accuracy.

    Parameters
    ----------
    right : int
        The number of correct predictions.
    n : int
        The number of all predictions.

    Returns
    -------
    tuple of (float, float)
        Lower and upper end, within 0–1.

    Raises
    ------
    featlib.FeatlibError
        If `right` is not from 0 to `n`, or `n` is 0.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference,
    Journal of the American Statistical Association 22(158), 209–212.

    Examples
    --------
    >>> from featlib import validation
    >>> low, high = validation.wilson_interval(160, 200)
    >>> round(low, 3), round(high, 3)
    (0.739, 0.85)
    """
    where = "validation.wilson_interval"
    if (n := checks.whole_number(n, where, "n")) > _MOST:
        checks.whole_number(n, where, "n", high=_MOST)
    right = checks.whole_number(right, where, "right", low=0, high=n)
    z, share = NormalDist().inv_cdf(0.975), right / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * sqrt(share * (1 - share) / n + (z / n) ** 2 / 4) / (1 + z**2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def _right(answers: Any, where: str) -> torch.Tensor:
    """Return whether each image is right, bool N."""
    if isinstance(answers, Report):
        return answers.predictions == answers.labels
    is_bool = isinstance(answers, torch.Tensor) and answers.dtype == torch.bool
    if not is_bool or answers.is_meta or answers.ndim != 1 or not len(answers):
        wanted = "a Report, or a bool tensor with one element an image, of one or more"
        checks.refuse(where, wanted, describe(answers), "validation.evaluate returns a Report.")
    return answers.cpu()


def _groups(groups: Any, where: str) -> torch.Tensor:
    """Return the group of each image, int64 N."""
    is_whole = isinstance(groups, torch.Tensor) and groups.dtype == torch.int64
    if not is_whole or groups.is_meta or groups.ndim != 1 or len(groups.unique()) < 2:
        wanted = "groups as an int64 tensor with one element an image, two different ones at least"
        fix = "Pass the groups of an ImageSet; torch.arange(n) where no image has a twin."
        checks.refuse(where, wanted, describe(groups), fix)
    return groups.cpu()


def _accuracy(found: Any, name: str, where: str) -> float:
    """Return what a score found, if it is an accuracy."""
    if not isinstance(found, (int, float, np.floating)) or not 0 <= found <= 1:
        wanted, fix = f"{name} to return an accuracy, 0–1", "Return the accuracy of a Report."
        checks.refuse(where, wanted, describe(found), fix)
    return float(found)


def _group_means(values: torch.Tensor, bins: int) -> list[float]:
    return [group.mean().item() for group in values.tensor_split(bins)]


def _shares(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Divide class by class; 0 where there is nothing to divide by."""
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
