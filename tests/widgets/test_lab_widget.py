"""The live lab's Python side: what a changed slider leads to."""

import itertools
import json
import re
from dataclasses import replace

import pytest
import torch

import featlib
from featlib import FeatlibError, head, images, trace
from featlib.widgets import lab


@pytest.fixture(scope="module")
def inputs(emoji10):
    generator = torch.Generator().manual_seed(0)
    centers = torch.eye(10, 16) * 3
    good = centers[emoji10.labels] + torch.randn(1000, 16, generator=generator)
    return {"good": good, "noise": torch.randn(1000, 16, generator=generator)}


@pytest.fixture
def widget(emoji10, inputs, monkeypatch):
    monkeypatch.setitem(lab.DEFAULTS, "features", "good")
    return lab.LabWidget(emoji10, inputs)


def move(widget, **changes):
    said = []
    widget.send = said.append
    widget._handle_custom_msg({"settings": widget.view["settings"] | changes}, [])
    return said


def test_it_begins_with_the_lessons_recipe(widget, emoji10, inputs):
    train, unseen = emoji10.train, emoji10.validation
    held_out = (inputs["good"][unseen], emoji10.labels[unseen])
    _, training = head.train(inputs["good"][train], emoji10.labels[train], 10, validation=held_out)
    assert widget.training.epochs == training.epochs
    assert widget.view["before"] is None


def test_its_values_are_those_that_the_words_say(widget):
    move(widget, per_class=7)
    accuracy, val_accuracy = re.findall(r"accuracy (\d\.\d+)", widget.view["words"])
    values = widget.values
    assert values["right_in_training"] == pytest.approx(70 * float(accuracy), abs=0.04)
    assert values["wrong_in_training"] == pytest.approx(70 - values["right_in_training"])
    assert values["right_in_validation"] == pytest.approx(200 * float(val_accuracy), abs=0.11)
    assert values["wrong_in_validation"] == pytest.approx(200 - values["right_in_validation"])
    gap = float(accuracy) - float(val_accuracy)
    assert values["gap_points"] == pytest.approx(100 * gap, abs=0.11)


def test_the_textbook_trace_is_the_lessons(widget):
    assert widget.view["textbook"]["loss"] == [row.loss for row in trace.REFERENCE]
    assert widget.view["textbook"]["val_accuracy"] == []


def test_a_change_keeps_the_run_before_beside_the_new_one(widget):
    first = widget.view["run"]
    move(widget, epochs=3)
    assert widget.view["before"] == first
    assert len(widget.view["run"]["loss"]) == 3
    assert "validation accuracy" in widget.view["words"]


def test_every_control_has_its_effect(widget):
    good = widget.training.epochs[-1]
    move(widget, features="noise")
    assert widget.training.epochs[-1].val_accuracy < good.val_accuracy - 0.3
    move(widget, features="good", learning_rate=1e-6)
    assert widget.training.epochs[-1].loss > good.loss
    move(widget, learning_rate=0.002, weight_decay=100)
    assert widget.training.epochs[-1].loss > good.loss
    move(widget, weight_decay=0, per_class=3)
    assert widget.view["words"].startswith("30 images of 10 classes")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"epochs": 0}, "epochs"),
        ({"learning_rate": -1}, "learning_rate"),
        ({"per_class": 0}, "per_class"),
        ({"features": "none"}, "features"),
        ({"learning_rate": "fast"}, "learning_rate"),
    ],
)
def test_a_wrong_setting_is_said_and_changes_nothing(widget, changes, said):
    before = widget.view
    (message,) = move(widget, **changes)
    assert said in message["status"]
    assert widget.view == before


@pytest.mark.parametrize("rate", [1e3, 1e6, 1e30])
def test_a_training_that_diverges_says_so_and_what_to_lower(widget, rate):
    said = [m.get("status", "") for m in move(widget, learning_rate=rate, weight_decay=0)]
    words = " ".join(said) or widget.view["words"]
    assert "iverged" in words
    assert re.search("[Ll]ower (the|learning) ?_?(learning )?rate", words)
    assert not re.search(r"nan|inf\b|othing left|\d{12}", words)


DIVERGES = {"learning_rate": 1, "weight_decay": 100}  # the weights grow until they are no numbers


