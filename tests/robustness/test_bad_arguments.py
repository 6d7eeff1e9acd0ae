"""A row each: what was passed to the lesson, the transformer, a widget; and what is said of it."""

import numpy as np
import pytest
import torch
from helpers import make_pictures

import featlib
from featlib import FeatlibError, FeatureExtractor, images, lesson, quiz
from featlib.exercises.scoreboard import Entry, Scoreboard
from featlib.widgets.flashcards import FlashcardsWidget
from featlib.widgets.lab import LabWidget
from featlib.widgets.quiz import QuizWidget

PIXELS = torch.randint(0, 256, (3, 64, 64), dtype=torch.uint8)


@pytest.fixture(scope="module")
def few(emoji10):
    return images.from_arrays(emoji10.pixels[:40], emoji10.labels[:40], emoji10.classes)


@pytest.fixture(scope="module")
def finished(few):
    return lesson.run(few, epochs=1, baselines=False, progress=False)


# What is no picture for a prediction: the message, and what it advises

NO_PICTURES = {
    "a row that is not there": (999, "row as a whole number from 0 to 39.*Try row=39"),
    "a row before the first": (-41, "Try row=0"),
    "True": (True, "row as a whole number"),
    "NumPy's True": (np.bool_(True), "row as a whole number"),
    "half a row": (2.5, "Try row=2"),
    "no number": (float("nan"), "Try row=0"),
    "a row past all counting": (10**30, "Try row=39"),
    "nothing": (None, "the path of a picture"),
    "an address": ("https://example.org/cat.jpg", "Download it"),
    "a file that is not there": ("nope.jpg", "nothing there.*Check the path"),
    "a file at home that is not there": ("~/nope.jpg", "nothing there"),
    "a folder": (".", "a folder"),
    "no path": ("", "the path of a picture, got str ''"),
    "floats that go to 255": (PIXELS.float(), r"0–255: image\[None\]\.round\(\)"),
    "normalized floats": ((PIXELS / 255 - 0.5) / 0.2, "normalized already"),
    "NaN": (torch.full((3, 64, 64), torch.nan), "NaN or infinite"),
    "several images": (PIXELS.repeat(5, 1, 1, 1), r"one of these 5, such as images\[0\]"),
    "no image": (PIXELS[None][:0], "no empty batch"),
    "an empty list": ([], "the path of a picture"),
    "a list of paths": (["a.png", "b.png"], "one by one"),
    "a list of numbers": (PIXELS.tolist(), r"np\.array\(image\)"),
    "a meta tensor": (PIXELS.to("meta"), "no values"),
    "complex numbers": (PIXELS.to(torch.complex64), "complex64"),
    "a row of nowhere": (torch.tensor(3).to("meta"), "no values"),
    "five axes": (PIXELS[None, None], "Three color channels"),
    "bytes": (b"cat.png", "the path of a picture"),
    "a module": (torch.nn.Linear(1, 1), "the path of a picture"),
}


@pytest.mark.parametrize("case", NO_PICTURES)
def test_no_picture_to_predict(finished, case):
    given, said = NO_PICTURES[case]
    with pytest.raises(FeatlibError, match=said):
        finished.predict(given)


def test_the_advice_on_floats_is_one_that_works(finished):
    image = PIXELS.float()
    found = finished.predict(image[None].round().to(torch.uint8)).probabilities
    assert torch.equal(found, finished.predict(PIXELS).probabilities)


# Runs

