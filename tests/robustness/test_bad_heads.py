"""A row each: heads in another mode, heads that give no logits, and trainings that diverge."""

import copy
import functools

import numpy as np
import pytest
import torch
from torch import nn

from featlib import FeatlibError, backbone, explain, head, trace, validation

CLASSES = ("a", "b")
LABELS = torch.arange(40) % 2
ROWS = torch.randn(40, 512, generator=torch.Generator().manual_seed(0)) + LABELS[:, None]
IMAGE = torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8)


class Dropping(nn.Linear):
    """A linear head that drops features while it is trained."""

    def forward(self, rows):
        return super().forward(nn.functional.dropout(rows, training=self.training))


def heads():
    torch.manual_seed(0)
    return {
        "dropout": nn.Sequential(nn.Dropout(0.5), nn.Linear(512, 2)),
        "batch norm": nn.Sequential(nn.BatchNorm1d(512), nn.Linear(512, 2)),
        "both modes": nn.Sequential(nn.Dropout(0.5).eval(), nn.BatchNorm1d(512), nn.Linear(512, 2)),
        "of its own": Dropping(512, 2),
    }


ASK = {
    "evaluate": lambda layer, resnet: validation.evaluate(layer, ROWS, LABELS, CLASSES).loss,
    "predict": lambda layer, resnet: trace.predict(IMAGE, resnet, layer, CLASSES).probabilities,
    "predict_from_features": lambda layer, resnet: (
        trace.predict_from_features(IMAGE, ROWS[0], layer, CLASSES).probabilities
    ),
    "logits": lambda layer, resnet: head.logits(layer, ROWS),
    "occlusion": lambda layer, resnet: explain.occlusion(IMAGE, resnet, layer, 0, patch=64),
}


@pytest.mark.parametrize("asked", ASK)
@pytest.mark.parametrize("kind", heads())
def test_a_head_is_asked_in_evaluation_mode_and_gets_its_modes_back(kind, asked, resnet):
    layer = heads()[kind]
    modes = [part.training for part in layer.modules()]
    before = copy.deepcopy(layer.state_dict())
    first, second = (torch.as_tensor(ASK[asked](layer, resnet)) for _ in range(2))
    assert torch.equal(first, second)
    assert [part.training for part in layer.modules()] == modes
    assert all(torch.equal(before[name], t) for name, t in layer.state_dict().items())


def test_a_head_gets_its_mode_back_when_it_fails():
    layer = nn.Sequential(nn.Dropout(), nn.Linear(3, 2))
    with pytest.raises(FeatlibError, match="a head that takes features, float32 tensor 40×512"):
        validation.evaluate(layer, ROWS, LABELS, CLASSES)
    assert all(part.training for part in layer.modules())


def spoiled(value):
    layer = nn.Linear(512, 2)
    nn.init.constant_(layer.weight, value)
    return layer


NO_LOGITS = {
    "NaN": (spoiled(float("nan")), "NaN or infinite logits for 40 of 40 rows"),
    "infinite": (spoiled(float("inf")), "train it again with a lower learning rate"),
    "one output too many": (nn.Linear(512, 3), "a head with 2 outputs"),
    "images": (nn.Unflatten(1, (2, 256)), "got float32 tensor 40×2×256"),
    "one number for all": (nn.Flatten(0), "got float32 tensor 20480"),
    "another width": (nn.Linear(3, 2), "N×3"),
    "float64": (nn.Linear(512, 2).double(), "keep it in float32"),
    "elsewhere": (nn.Linear(512, 2, device="meta"), "on the CPU"),
    "several answers": (nn.LSTM(512, 2), "got tuple"),
    "whole numbers": (type("Whole", (nn.Module,), {"forward": lambda s, x: x.long()})(), "logits"),
    "a function": (lambda rows: rows, "a head with 2 outputs"),
    "a class": (nn.Linear, "a head, a torch.nn.Module"),
    "sparse": (lambda rows: torch.eye(40, 2).to_sparse(), "a head with 2 outputs"),
    "None": (None, "a head, a torch.nn.Module"),
}


@pytest.mark.parametrize("case", NO_LOGITS)
def test_a_head_is_refused_that_gives(case):
    layer, said = NO_LOGITS[case]
    for ask in (
        lambda: validation.evaluate(layer, ROWS, LABELS, CLASSES),
        lambda: trace.predict_from_features(IMAGE, ROWS[0], layer, CLASSES),
    ):
        with pytest.raises(FeatlibError) as error:
            ask()
    if case not in ("images", "one number for all", "NaN"):
        assert said in str(error.value)
    with pytest.raises(FeatlibError, match=said):
        head.logits(layer, ROWS, 2)


