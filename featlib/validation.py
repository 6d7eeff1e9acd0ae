"""Stage 5: how good the head is on features that it never saw."""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from featlib import checks


@dataclass(frozen=True, repr=False)
class Report:
    """What validation found.

    Attributes
    ----------
    classes : tuple of str
        The name of each class number, C of them.
    labels : torch.Tensor
        int64 N: the truth.
    probabilities : torch.Tensor
        float32 N×C: what the head says; rows sum to 1.
    accuracy : float
        The share that is right.
    interval : tuple of (float, float)
        Where the accuracy on endlessly many such images lies, with 95 % confidence.
    loss : float
        Mean cross-entropy, in nats.
    precision, recall, f1 : numpy.ndarray
        float64 C, one number a class; 0 where a class is never predicted.
    confusion : numpy.ndarray
        int64 C×C: rows are the truth, columns what the head says.
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

    def __repr__(self):
        low, high = self.interval
        return (
            f"Report(accuracy {self.accuracy:.3f}, 95 % interval {low:.3f} to {high:.3f}, "
            f"loss {self.loss:.3f}, {len(self.labels)} images)"
        )

    @property
    def predictions(self):
        """int64 N: the class with the highest probability."""
        return self.probabilities.argmax(1)

    def worst(self, n=8):
        """Return the mistakes that the head was surest of.

        Parameters
        ----------
        n : int
            How many at most.

        Returns
        -------
        list of int
            Rows of the validation features, the surest mistake first.
        """
        sureness = self.probabilities.max(1).values
        wrong = (self.predictions != self.labels).nonzero().flatten()
        return wrong[sureness[wrong].argsort(descending=True, stable=True)][:n].tolist()

    def calibration(self, bins=5):
        """Compare how sure the head is with how often it is right.

        Parameters
        ----------
        bins : int
            How many groups to sort the images into, from the least sure to the surest; all of the
            same size, give or take one.

        Returns
        -------
        sure, right : list of float
            For each group the mean of its highest probabilities, and the share that is right.
        """
        checks.whole_number(bins, "Report.calibration", "bins", high=len(self.labels))
        sureness, order = self.probabilities.max(1).values.sort(stable=True)
        right = (self.predictions == self.labels).float()[order]
        return tuple(
            [group.mean().item() for group in values.tensor_split(bins)]
            for values in (sureness, right)
        )

    def most_confused(self):
        """Return the most frequent mistakes; several where they are equally frequent.

        Returns
        -------
        pairs : list of (str, str)
            Of each, the true class and the class that was said; empty if all is right.
        times : int
            How often each was made.
        """
        mistakes = self.confusion - np.diag(np.diag(self.confusion))
        times = int(mistakes.max())
        places = np.argwhere(mistakes == times) if times else ()
        return [(self.classes[row], self.classes[column]) for row, column in places], times


def evaluate(head, features, labels, classes):
    """Evaluate a head on unseen features.

    Parameters
    ----------
    head : torch.nn.Module
        Takes features N×D, returns logits N×C.
    features : torch.Tensor
        float32 N×D.
    labels : torch.Tensor
        int64 N, class numbers from 0.
    classes : sequence of str
        The name of each class number.

    Returns
    -------
    Report

    Raises
    ------
    featlib.FeatlibError
        If the features, labels and classes do not fit together.
    """
    classes = checks.classes(classes, "validation.evaluate")
    checks.features(features, "validation.evaluate", width=getattr(head, "in_features", None))
    checks.labels(labels, "validation.evaluate", len(features), len(classes))
    with torch.no_grad():
        logits = head(features)
    if logits.shape[1] != len(classes):
        wanted, got = f"a head with {len(classes)} outputs", f"{logits.shape[1]}"
        checks.refuse("validation.evaluate", wanted, got, "Name each output in `classes`.")
    probabilities = logits.softmax(1)
    predictions = probabilities.argmax(1)
    n = len(classes)
    # A pair of truth and answer has one number, and how often each number comes is the matrix.
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


def wilson_interval(right, n):
    """Return the 95 % Wilson score interval of an accuracy.

    Parameters
    ----------
    right : int
        How many were right.
    n : int
        Of how many.

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
    """
    checks.whole_number(n, "validation.wilson_interval", "n")
    checks.whole_number(right, "validation.wilson_interval", "right", low=0, high=n)
    z, share = NormalDist().inv_cdf(0.975), right / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def _shares(part, whole):
    """Divide class by class; 0 where there is nothing to divide by."""
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