def test_a_loss_that_is_no_number_is_shown_as_such_and_the_next_change_works(widget):
    good, layer = widget.view["run"], widget.layer
    assert move(widget, **DIVERGES) == [{"done": None}]
    assert "diverged" in widget.view["words"]
    assert widget.view["settings"].items() >= DIVERGES.items()
    assert widget.view["run"]["loss"] == []
    assert widget.view["before"] == good
    assert widget.layer is layer
    with pytest.raises(FeatlibError, match="a run with a curve"):
        _ = widget.values  # there is nothing to read of a run that diverged
    json.dumps(widget.view, allow_nan=False)

    move(widget, epochs=6)  # diverges, too
    assert widget.view["before"] == good
    move(widget, weight_decay=0)
    assert len(widget.view["run"]["loss"]) == 6
    assert widget.view["before"] == good
    assert "Lower the" not in widget.view["words"] or "iverged:" in widget.view["words"]


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_trace_with_a_loss_that_is_no_number_reaches_the_page(widget, loss, monkeypatch):
    rows = widget.training.epochs
    rows = (*rows[:2], replace(rows[2], loss=loss))
    broken = (widget.layer, replace(widget.training, epochs=rows))
    monkeypatch.setattr("featlib.head.train", lambda *_, **__: broken)
    move(widget, epochs=3)
    assert widget.view["run"]["loss"] == [rows[0].loss, rows[1].loss, None]
    json.dumps(widget.view, allow_nan=False)


def test_features_that_no_head_can_learn_from_are_refused_at_once(emoji10, inputs):
    with pytest.raises(FeatlibError, match="std a float32 can hold"):
        lab.LabWidget(emoji10, {"huge": inputs["noise"] * 1e37})


ENDS = {
    "features": ("good", "noise"),
    "learning_rate": (1e-5, 1),
    "epochs": (1, 10),
    "per_class": (1, 80),
    "weight_decay": (0, 100),
}


def test_any_setting_at_its_ends_is_answered_by_a_view(widget):
    for ends in itertools.product(*ENDS.values()):
        settings = dict(zip(ENDS, ends, strict=True))
        assert move(widget, **settings) == [{"done": None}]
        assert widget.view["settings"] == settings
        assert widget.view["words"]
        json.dumps(widget.view, allow_nan=False)


def test_what_a_change_leaves_out_stays_as_it_is(widget):
    widget.retrain({"epochs": 3})
    widget.retrain({"weight_decay": 0.5})
    assert widget.training.recipe.epochs == 3
    assert widget.view["settings"] == lab.DEFAULTS | {"epochs": 3, "weight_decay": 0.5}


@pytest.mark.parametrize(
    ("settings", "said"),
    [(None, "settings in a dict"), ({"epoch": 3}, "'epochs'"), ({"features": None}, "features")],
)
def test_settings_that_are_none_are_refused(widget, settings, said):
    with pytest.raises(FeatlibError, match=said):
        widget.retrain(settings)


def test_the_first_input_is_shown_first(emoji10, inputs):
    assert lab.LabWidget(emoji10, inputs).view["settings"]["features"] == "good"


def test_a_class_without_images_is_no_obstacle(inputs):
    pictures = images.load("emoji3d")  # none of these is a flag
    widget = lab.LabWidget(pictures, {"noise": inputs["noise"][: len(pictures)]})
    train = pictures.labels[pictures.train].bincount()
    assert widget.view["most"] == train[train > 0].min()
    assert widget.view["words"].startswith(f"{9 * widget.view['most']} images of 10 classes")


def test_each_change_is_answered_even_the_same_twice(widget):
    seen = []
    widget.observe(seen.append, "view")
    for mark in ("a", "b", "c"):
        message = {"settings": widget.view["settings"], "sent": mark}
        widget._handle_custom_msg(message, [])
        assert widget.view["sent"] == mark
    assert len(seen) == 3


def test_a_reply_carries_the_mark_of_its_message(widget):
    said = []
    widget.send = said.append
    for mark, epochs in (("a", 0), ("b", 3)):
        settings = widget.view["settings"] | {"epochs": epochs}
        widget._handle_custom_msg({"settings": settings, "sent": mark}, [])
    assert [message["done"] for message in said] == ["a", "b"]


def test_the_stored_output_is_the_first_runs_table(widget):
    bundle = widget._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    assert trace.training_table(widget.training)._repr_html_() in data["text/html"]
    assert "epoch" in data["text/plain"]


def test_show_lab_offers_three_inputs():
    widget = featlib.show_lab()
    assert list(widget.inputs) == ["pretrained", "untrained", "raw pixels"]
    assert [rows.shape[1] for rows in widget.inputs.values()] == [512, 512, 3072]
    last = widget.training.epochs[-1]
    assert last.loss <= trace.REFERENCE[-1].loss
    assert last.accuracy >= trace.REFERENCE[-1].accuracy