class Holder:
    def __init__(self, module):
        self.module = module

    def __call__(self, rows):
        return self.module(rows)


def calling(function):
    return lambda rows: function(rows)


def taking(name, modules):
    return lambda rows: modules[name](rows)


WRAPPERS = {
    "a function": lambda module: lambda rows: module(rows),
    "a partial": functools.partial,
    "a partial of a function": lambda module: functools.partial(lambda m, rows: m(rows), module),
    "a function of a function": lambda module: lambda rows: (lambda more: module(more))(rows),
    "a function that calls another": lambda module: calling(lambda rows: module(rows)),
    "a function of a list": lambda module: taking(0, [module]),
    "a function of a dict": lambda module: taking("head", {"head": module}),
    "an object": Holder,
    "a method": lambda module: module.forward,
}


@pytest.mark.parametrize("case", WRAPPERS)
def test_what_is_in_a_wrapper_is_in_evaluation_mode_too(case):
    module = nn.Sequential(nn.BatchNorm1d(512), nn.Dropout(), nn.Linear(512, 2))
    before = module[0].running_mean.clone()
    wrapped = head.logits(WRAPPERS[case](module), ROWS)
    assert torch.equal(wrapped, head.logits(module, ROWS))
    assert torch.equal(module[0].running_mean, before)
    assert module[1].training


class Forgetful(nn.Linear):
    def forward(self, rows):
        return super().forward(nn.functional.dropout(rows, 0.5))


def test_a_head_that_answers_otherwise_the_second_time_is_refused():
    with pytest.raises(FeatlibError, match=r"Use nn\.Dropout, not functional\.dropout"):
        head.logits(Forgetful(512, 2), ROWS)


def test_a_head_that_ends_in_softmax_is_refused():
    with pytest.raises(FeatlibError, match="Leave the softmax out"):
        validation.evaluate(nn.Sequential(nn.Linear(512, 2), nn.Softmax(1)), ROWS, LABELS, CLASSES)


def test_a_head_that_works_in_place_leaves_the_features_as_they_were():
    before = ROWS.clone()
    module = nn.Sequential(nn.Hardtanh(-0.1, 0.1, inplace=True), nn.Linear(512, 2))
    validation.evaluate(module, ROWS, LABELS, CLASSES)
    traced = trace.predict_from_features(IMAGE, ROWS[0], module, CLASSES)
    assert torch.equal(ROWS, before)
    assert torch.equal(traced.layers[1].values, before[0])


def test_autocast_changes_no_answer(resnet):
    layer = nn.Linear(512, 2)
    for ask in ASK.values():
        exact = ask(layer, resnet)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert torch.equal(torch.as_tensor(ask(layer, resnet)), torch.as_tensor(exact))


def test_a_head_may_be_a_function():
    layer = nn.Linear(512, 2)
    by_hand = validation.evaluate(lambda rows: layer(rows), ROWS, LABELS, CLASSES)
    assert torch.equal(
        by_hand.probabilities, validation.evaluate(layer, ROWS, LABELS, CLASSES).probabilities
    )


def test_logits_in_float64_are_read_as_float32():
    layer = nn.Sequential(nn.Linear(512, 2), type("Up", (nn.Module,), {"forward": doubled})())
    assert validation.evaluate(layer, ROWS, LABELS, CLASSES).probabilities.dtype == torch.float32


def doubled(self, rows):
    return rows.double()


DIVERGED = {
    "a learning rate of a million": ({"learning_rate": 1e6}, "Lower learning_rate"),
    "the highest learning rate": ({"learning_rate": 1e300}, "the default is 0.002"),
    "a weight decay of a million": ({"weight_decay": 1e6}, "Lower weight_decay"),
    "both": ({"learning_rate": 1, "weight_decay": 1e4}, "Lower weight_decay"),
}


@pytest.mark.parametrize("case", DIVERGED)
def test_a_training_without_a_loss_is_refused(case):
    settings, said = DIVERGED[case]
    with pytest.raises(FeatlibError, match=r"diverged: loss \w+ in epoch \d") as error:
        head.train(ROWS, LABELS, 2, epochs=50, **settings)
    assert said in str(error.value)
    assert "in epoch 50" not in str(error.value), "it stops where it diverges"


