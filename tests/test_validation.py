"""Stage 5: the report says what scikit-learn says."""

import numpy as np
import pytest
import torch
from sklearn.metrics import classification_report
from torch import nn

from featlib import FeatlibError, validation

CLASSES = ("a", "b", "c")


@pytest.fixture
def one_hot_head():
    """Return a head whose logits are its features: the test chooses what it says."""
    layer = nn.Linear(3, 3, bias=False)
    nn.init.eye_(layer.weight)
    return layer


def say(*numbers, sureness=3.0):
    return torch.eye(3)[list(numbers)] * sureness


def test_accuracy_confusion_and_probabilities(one_hot_head):
    report = validation.evaluate(one_hot_head, say(0, 0, 1, 2), torch.tensor([0, 1, 1, 2]), CLASSES)
    assert report.accuracy == 0.75
    assert report.confusion.tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert report.probabilities.shape == (4, 3)
    torch.testing.assert_close(report.probabilities.sum(1), torch.ones(4))
    assert report.most_confused() == ([("b", "a")], 1)


def test_each_class_agrees_with_scikit_learn(one_hot_head):
    labels = torch.tensor([0, 1, 1, 2, 2, 0])
    report = validation.evaluate(one_hot_head, say(0, 0, 1, 2, 1, 0), labels, CLASSES)
    theirs = classification_report(labels, report.predictions, output_dict=True)
    for k in range(3):
        assert report.precision[k] == pytest.approx(theirs[str(k)]["precision"])
        assert report.recall[k] == pytest.approx(theirs[str(k)]["recall"])
        assert report.f1[k] == pytest.approx(theirs[str(k)]["f1-score"])


def test_the_loss_is_the_cross_entropy_of_torch(one_hot_head):
    features = torch.randn(30, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(30) % 3
    report = validation.evaluate(one_hot_head, features, labels, CLASSES)
    with torch.no_grad():
        theirs = nn.functional.cross_entropy(one_hot_head(features), labels)
    assert report.loss == pytest.approx(theirs.item(), abs=1e-5)


def test_a_class_that_is_missing_from_validation_still_has_its_row(one_hot_head):
    report = validation.evaluate(one_hot_head, say(0, 1), torch.tensor([0, 1]), CLASSES)
    assert report.confusion.shape == (3, 3)
    assert report.recall[2] == report.precision[2] == report.f1[2] == 0


def test_the_worst_mistakes_come_surest_first(one_hot_head):
    features = torch.cat([say(1, sureness=1), say(1, sureness=9), say(0), say(2, sureness=5)])
    report = validation.evaluate(one_hot_head, features, torch.zeros(4, dtype=torch.int64), CLASSES)
    assert report.worst() == [1, 3, 0]
    assert report.worst(n=1) == [1]


def test_calibration_groups_images_by_how_sure_the_head_is(one_hot_head):
    features = torch.cat([say(1, sureness=1), say(1, sureness=9), say(0), say(2, sureness=5)])
    report = validation.evaluate(one_hot_head, features, torch.tensor([1, 1, 0, 0]), CLASSES)
    sure, right = report.calibration(bins=2)
    assert sure[0] < sure[1]
    assert right == [1.0, 0.5], "the least sure two are right, of the surest two only one"
    highest = report.probabilities.max(1).values.sort().values
    assert sure == pytest.approx([highest[:2].mean().item(), highest[2:].mean().item()])


def test_without_mistakes_there_is_nothing_confused(one_hot_head):
    report = validation.evaluate(one_hot_head, say(0, 1, 2), torch.arange(3), CLASSES)
    assert report.most_confused() == ([], 0)
    assert report.worst() == []


def test_equally_frequent_mistakes_are_all_named(one_hot_head):
    labels = torch.tensor([1, 1, 2, 2, 0, 1])
    report = validation.evaluate(one_hot_head, say(0, 0, 1, 1, 2, 1), labels, CLASSES)
    assert report.most_confused() == ([("b", "a"), ("c", "b")], 2)


@pytest.mark.parametrize("bins", [0, 5])
def test_more_groups_than_images_are_refused(one_hot_head, bins):
    report = validation.evaluate(one_hot_head, say(0, 1, 2, 0), torch.tensor([0, 1, 2, 1]), CLASSES)
    with pytest.raises(FeatlibError, match="bins as a whole number from 1 to 4"):
        report.calibration(bins=bins)


def test_its_repr_says_the_figures(one_hot_head):
    report = validation.evaluate(one_hot_head, say(0, 0, 1, 2), torch.tensor([0, 1, 1, 2]), CLASSES)
    assert repr(report).startswith("Report(accuracy 0.750, 95% interval 0.301 to 0.954, loss ")
    assert report.interval == validation.wilson_interval(3, 4)


def test_evaluating_records_no_gradients(one_hot_head):
    report = validation.evaluate(one_hot_head, say(0, 1), torch.tensor([0, 1]), CLASSES)
    assert not report.probabilities.requires_grad


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    # Worked out by hand from Wilson's formula with z = 1.95996.
    [(160, 200, 0.73914, 0.84955), (0, 10, 0.0, 0.27754), (10, 10, 0.72246, 1.0)],
)
def test_the_wilson_interval(right, n, low, high):
    assert validation.wilson_interval(right, n) == pytest.approx((low, high), abs=2e-5)