NO_RUNS = {
    "nothing": ({"images": None}, 'Leave it out for "emoji10"'),
    "a number": ({"images": 5}, "got int 5"),
    "an empty list": ({"images": []}, "one folder a class"),
    "a list of paths": ({"images": ["a.png"]}, "one folder a class"),
    "an array": ({"images": np.zeros((2, 3, 64, 64))}, r"images\.from_arrays"),
    "a dataset": (
        {"images": torch.utils.data.TensorDataset(PIXELS)},
        r"images\.from_arrays\(pixels, labels, classes\)",
    ),
    "no path": ({"images": ""}, "the path of a folder"),
    "an address": ({"images": "https://example.org/pictures"}, "Download it"),
    "a misspelled set": ({"images": "emoji_10"}, "did you mean 'emoji10'"),
    "a folder that is not there": ({"images": "nowhere"}, "Check the path"),
    "no epoch": ({"epochs": 0}, "Try epochs=1"),
    "half an epoch": ({"epochs": 1.5}, "epochs as a whole number"),
    "a seed below 0": ({"seed": -1}, "Try seed=0"),
    "a rate in words": ({"learning_rate": "fast"}, "learning_rate as a number above 0"),
    "a rate past all counting": ({"learning_rate": 10**400}, "learning_rate as a number above 0"),
    "baselines in words": ({"baselines": "no"}, "Try baselines=False"),
    "a cache that is None": ({"cache": None}, "Try cache=False"),
    "a bar that is a number": ({"progress": 1}, "Try progress=True"),
    "a size that is True": ({"size": True}, "size as a whole number"),
    "a size that is too large": ({"size": 10**6}, "Try size=512"),
    "a setting nearly right": ({"epoch": 3}, "did you mean 'epochs'"),
    "a setting of run nearly right": ({"weight": "bundled"}, "did you mean 'weights'"),
    "a setting by its initials": ({"lr": 0.1}, "did you mean 'learning_rate'"),
    "weights that are a number": ({"weights": 5}, "weights"),
    "no weights": ({"weights": None}, "weights"),
    "a split of a set that has one": ({"validation": 0.3}, "Leave `validation` out"),
}


@pytest.mark.parametrize("case", NO_RUNS)
def test_no_run(few, case):
    given, said = NO_RUNS[case]
    with pytest.raises(FeatlibError, match=said):
        lesson.run(**{"images": few, "progress": False, **given})


def test_a_dataset_of_torchvision_is_told_to_pass_its_folder(tmp_path):
    from torchvision.datasets import ImageFolder

    folder = make_pictures(tmp_path / "own", {"red": (200, 0, 0), "blue": (0, 0, 200)}, n=2)
    with pytest.raises(FeatlibError, match=r"Pass its folder, '.*own'"):
        lesson.run(ImageFolder(folder))


# The transformer

COLOR = PIXELS.numpy()
NO_BATCHES = {
    "one image": (COLOR, r"torch\.from_numpy\(image\)\[None\]"),
    "one image, channels last": (COLOR.transpose(1, 2, 0), r"\[None\]\.permute"),
    "one gray image": (COLOR[0], r"\[None, None\]\.expand\(-1, 3, -1, -1\)"),
    "flat images": (COLOR.reshape(1, -1), r"reshape\(-1, 3, 64, 64\)"),
    "a fourth channel": (np.zeros((2, 4, 8, 8), np.uint8), r"\[:, :3\]"),
    "floats that go to 255": (COLOR[None].astype("float32"), "divide by 255 once"),
    "true and false": (COLOR[None] > 99, "true and false"),
    "text": ("cat.png", r"Put it into a list: \[image\]"),
    "one picture": (images.load().picture(0), r"Put it into a list: \[image\]"),
    "nothing": (None, "Put files or pictures into a list"),
    "an empty list": ([], "one image at least"),
    "paths that lead nowhere": (["nope.png"], "nothing there"),
    "an address": (["https://example.org/cat.jpg"], "Download it"),
    "a list of nothing": ([None, None], "image 0 of 2"),
    "a list of lists": ([["a.png"], ["b.png"]], "one list of its pictures"),
    "numbers in lists": ([COLOR.tolist()], r"np\.array\(images\)"),
    "a picture that is none": ([images.load().picture(0), None], "image 1 of 2"),
    "a generator": ((x for x in "ab"), "into a list"),
}