def test_a_training_with_a_huge_loss_is_marked_in_each_row():
    wrong = torch.randint(0, 2, (40,), generator=torch.Generator().manual_seed(0))
    _, training = head.train(ROWS[:, :4], wrong, 2, learning_rate=100)
    assert all(row.observation.startswith("diverged: guessing has") for row in training.epochs)


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), 1e20])
@pytest.mark.parametrize("before", [float("nan"), float("inf"), 1e20, 1.0, 0.0])
def test_no_words_hide_a_loss_that_says_nothing(loss, before):
    rows = [head.Epoch(1, before, 0.5, 0.5, "")]
    said = head.observe(rows, loss, 0.5, 0.5, n_classes=10)
    assert said.startswith("diverged: ")
    assert "lower the learning rate" in said
    again = head.observe([head.Epoch(1, loss, 0.5, 0.5, "")], 1.0, 0.5, 0.5, n_classes=10)
    assert "nan" not in again
    assert "nothing left" not in again


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), 1e20])
def test_a_diverged_training_can_be_shown(loss):
    rows = (head.Epoch(1, 1.0, 0.5, None, ""), head.Epoch(2, loss, 0.5, None, "diverged"))
    training = head.TrainingTrace(rows, head.Recipe(epochs=2), 0.1)
    shown = head.loss_text(loss)
    assert len(shown) < 6
    assert f"loss {shown}," in repr(training)
    assert trace.training_table(training).rows[1][1] == shown
    assert trace.training_chart(training).rows[1][1].startswith(shown)


@pytest.mark.parametrize(
    "block",
    [
        torch.no_grad(),
        torch.inference_mode(),
        torch.autocast("cpu", torch.bfloat16),
        torch.device("meta"),
    ],
    ids=lambda block: type(block).__name__,
)
def test_training_is_the_same_within_any_block(block):
    plain, _ = head.train(ROWS, LABELS, 2)
    features, labels = ROWS.clone(), LABELS.clone()
    with block:
        layer, _ = head.train(features, labels, 2, validation=(features, labels))
    assert torch.equal(layer.weight, plain.weight)
    assert layer.weight.requires_grad
    assert not layer.weight.is_inference()


def test_training_does_not_depend_on_the_default_dtype():
    plain, _ = head.train(ROWS, LABELS, 2)
    torch.set_default_dtype(torch.float64)
    try:
        layer, _ = head.train(ROWS, LABELS, 2)
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(layer.weight, plain.weight)


def test_features_that_ask_for_gradients_get_none():
    features = ROWS.clone().requires_grad_()
    layer, _ = head.train(features, LABELS, 2, validation=(features, LABELS))
    assert features.grad is None
    assert torch.equal(layer.weight, head.train(ROWS, LABELS, 2)[0].weight)
    row = trace.predict_from_features(IMAGE, features[0], layer, CLASSES)
    assert not any(part.values.requires_grad for part in row.layers)


def test_features_made_in_inference_mode_are_features():
    with torch.inference_mode():
        features = ROWS * 1
    assert torch.equal(
        head.train(features, LABELS, 2)[0].weight, head.train(ROWS, LABELS, 2)[0].weight
    )


