"""What the live lab of a web page trains on, and of which labs a page can be made."""

import json
import re

import numpy as np
import pytest

import featlib
from featlib import FeatlibError, quiz, web
from featlib.engine.paths import PACKAGE
from featlib.web import lab_data
from featlib.widgets.lab import LabWidget


@pytest.fixture(scope="module")
def lab():
    return featlib.show_lab()


def test_blocks_hold_the_inputs_to_half_a_step(lab):
    inputs = web.data(lab)["inputs"]
    assert [form["block"] for form in inputs.values()] == [*web.needs("lab")]
    for name, form in inputs.items():
        rows = lab.inputs[name].numpy()
        places = np.frombuffer(web.block(form["block"]), np.uint8).reshape(-1, *rows.shape)
        numbers = sum(place.astype(np.int64) << 8 * i for i, place in enumerate(places))
        if form["no_change"]:
            numbers = (numbers - form["no_change"]).cumsum(1) % 256 ** len(places)
        assert abs(numbers * form["step"] - rows).max() <= 0.501 * form["step"], name
        assert form["step"] < rows.std() / 50


def test_a_page_has_the_run_that_the_lab_shows(lab):
    data = json.loads(json.dumps(web.data(lab)))
    assert data["view"] == json.loads(json.dumps(lab.view))
    assert "Training trace" in data["plain"]
    assert web.embed("lab", data).count("<script") == 1
    images = lab.images
    for name in ("labels", "train", "validation"):
        assert data[name] == getattr(images, name).tolist()


def test_a_quiz_on_the_run_of_a_lab_begins_with_its_values_and_follows_it(lab):
    asked = web.data(quiz.load(PACKAGE / "site" / "lab_run.json"), lab)
    assert asked["follows"] is True
    assert asked["questions"][0]["values"]["gap_points"] == lab.values["gap_points"]
    assert "follows" not in web.data(quiz.load("source_quiz"))


@pytest.mark.parametrize("change", [lambda rows: rows[:, 1:], lambda rows: rows + 1])
def test_a_lab_of_something_else_is_refused(lab, change):
    other = LabWidget(lab.images, {"pretrained": change(lab.inputs["pretrained"])})
    with pytest.raises(FeatlibError, match=re.escape("a lab of the bundled pictures")):
        web.data(other)


def test_another_name_is_refused(lab):
    other = LabWidget(lab.images, {"mine": lab.inputs["pretrained"]})
    with pytest.raises(FeatlibError, match=re.escape(r"web.data(featlib.show_lab())")):
        web.data(other)
    with pytest.raises(FeatlibError, match="one of 'pretrained'"):
        lab_data.lab_block("mine")
