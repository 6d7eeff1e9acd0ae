"""The three records: data flow, training, one prediction; as text and as HTML."""

import pytest
import torch
from helpers import seeded
from torch import nn

from featlib import FeatlibError, preprocess, trace
from featlib.head import Epoch, Recipe, TrainingTrace

TRAINING = TrainingTrace(
    tuple(
        Epoch(i + 1, loss, accuracy, accuracy - 0.05, f"observation {i + 1}")
        for i, (loss, accuracy) in enumerate([(1.5, 0.5), (0.75, 0.8)])
    ),
    Recipe(epochs=2),
    0.1,
)


def test_the_textbook_trace_is_the_lessons():
    assert [row.epoch for row in trace.REFERENCE] == [1, 2, 3, 4, 5]
    assert [row.loss for row in trace.REFERENCE] == [1.8, 1.2, 0.9, 0.7, 0.6]
    assert [row.accuracy for row in trace.REFERENCE] == [0.40, 0.60, 0.72, 0.80, 0.83]


def test_the_training_table_has_the_numbers_and_the_words():
    text = repr(trace.training_table(TRAINING))
    assert "1.50" in text
    assert "0.450" in text
    assert "observation 2" in text


def test_the_training_chart_draws_this_run_beside_the_textbook():
    chart = trace.training_chart(TRAINING, width=10)
    epoch, ours, textbook, our_accuracy, textbook_accuracy = chart.rows[0]
    assert epoch == "1"
    assert ours == "1.500 " + "█" * 8, "1.8 is the longest bar of 10"
    assert textbook == "1.800 " + "█" * 10
    assert our_accuracy == "0.500 █████"
    assert textbook_accuracy == "0.400 ████"
    assert "textbook: of the page that this lesson grew out of" in chart.title


def test_bars_are_rounded_and_the_longest_is_that_of_the_highest_loss():
    chart = trace.training_chart(TRAINING, width=10)
    assert chart.rows[1][2] == "1.200 " + "█" * 7, "10 × 1.2 / 1.8 is 6.7"
    worse = TrainingTrace((Epoch(1, 3.6, 0.1, None, ""),), Recipe(epochs=1), 0.1)
    chart = trace.training_chart(worse, width=10)
    assert chart.rows[0][1:3] == ("3.600 " + "█" * 10, "1.800 " + "█" * 5)


def test_beyond_the_textbook_the_chart_shows_a_dash():
    rows = tuple(Epoch(i, 1.0, 0.5, None, "") for i in range(1, 8))
    chart = trace.training_chart(TrainingTrace(rows, Recipe(epochs=7), 0.1))
    assert chart.rows[5][2] == "–"


@pytest.fixture(scope="module")
def image():
    return torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8, generator=seeded())


@pytest.fixture(scope="module")
def layer():
    torch.manual_seed(0)
    return nn.Linear(512, 3)


def test_the_four_layers_of_a_prediction(image, resnet, layer):
    traced = trace.predict(image, resnet, layer, ["a", "b", "c"], truth="b")
    names = [part.name for part in traced.layers]
    assert names == ["input image", "feature extractor", "linear layer", "softmax"]
    assert [tuple(part.values.shape) for part in traced.layers] == [(3, 64, 64), (512,), (3,), (3,)]
    assert traced.label == traced.classes[traced.probabilities.argmax()]
    assert traced.truth == "b"


def test_each_layer_follows_from_the_one_before(image, resnet, layer):
    picture, features, logits, probabilities = (
        part.values for part in trace.predict(image, resnet, layer, ["a", "b", "c"]).layers
    )
    torch.testing.assert_close(
        features, resnet(preprocess.prepare(picture[None], resnet.transform))[0]
    )
    torch.testing.assert_close(logits, layer(features).detach())
    torch.testing.assert_close(probabilities, logits.exp() / logits.exp().sum())


def test_the_prediction_table_names_shapes_and_the_values_worth_seeing(image, resnet, layer):
    text = repr(trace.predict(image, resnet, layer, ["a", "b", "c"], truth="b"))
    assert "in truth b" in text
    assert "uint8 3×64×64" in text
    assert "float32 512" in text
    assert f"from {image.min()} to {image.max()}" in text


def test_the_probability_chart_starts_with_the_highest(image, resnet, layer):
    traced = trace.predict(image, resnet, layer, ["a", "b", "c"])
    chart = trace.probability_chart(traced, n=2)
    assert len(chart.rows) == 2
    assert chart.rows[0][0] == traced.label


def test_the_data_flow_table_can_leave_out_the_time():
    row = trace.Stage(1, "raw", None, "files", "collect", (2, 3), "uint8", "1, 2", 0.5)
    with_time, without = (trace.data_flow_table([row], seconds=s) for s in (True, False))
    assert with_time.rows[0][-1] == "0.50"
    assert without.columns == with_time.columns[:-1]
    assert without.rows[0][2:5] == ("files", "collect", "uint8 2×3")


def test_the_strongest_values_are_named_from_the_highest_down(image):
    head = nn.Linear(4, 3)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[1.0, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0]]))
        head.bias.zero_()
    features = torch.tensor([0.5, 1.5, 2.5, 0.25])
    traced = trace.predict_from_features(image, features, head, ["a", "b", "c"])
    assert [part.says for part in traced.layers[1:3]] == [
        "strongest: #2 2.50, #1 1.50, #0 0.50",
        "highest: b +2.50, c +1.50, a +0.50",
    ]
    assert traced.layers[3].says.startswith("highest: b 0.")
    assert (traced.label, traced.truth) == ("b", None)
    assert "in truth" not in repr(traced)


def test_a_prediction_shows_itself_as_its_table(image, resnet, layer):
    traced = trace.predict(image, resnet, layer, ["a", "b", "c"])
    assert repr(traced) == repr(traced.table())
    assert traced._repr_html_() == traced.table()._repr_html_()


@pytest.mark.parametrize("shape", [(1, 3, 64, 64), (64, 64)])
def test_what_is_not_one_image_is_refused(shape, resnet, layer):
    image = torch.zeros(shape, dtype=torch.uint8)
    with pytest.raises(FeatlibError, match=r"one image, uint8 3×H×W.*pixels\[i\]"):
        trace.predict(image, resnet, layer, ["a", "b", "c"])
    with pytest.raises(FeatlibError, match="one image"):
        trace.predict_from_features(image, torch.zeros(512), layer, ["a", "b", "c"])


@pytest.mark.parametrize("truth", ["lion", "", 0, b"a", ["a"], torch.tensor(1), "a\x1b[2J"])
def test_a_truth_that_is_no_class_is_refused(truth, image, layer):
    said = r"truth as text, the name of one of the 3 classes, got .* Pass a name such as 'a'"
    with pytest.raises(FeatlibError, match=said) as error:
        trace.predict_from_features(image, torch.zeros(512), layer, ["a", "b", "c"], truth=truth)
    assert "\x1b" not in str(error.value)


def test_the_probability_chart_gives_each_bar_its_length():
    softmax = trace.Layer("softmax", torch.tensor([0.25, 0.5, 0.25]), "")
    prediction = trace.PredictionTrace((softmax,), ("a", "b", "c"), "b")
    chart = trace.probability_chart(prediction, n=1, width=20)
    assert chart.rows == (("b", "0.500 " + "█" * 10),)