@pytest.mark.parametrize("case", NO_BATCHES)
def test_no_batch_for_the_transformer(case):
    given, said = NO_BATCHES[case]
    with pytest.raises(FeatlibError, match=said):
        FeatureExtractor(cache=False).fit_transform(given)


def test_the_advice_to_the_transformer_is_one_that_works():
    for case in ("one image", "one image, channels last", "one gray image", "flat images"):
        given, _ = NO_BATCHES[case]
        with pytest.raises(FeatlibError) as refusal:
            FeatureExtractor(cache=False).fit(given)
        code = str(refusal.value).removesuffix(".").rsplit(": ", 1)[1]
        batch = eval(code, {"torch": torch, "np": np, "image": given, "images": given})
        assert FeatureExtractor(cache=False).fit_transform(batch).shape == (1, 512)


def test_a_damaged_file_among_pictures_is_named(tmp_path):
    (tmp_path / "broken.png").write_text("no picture")
    with pytest.raises(FeatlibError, match=r"a picture in '.*broken\.png', got no PNG"):
        FeatureExtractor(cache=False).fit_transform([tmp_path / "broken.png"])


# Widgets and exercises

ROWS = torch.zeros(40, 8)
NO_WIDGETS = {
    "a quiz that is a number": (lambda few: featlib.show_quiz(5), r"quiz\.names\(\)"),
    "no quiz": (lambda few: featlib.show_quiz(None), r"quiz\.names\(\)"),
    "questions in a list": (lambda few: featlib.show_quiz([{"question": "?"}]), "is a required"),
    "a mode that is None": (lambda few: featlib.show_quiz("07_try_it", mode=None), "mode to be"),
    "values in a list": (
        lambda few: featlib.show_quiz("06_prediction_trace", values=["cat"]),
        r"values=\{'top_class': …\}",
    ),
    "a value that is None": (
        lambda few: featlib.show_quiz("06_prediction_trace", values={"top_class": None}),
        "'top_class', got NoneType None",
    ),
    "a widget without a quiz": (lambda few: QuizWidget(None, quiz.Progress()), "a Quiz"),
    "answers that are kept nowhere": (
        lambda few: QuizWidget(quiz.load("07_try_it"), None),
        "a Progress",
    ),
    "no deck": (lambda few: featlib.show_flashcards(None), "the name of a deck"),
    "no card at all": (lambda few: featlib.show_flashcards(limit=0), "Try limit=1"),
    "some cards": (lambda few: featlib.show_flashcards(limit="some"), "limit as a whole number"),
    "a deck of text": (lambda few: FlashcardsWidget(["card"], quiz.Progress()), "Flashcards"),
    "a lab of a folder": (lambda few: featlib.show_lab("pictures"), "an ImageSet"),
    "a lab of nothing": (lambda few: LabWidget(few, {}), "features by their names"),
    "a lab of other features": (lambda few: LabWidget(few, {"a": ROWS[:3]}), "all 40 images"),
    "own pictures in no folder": (
        lambda few: featlib.show_own_images().train(None),
        "the path of a folder",
    ),
    "a scoreboard of nothing": (lambda few: Scoreboard(ROWS, None, []), "an ImageSet"),
    "a baseline in words": (lambda few: Scoreboard(ROWS, few, ["best"]), "at least one baseline"),
    "baselines that are None": (lambda few: Scoreboard(ROWS, few, None), "at least one baseline"),
    "a limit in words": (
        lambda few: Scoreboard(
            ROWS, few, [Entry("a", few.labels[few.validation] < 9, 1)], max_parameters="few"
        ),
        "max_parameters as a whole number",
    ),
}


@pytest.mark.parametrize("case", NO_WIDGETS)
def test_no_widget_and_no_exercise(few, case, tmp_path, monkeypatch):
    monkeypatch.setenv("FEATLIB_DATA_DIR", str(tmp_path / "data"))
    make, said = NO_WIDGETS[case]
    with pytest.raises(FeatlibError, match=said):
        make(few)