def test_the_interval_holds_what_it_promises():
    """Of many validations of a head that is right 70 times in 100, about 95% hold the 0.70."""
    draws = np.random.default_rng(0).binomial(200, 0.7, size=400)
    intervals = [validation.wilson_interval(int(right), 200) for right in draws]
    assert 0.92 < np.mean([low <= 0.7 <= high for low, high in intervals]) < 0.98


def test_too_many_right_answers_are_refused():
    with pytest.raises(FeatlibError, match="from 0 to 10"):
        validation.wilson_interval(11, 10)
    with pytest.raises(FeatlibError, match="n as a whole number of at least 1"):
        validation.wilson_interval(0, 0)


def test_a_head_with_too_few_outputs_is_refused(one_hot_head):
    with pytest.raises(FeatlibError, match="a head with 4 outputs"):
        validation.evaluate(one_hot_head, say(0, 1), torch.tensor([0, 1]), (*CLASSES, "d"))


def test_a_head_is_evaluated_as_it_will_be_used(one_hot_head):
    features = torch.randn(60, 3, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(60) % 3
    plain = validation.evaluate(one_hot_head, features, labels, CLASSES)
    unsure = nn.Sequential(nn.Dropout(0.5), one_hot_head)
    for _ in range(2):
        assert validation.evaluate(unsure, features, labels, CLASSES).loss == plain.loss
    assert unsure.training


def test_whole_numbers_of_numpy_do_not_overflow():
    assert validation.wilson_interval(np.uint8(3), np.uint8(200)) == validation.wilson_interval(
        3, 200
    )


# Two classifiers


@pytest.mark.parametrize(
    ("first", "second", "alone", "p_value"),
    [
        ([0] * 8, [1] * 6 + [0] * 2, (6, 0), 2 * 0.5**6),
        ([0] * 6 + [1] * 2, [1, 0, 0, 0, 0, 0, 1, 1], (1, 0), 1.0),
        ([1, 1, 0, 0], [1, 1, 0, 0], (0, 0), 1.0),
        ([1] * 9 + [0], [0] * 9 + [1], (1, 9), 22 / 2**10),
    ],
    ids=["one is better", "one image apart", "the same", "the other is better"],
)
def test_only_images_that_one_of_two_gets_right_count(one_hot_head, first, second, alone, p_value):
    labels = torch.zeros(len(first), dtype=torch.int64)
    reports = [
        validation.evaluate(one_hot_head, say(*said), labels, CLASSES) for said in (first, second)
    ]
    found = validation.compare(*reports)
    assert (found.first_alone, found.second_alone) == alone
    assert found.p_value == pytest.approx(p_value)


def test_reports_of_other_images_are_not_compared(one_hot_head):
    one = validation.evaluate(one_hot_head, say(0, 1), torch.tensor([0, 1]), CLASSES)
    other = validation.evaluate(one_hot_head, say(0, 1), torch.tensor([1, 0]), CLASSES)
    for second in (other, torch.tensor([True] * 3)):
        with pytest.raises(FeatlibError, match="the same images"):
            validation.compare(one, second)
    for second in (0.9, torch.tensor([1, 0]), torch.tensor(True)):
        with pytest.raises(FeatlibError, match="a Report"):
            validation.compare(one, second)


def test_answers_may_come_as_what_is_right(one_hot_head):
    report = validation.evaluate(one_hot_head, say(0, 1), torch.tensor([0, 0]), CLASSES)
    found = validation.compare(report, torch.tensor([False, True]))
    assert (found.first_alone, found.second_alone) == (1, 1)