TRAINING = {
    "features elsewhere": ({"features": ROWS.to("meta")}, "meta"),
    "float16": ({"features": ROWS.half()}, r"features\.to\(torch\.float32\)"),
    "float64": ({"features": ROWS.double()}, r"features\.to\(torch\.float32\)"),
    "an array": ({"features": ROWS.numpy()}, r"torch\.from_numpy"),
    "no features": ({"features": ROWS[:0]}, "N×D"),
    "numbers too large": ({"features": ROWS * 5e37}, "whose std a float32 can hold"),
    "labels of int32": ({"labels": LABELS.int()}, r"labels\.to\(torch\.int64\)"),
    "labels elsewhere": ({"labels": LABELS.to("meta")}, "meta"),
    "labels as a list": ({"labels": LABELS.tolist()}, "labels, an int64 tensor of 40"),
    "no labels": ({"labels": None}, "labels, an int64 tensor of 40"),
    "one class": ({"n_classes": 1}, "n_classes as a whole number of at least 2"),
    "a billion classes": ({"n_classes": 10**9}, "from 2 to 100000"),
    "classes by name": ({"n_classes": CLASSES}, "n_classes as a whole number"),
    "an empty validation": ({"validation": ()}, r"two tensors, \(features, labels\)"),
    "features alone": ({"validation": ROWS}, r"two tensors, \(features, labels\)"),
    "validation of nothing": ({"validation": (ROWS[:0], LABELS[:0])}, "validation: wanted"),
    "validation without labels": ({"validation": (ROWS, None)}, "labels, an int64"),
    "True epochs": ({"epochs": True}, "epochs as a whole number"),
    "no epochs": ({"epochs": 0}, "epochs as a whole number"),
    "None epochs": ({"epochs": None}, "epochs as a whole number"),
    "NaN epochs": ({"epochs": float("nan")}, "epochs as a whole number"),
    "no batch": ({"batch_size": 0}, "batch_size as a whole number"),
    "a negative batch": ({"batch_size": -1}, "batch_size as a whole number"),
    "a negative seed": ({"seed": -1}, "seed as a whole number of at least 0"),
    "a seed in words": ({"seed": "x"}, "seed as a whole number"),
    "an infinite rate": ({"learning_rate": float("inf")}, "learning_rate as a number above 0"),
    "a rate in words": ({"learning_rate": "0.1"}, "learning_rate as a number above 0"),
    "a rate of many": ({"learning_rate": np.ones(2)}, "learning_rate as a number above 0"),
    "a true decay": ({"weight_decay": True}, "weight_decay as a number"),
    "momentum": ({"momentum": 0.9}, "settings among epochs, batch_size, learning_rate"),
}


@pytest.mark.parametrize("case", TRAINING)
def test_a_training_is_refused_with(case):
    changed, said = TRAINING[case]
    with pytest.raises(FeatlibError, match=said):
        head.train(**({"features": ROWS, "labels": LABELS, "n_classes": 2} | changed))


TAKEN = {
    "a batch of all": {"batch_size": 10**30},
    "a huge seed": {"seed": 10**30},
    "NumPy's numbers": {
        "epochs": np.int64(5),
        "learning_rate": np.float32(0.5),
        "seed": np.int8(3),
    },
}


@pytest.mark.parametrize("case", TAKEN)
def test_a_training_takes(case):
    layer, training = head.train(ROWS, LABELS, 2, **TAKEN[case])
    assert layer.weight.isfinite().all()
    kinds = {name: type(value) for name, value in vars(training.recipe).items()}
    assert kinds == {
        "epochs": int,
        "batch_size": int,
        "learning_rate": float,
        "weight_decay": float,
        "seed": int,
    }


@pytest.mark.parametrize("settings", [None, 5, "epochs", [("epochs", 5)], {3: 1}], ids=str)
def test_settings_are_refused(settings):
    with pytest.raises(FeatlibError, match=r"head\.train: wanted settings"):
        head.check_settings(settings)


OBSERVED = {"rows": (), "loss": 1.0, "accuracy": 0.5, "val_accuracy": 0.5, "n_classes": 10}


@pytest.mark.parametrize(
    "changed",
    [
        {"rows": None},
        {"rows": (1, 2)},
        {"loss": "1"},
        {"loss": None},
        {"accuracy": 1.5},
        {"accuracy": float("nan")},
        {"val_accuracy": "x"},
        {"n_classes": 1},
    ],
    ids=str,
)
def test_an_observation_is_refused(changed):
    with pytest.raises(FeatlibError, match=r"head\.(observe|loss_text): wanted"):
        head.observe(**(OBSERVED | changed))


def test_reports_and_traces_can_be_compared():
    layer, training = head.train(ROWS, LABELS, 2)
    report = validation.evaluate(layer, ROWS, LABELS, CLASSES)
    traced = trace.predict_from_features(IMAGE, ROWS[0], layer, CLASSES)
    for one in (report, training, traced, traced.layers[0]):
        other = copy.deepcopy(one)
        assert one == one
        assert one in [other, one]
        assert (one == other) == (one is training), "a training is a row of numbers"
        assert len({one, one}) == 1


def test_an_empty_training_shows_itself():
    assert repr(head.TrainingTrace((), head.Recipe(), 0.0)) == "TrainingTrace(no epochs)"


