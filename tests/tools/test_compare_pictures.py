"""What size and background do: measured on the bundled pictures, and on the same emoji on white."""

import json

import build_emoji10
import compare_pictures as tool
import numpy as np
import pytest
import torch
from PIL import Image

from featlib import images, validation, weights
from featlib.engine.files import sha256
from featlib.quiz import load_guesses

AGAIN = f"the kept results are of other weights or pictures: run {tool.COMMAND}"


@pytest.fixture(scope="module")
def kept():
    return json.loads(tool.OUT.read_text(encoding="utf-8"))


def drawn(white):
    artwork = Image.new("RGBA", (64, 64), (10, 20, 30, 255))
    rng = build_emoji10.picture_rng(3, 0)
    return build_emoji10.draw(artwork, rng, mirror=False, white=white)


def test_on_white_nothing_but_the_background_is_another():
    gradient, white = drawn(False), drawn(True)
    emoji = (gradient == (10, 20, 30)).all(2)
    assert np.array_equal(emoji, (white == (10, 20, 30)).all(2))
    assert 0.3 < emoji.mean() < 0.95
    corners = white[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners == 255).all(1).any()
    assert not (gradient == 255).all(2).any()


def test_drawings_that_are_not_those_of_emoji10_are_refused(monkeypatch):
    pictures = images.load("emoji10")
    other = {"pixels": pictures.pixels.flip(0).numpy()}
    monkeypatch.setattr(tool, "build", lambda folders: (other, []))
    with pytest.raises(SystemExit, match="do not give emoji10 again"):
        tool.backgrounds(pictures, {}, None)


def test_accuracy_is_that_of_five_heads_on_validation_pictures():
    pictures = images.load("emoji10")
    known = torch.eye(10).repeat(1, 50)[pictures.labels]  # the label itself, 50 times
    assert tool.accuracy(known, known, pictures) == {"accuracy": 1.0, "spread": 0.0}
    assert tool.accuracy(known, known.roll(1, 1), pictures)["accuracy"] == 0


def test_beside_others_the_differences_over_splits_are_kept():
    pictures = images.load("emoji10")
    known = torch.eye(10).repeat(1, 50)[pictures.labels]
    found = tool.accuracy(known, known, pictures, beside=(known, known.roll(1, 1)))["over_splits"]
    assert found == {"values": [1.0] * 20, "tested_per_trained": pytest.approx(0.25, abs=0.01)}


def test_the_kept_results_are_of_the_bundled_weights_and_pictures(kept):
    assert kept["weights"]["sha256"] == sha256(weights.BUNDLED), AGAIN
    bundled = {"emoji10": images.EMOJI10, "emoji3d": images.EMOJI3D}
    assert kept["images"] == {name: sha256(file) for name, file in bundled.items()}, AGAIN


def test_larger_pictures_cost_more_and_bring_more(kept):
    assert [row["side"] for row in kept["sizes"]] == list(tool.SIDES)
    seconds = [row["cpu_seconds"] for row in kept["sizes"]]
    assert seconds == sorted(seconds)
    for row in (kept["sizes"][-1], kept["enlarged"][1]):
        assert over(row).interval[0] > 0, "more than chance, as notebook 09 says"


def test_white_helps_raw_pixels_and_leaves_features_ahead(kept):
    rows = {(row["trained_on"], row["tested_on"]): row for row in kept["backgrounds"]}
    low, high = over(rows["white", "white"]["features"]).interval
    assert low < 0 < high
    assert over(rows["white", "white"]["raw_pixels"]).interval[0] > 0
    raw, vectors = (over(rows["white", "gradients"][x]) for x in ("raw_pixels", "features"))
    assert raw.interval[1] < 0
    assert vectors.interval[1] < 0
    more = tuple(a - b for a, b in zip(raw.values, vectors.values, strict=True))
    assert validation.OverSplits(more, raw.tested_per_trained).interval[1] < 0
    for row in rows.values():
        assert row["features"]["accuracy"] > row["raw_pixels"]["accuracy"] + 0.3


def test_the_question_says_what_was_measured(kept):
    asked = load_guesses()["09-larger"].prompt
    assert f"gets about {kept['sizes'][0]['accuracy']:.2f} of" in asked


def over(row):
    return validation.OverSplits(**row["over_splits"])
