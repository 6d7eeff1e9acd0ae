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
    nowhere = torch.ones(2, dtype=torch.bool, device="meta")
    for second in (0.9, torch.tensor([1, 0]), torch.tensor(True), nowhere):
        with pytest.raises(FeatlibError, match="a Report"):
            validation.compare(one, second)


def test_no_images_are_not_compared():
    nothing = torch.zeros(0, dtype=torch.bool)
    with pytest.raises(FeatlibError, match="of one or more, got"):
        validation.compare(nothing, nothing)


def test_answers_may_come_as_what_is_right(one_hot_head):
    report = validation.evaluate(one_hot_head, say(0, 1), torch.tensor([0, 0]), CLASSES)
    found = validation.compare(report, torch.tensor([False, True]))
    assert (found.first_alone, found.second_alone) == (1, 1)


# Two ways, over random splits


def test_splits_that_share_images_widen_the_interval():
    """Worked out by hand: Student's t of 3 degrees of freedom has a closed form."""
    found = validation.OverSplits((0.02, 0.03, 0.05, 0.06), tested_per_trained=0.25)
    error = (0.001 / 3 * (1 / 4 + 0.25)) ** 0.5
    ratio = 0.04 / error
    angle = np.arctan(ratio / 3**0.5) + ratio / 3**0.5 / (1 + ratio**2 / 3)
    assert found.mean == pytest.approx(0.04)
    # Of any table: 2.5 % lie above 3.1824.
    assert found.interval == pytest.approx((0.04 - 3.1824 * error, 0.04 + 3.1824 * error), abs=1e-6)
    assert found.p_value == pytest.approx(1 - 2 / np.pi * angle)
    other = validation.OverSplits(tuple(-value for value in found.values), 0.25)
    assert other.p_value == found.p_value
    assert "above 0 in 0 of 4 splits" in str(other)


def test_a_difference_of_nearly_nothing_has_no_minus():
    said = str(validation.OverSplits((-0.001, 0.0009), 0.25))
    assert said.startswith("+0.0 points (95% interval -1.5 to +1.5)")


@pytest.mark.parametrize(("value", "p_value"), [(0.0, 1.0), (0.1, 0.0), (-0.1, 0.0)])
def test_equal_values_leave_no_doubt(value, p_value):
    found = validation.OverSplits((value,) * 3, 0.25)
    assert found.p_value == p_value
    assert found.interval == pytest.approx((value, value))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((0.1,), "values as two or more numbers"),
        ((), "values as two or more numbers"),
        (0.1, "values as two or more numbers"),
        (None, "values as two or more numbers"),
        ("12", "values as two or more numbers"),
        ((0.1, float("nan")), "each of values as a number"),
        ((0.1, -float("inf")), "each of values as a number"),
        ((0.1, 10**400), "each of values as a number"),
        ((0.1, "0.1"), "each of values as a number"),
        ((0.1, True), "each of values as a number"),
        ((0.1, None), "each of values as a number"),
    ],
)
def test_values_that_have_no_spread_are_refused(values, said):
    with pytest.raises(FeatlibError, match=said):
        validation.OverSplits(values, 0.25)


@pytest.mark.parametrize("share", [-0.1, float("nan"), None, "0.25"])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(FeatlibError, match="tested_per_trained as a number of at least 0"):
        validation.OverSplits((0.1, 0.2), share)


def test_points_are_written_in_one_place():
    found = validation.OverSplits((-0.001, 0.0009), 0.25)
    assert found.points == ("+0.0", "-1.5", "+1.5")
    assert str(found).startswith("{} points (95% interval {} to {})".format(*found.points))


def test_both_ways_get_the_same_splits_and_no_group_is_on_both_sides():
    groups, seen = torch.arange(10).repeat_interleave(2), {"first": [], "second": []}

    def score(name, accuracy):
        def on(train, test):
            seen[name].append((train.tolist(), test.tolist()))
            return accuracy + test.min().item() / 100

        return on

    found = validation.compare_over_splits(
        score("first", 0.7), score("second", 0.5), groups, n_splits=6
    )
    assert found.values == pytest.approx((0.2,) * 6)
    assert found.tested_per_trained == 4 / 16
    assert seen["first"] == seen["second"]
    assert len({tuple(test) for _, test in seen["first"]}) > 1, "splits differ"
    for train, test in seen["first"]:
        assert sorted(train + test) == list(range(20))
        assert not set(groups[train].tolist()) & set(groups[test].tolist())


def test_a_seed_gives_the_same_splits_again():
    def rows(seed):
        found = []
        validation.compare_over_splits(
            lambda train, test: found.append(test.tolist()) or 0.5,
            lambda train, test: 0.5,
            torch.arange(30),
            n_splits=3,
            seed=seed,
        )
        return found

    assert rows(1) == rows(1) != rows(2)


def test_the_correction_holds_what_it_promises():
    """Of many pairs of equally good ways, about 5% seem to differ; uncorrected, far more."""
    random, found = np.random.default_rng(0), []
    for _ in range(150):
        first, second = (_share_of(right) for right in random.random((2, 100)) < 0.7)
        over = validation.compare_over_splits(first, second, torch.arange(100))
        found.append((over.p_value, validation.OverSplits(over.values, 0.0).p_value))
    corrected, plain = (np.mean([p < 0.05 for p in ps]) for ps in zip(*found, strict=True))
    assert corrected < 0.1 < 0.3 < plain


BAD_SPLITS = {
    "no function": ({"first": 0.9}, "first as a function"),
    "no second function": ({"second": None}, "second as a function"),
    "a share above 1": ({"first": lambda train, test: 87.0}, "first to return an accuracy, 0–1"),
    "not a number": ({"second": lambda train, test: float("nan")}, "second to return an accuracy"),
    "a tensor": ({"first": lambda train, test: test}, "first to return an accuracy"),
    "nothing": ({"first": lambda train, test: None}, "first to return an accuracy"),
    "one group": ({"groups": torch.zeros(9, dtype=torch.int64)}, "two different ones"),
    "no groups": ({"groups": torch.arange(0)}, "two different ones"),
    "groups as a list": ({"groups": [1, 2, 3]}, "an int64 tensor"),
    "groups as floats": ({"groups": torch.rand(9)}, "an int64 tensor"),
    "groups in a table": ({"groups": torch.arange(9)[None]}, "one element an image"),
    "groups without values": ({"groups": torch.arange(9, device="meta")}, "an int64 tensor"),
    "one split": ({"n_splits": 1}, "n_splits as a whole number from 2"),
    "too many splits": ({"n_splits": 10**9}, "n_splits as a whole number"),
    "a seed of text": ({"seed": "x"}, "seed as a whole number"),
}


@pytest.mark.parametrize("case", BAD_SPLITS)
def test_splits_are_refused_with(case):
    changed, said = BAD_SPLITS[case]
    given = {"first": _half, "second": _half, "groups": torch.arange(9)} | changed
    ways = given.pop("first"), given.pop("second"), given.pop("groups")
    with pytest.raises(FeatlibError, match=said):
        validation.compare_over_splits(*ways, **given)


def _half(train, test):
    return 0.5


def _share_of(right):
    return lambda train, test: right[test].mean()