ASKED = {
    "features of another width": (lambda h: explain.contributions(ROWS[0, :9], h, 0), "N×512"),
    "two rows": (lambda h: explain.contributions(ROWS[:2], h, 0), "the features of one image"),
    "None": (lambda h: explain.contributions(None, h, 0), "the features of one image"),
    "a class too high": (lambda h: explain.contributions(ROWS[0], h, 2), "from 0 to 1"),
    "a true class": (lambda h: explain.contributions(ROWS[0], h, True), "from 0 to 1"),
    "no linear head": (
        lambda h: explain.contributions(ROWS[0], nn.Sequential(h), 0),
        "a head, a torch.nn.Linear",
    ),
    "a head elsewhere": (
        lambda h: explain.contributions(ROWS[0], nn.Linear(512, 2, device="meta"), 0),
        "head.weight",
    ),
    "a prediction of two rows": (
        lambda h: trace.predict_from_features(IMAGE, ROWS[:2], h, CLASSES),
        "the features of one image",
    ),
    "a prediction of NaN": (
        lambda h: trace.predict_from_features(IMAGE, ROWS[0] * float("nan"), h, CLASSES),
        "NaN or infinite",
    ),
    "a class too many": (
        lambda h: trace.predict_from_features(IMAGE, ROWS[0], h, (*CLASSES, "c")),
        "a head with 3 outputs",
    ),
    "a truth that is no name": (
        lambda h: trace.predict_from_features(IMAGE, ROWS[0], h, CLASSES, truth=LABELS),
        "truth as text",
    ),
    "float images": (
        lambda h: trace.predict_from_features(IMAGE / 255, ROWS[0], h, CLASSES),
        "uint8",
    ),
    "no backbone": (lambda h: trace.predict(IMAGE, h, h, CLASSES), "a featlib Backbone"),
    "occlusion without a backbone": (
        lambda h: explain.occlusion(IMAGE, None, h, 0),
        "a featlib Backbone",
    ),
    "occlusion of no image": (lambda h: explain.occlusion(None, None, h, 0), "one image"),
    "no trace": (lambda h: trace.training_table(None), "a TrainingTrace"),
    "no chart": (lambda h: trace.training_chart([]), "a TrainingTrace"),
    "no prediction": (lambda h: trace.probability_chart(None), "a PredictionTrace"),
    "no stages": (lambda h: trace.data_flow_table([1]), r"a sequence of trace\.Stage"),
}


@pytest.mark.parametrize("case", ASKED)
def test_a_question_is_refused_with(case):
    ask, said = ASKED[case]
    with pytest.raises(FeatlibError, match=said):
        ask(nn.Linear(512, 2))


@pytest.mark.parametrize("option", [{"n": 0}, {"n": "x"}, {"width": 0}, {"width": 10**9}], ids=str)
def test_a_chart_is_refused_with(option):
    traced = trace.predict_from_features(IMAGE, ROWS[0], nn.Linear(512, 2), CLASSES)
    with pytest.raises(FeatlibError, match="as a whole number"):
        trace.probability_chart(traced, **option)


@pytest.mark.parametrize("n", [-1, "x", None, 1.5])
def test_the_worst_mistakes_are_refused_for(n):
    report = validation.evaluate(nn.Linear(512, 2), ROWS, LABELS, CLASSES)
    with pytest.raises(FeatlibError, match="n as a whole number of at least 0"):
        report.worst(n)


def test_a_number_of_predictions_that_nobody_has_is_refused():
    with pytest.raises(FeatlibError, match="n as a whole number"):
        validation.wilson_interval(1, 10**400)


@pytest.mark.parametrize("case", ["raw", "None", "half", "elsewhere", "one image", "gray"])
def test_the_backbone_refuses_images_that_are(case, resnet):
    images = torch.zeros(2, 3, 64, 64)
    given = {
        "raw": images.byte(),
        "None": None,
        "half": images.half(),
        "elsewhere": images.to("meta"),
        "one image": images[0],
        "gray": images[:, :1],
    }[case]
    with pytest.raises(FeatlibError, match=r"preprocess\.prepare\(pixels, backbone\.transform\)"):
        resnet(given)


@pytest.mark.parametrize(
    "model",
    [None, 5, {"a": 1}, {3: ROWS}, {"a": ROWS.to("meta")}, {"a": ROWS.to_sparse()}],
    ids=str,
)
def test_a_fingerprint_is_refused_of(model):
    with pytest.raises(FeatlibError, match="a module or its state dict"):
        backbone.fingerprint(model)
