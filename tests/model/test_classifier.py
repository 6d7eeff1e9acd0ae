"""A model that is kept, loaded again, and asked: the same numbers as in the lesson."""

import json
import os
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from helpers import make_pictures
from PIL import Image
from safetensors.torch import load_file

import featlib
from featlib import FeatlibError, checks, explain, images, lesson, weights
from featlib.engine.walk import walk

QUICK = {"epochs": 2, "baselines": False, "progress": False}


@pytest.fixture(scope="module")
def finished(emoji10):
    few = images.from_arrays(emoji10.pixels[:40], emoji10.labels[:40], emoji10.classes)
    return lesson.run(few, **QUICK)


@pytest.fixture(scope="module")
def saved(finished, tmp_path_factory):
    return finished.save(tmp_path_factory.mktemp("kept") / "my_model")


@pytest.fixture(scope="module")
def classifier(saved):
    return featlib.load(saved)


@pytest.fixture
def folder(finished, tmp_path):
    """Return a folder with a picture, one deeper, what is no picture, and what is hidden."""
    root = tmp_path / "mixed"
    (root / "deep" / "er").mkdir(parents=True)
    finished.images.picture(0).save(root / "b.png")
    finished.images.picture(1).save(root / "deep" / "er" / "a.png")
    (root / "notes.txt").write_text("no picture")
    (root / ".hidden.png").write_text("passed over")
    return root


def expected(finished, rows):
    return torch.stack([finished.predict(row).probabilities for row in rows])


def close(found, wanted):
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)


def test_it_says_what_the_lesson_said_whatever_the_batch_and_the_order(finished, classifier):
    rows = [*range(39, -1, -1)]
    pixels = [finished.images.pixels[row] for row in rows]
    wanted = expected(finished, rows)
    close(classifier.predict_proba(pixels), wanted)
    close(torch.stack([classifier.predict_proba(one) for one in pixels[:9]]), wanted[:9])
    close(torch.cat([classifier.predict_proba(pixels[i : i + 7]) for i in range(0, 40, 7)]), wanted)
    assert classifier.predict(pixels) == [finished.predict(row).label for row in rows]
    assert classifier.predict(pixels[0]) == finished.predict(39).label


def test_it_says_the_same_with_any_number_of_threads(finished, classifier):
    pixels, before = [*finished.images.pixels], torch.get_num_threads()
    try:
        for n in (1, 3):
            torch.set_num_threads(n)
            close(classifier.predict_proba(pixels), expected(finished, range(40)))
    finally:
        torch.set_num_threads(before)


def test_it_says_the_same_in_a_fresh_process(finished, saved, tmp_path):
    file = tmp_path / "one.png"
    finished.images.picture(5).save(file)
    script = (
        "import featlib, sys; print(featlib.load(sys.argv[1]).predict_proba(sys.argv[2]).tolist())"
    )
    command = [sys.executable, "-c", script, str(saved), str(file)]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    close(torch.tensor(json.loads(answer.stdout)), finished.predict(5).probabilities)


def test_one_picture_may_have_any_form(finished, classifier, tmp_path):
    picture = finished.images.picture(3)
    picture.save(tmp_path / "three.png")
    wanted = finished.predict(3)
    forms = [
        tmp_path / "three.png", str(tmp_path / "three.png"), picture, np.asarray(picture),
        finished.images.pixels[3], finished.images.pixels[3] / 255, finished.images.pixels[3:4],
    ]  # fmt: skip
    for form in forms:
        close(classifier.predict_proba(form), wanted.probabilities)
        assert classifier.predict(form) == wanted.label
    close(classifier.predict_proba(forms), wanted.probabilities.expand(len(forms), -1))


def test_pixels_of_several_sizes_may_be_in_one_list(finished, classifier):
    pixels = finished.images.pixels
    given = [pixels[0], pixels[1][:, :40], pixels[2], pixels[3][:, :, :50], pixels[4]]
    close(
        classifier.predict_proba(given),
        torch.stack([finished.predict(one).probabilities for one in given]),
    )


def test_a_picture_file_of_another_size_is_cropped_as_in_the_lesson(tmp_path):
    pictures = make_pictures(tmp_path / "own", {"red": (200, 9, 9), "blue": (9, 9, 200)})
    Image.effect_noise((300, 90), 90).convert("RGB").save(tmp_path / "wide.png")
    finished = lesson.run(pictures, size=96, **QUICK)
    loaded = featlib.load(finished.save(tmp_path / "m"))
    close(
        loaded.predict_proba(tmp_path / "wide.png"),
        finished.predict(tmp_path / "wide.png").probabilities,
    )


def test_a_network_that_sees_pictures_enlarged_does_so_again(emoji10, tmp_path):
    few = images.from_arrays(emoji10.pixels[:40], emoji10.labels[:40], emoji10.classes)
    finished = lesson.run(few, size=96, **QUICK)
    loaded = featlib.load(finished.save(tmp_path / "m"))
    assert (loaded.card.picture_size, loaded.card.transform.size) == (64, 96)
    close(loaded.predict_proba(few.picture(2)), finished.predict(2).probabilities)


def test_a_folder_is_a_dict_of_what_can_be_read_and_the_log_names_the_rest(
    finished, classifier, folder, caplog
):
    found = classifier.predict_proba(folder)
    assert list(found) == ["b.png", "deep/er/a.png"]
    close(torch.stack([*found.values()]), expected(finished, (0, 1)))
    assert "1 files cannot be read: notes.txt (no PNG" in caplog.text
    assert classifier.predict(str(folder)) == {
        "b.png": finished.predict(0).label, "deep/er/a.png": finished.predict(1).label,
    }  # fmt: skip


def test_a_stream_takes_files_and_folders_and_says_of_each_what_is_wrong(
    finished, classifier, folder, tmp_path
):
    (tmp_path / "cut.png").write_bytes((folder / "b.png").read_bytes()[:900])
    paths = [folder, tmp_path / "cut.png", str(tmp_path / "nowhere.png"), folder / "b.png"]
    found = [*classifier.stream(paths)]
    assert [p.file.name for p in found] == [
        "b.png", "notes.txt", "a.png", "cut.png", "nowhere.png", "b.png",
    ]  # fmt: skip
    assert [bool(p.reason) for p in found] == [False, True, False, True, True, False]
    assert [p.probabilities is None for p in found] == [bool(p.reason) for p in found]
    assert found[3].reason.startswith("damaged")
    close(found[5].probabilities, expected(finished, [0])[0])


def test_a_stream_reads_no_further_than_it_is_asked(finished, classifier, tmp_path):
    finished.images.picture(0).save(tmp_path / "one.png")
    asked = []

    def endless():
        while True:
            asked.append(1)
            yield tmp_path / "one.png"

    stream = classifier.stream(endless())
    assert next(stream).probabilities is not None
    assert len(asked) <= 64 * torch.get_num_threads()
    stream.close()


def test_no_list_is_too_short(classifier):
    assert classifier.predict([]) == []
    assert classifier.predict_proba(()).shape == (0, 10)


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_folder_that_holds_itself_is_read_once(folder):
    (folder / "again").symlink_to(folder, target_is_directory=True)
    (folder / "deep" / "link.png").symlink_to(folder / "b.png")
    assert [file.name for file in walk(folder)] == ["b.png", "notes.txt", "link.png", "a.png"]


def test_it_explains_as_the_lesson_does(finished, classifier):
    traced, wanted = classifier.explain(finished.images.picture(7)), finished.predict(7)
    assert [layer.name for layer in traced.layers] == [layer.name for layer in wanted.layers]
    assert (traced.label, traced.classes) == (wanted.label, wanted.classes)
    close(traced.probabilities, wanted.probabilities)
    parts = explain.contributions(traced.layers[1].values, classifier.head, 2)
    torch.testing.assert_close(parts.sum(), traced.layers[2].values[2], atol=1e-4, rtol=0)


def test_the_card_holds_the_facts_of_the_run(finished, classifier):
    card, report = classifier.card, finished.report
    assert classifier.classes == finished.images.classes
    assert sum(card.training_pictures) == len(finished.images.train)
    counts = finished.images.labels[finished.images.train].bincount(minlength=10)
    assert card.training_pictures == tuple(counts.tolist())
    assert card.validation_pictures == len(finished.images.validation)
    assert (card.accuracy, card.interval) == (report.accuracy, report.interval)
    assert card.recipe == finished.training.recipe
    assert (card.backbone, card.featlib) == ("bundled", featlib.__version__)
    assert card.backbone_sha256 == featlib.backbone.fingerprint(finished.weights.state())


def test_its_repr_says_what_it_is(classifier):
    assert repr(classifier).startswith("Classifier(10 classes: animal, face, food, vehicle, ")
    assert f"{classifier.card.accuracy:.1%} of 10 validation pictures right" in repr(classifier)


def test_three_files_are_written_and_the_head_is_that_of_the_lesson(finished, saved):
    assert sorted(os.listdir(saved)) == ["README.md", "card.json", "head.safetensors"]
    kept = load_file(saved / "head.safetensors")
    assert kept.keys() == {"weight", "bias"}
    assert torch.equal(kept["weight"], finished.head.weight)
    assert torch.equal(kept["bias"], finished.head.bias)


def test_the_same_lesson_gives_the_same_bytes(finished, saved, tmp_path):
    again = finished.save(tmp_path / "again")
    for file in saved.iterdir():
        assert file.read_bytes() == (again / file.name).read_bytes()


def test_no_path_and_no_file_is_named(tmp_path):
    secret = make_pictures(tmp_path / "secretplace", {"red": (200, 9, 9), "blue": (9, 9, 200)})
    torch.save(weights.read_weights().tensors, tmp_path / "secretweights.pt")
    finished = lesson.run(secret, weights=tmp_path / "secretweights.pt", size=32, **QUICK)
    saved = finished.save(tmp_path / "m")
    for file in saved.iterdir():
        content = file.read_bytes()
        assert b"secret" not in content, file.name
        assert b".png" not in content, file.name
        assert str(tmp_path).encode() not in content, file.name


def test_weights_of_ones_own_are_asked_for_and_told_from_others(emoji10, tmp_path):
    few = images.from_arrays(emoji10.pixels[:40], emoji10.labels[:40], emoji10.classes)
    own, other = (weights.read_weights("untrained", seed=seed) for seed in (1, 2))
    for name, one in (("own.pt", own), ("other.pt", other)):
        torch.save(one.tensors, tmp_path / name)
    finished = lesson.run(few, weights=tmp_path / "own.pt", **QUICK)
    saved = finished.save(tmp_path / "m")
    with pytest.raises(FeatlibError, match=r"weights of your own.*weights='my_resnet18.pt'"):
        featlib.load(saved)
    for wrong in (tmp_path / "other.pt", "bundled"):
        with pytest.raises(FeatlibError, match=r"the backbone that the head was trained on, with"):
            featlib.load(saved, weights=wrong)
    for right in (tmp_path / "own.pt", own.tensors, own):
        loaded = featlib.load(saved, weights=right)
        close(loaded.predict_proba(few.pixels[1]), finished.predict(1).probabilities)


def test_the_page_for_people_says_how_good_it_is_and_what_it_cannot_do(saved, classifier):
    page = (saved / "README.md").read_text(encoding="utf-8")
    card = classifier.card
    assert f"{card.accuracy:.1%} right on 10 pictures" in page
    assert f"{card.interval[0]:.1%} to\n{card.interval[1]:.1%}" in page.replace("\n", " ").replace(
        " to ", " to\n"
    )
    assert "| animal | " in page
    assert 'never says "none of them"' in page
    assert "MIT License" in page


def test_names_of_classes_stand_in_the_page_as_text(finished, tmp_path):
    names = ["<script>", "a|b", "[x](http://y)", "\x1b[31m", "`c`", *"defgh"]
    given = images.from_arrays(finished.images.pixels, finished.images.labels, names)
    saved = lesson.run(given, **QUICK).save(tmp_path / "m")
    page = (saved / "README.md").read_text(encoding="utf-8")
    assert not re.search(r"[\x00-\x09\x0b-\x1f]|(?<!\\)(<script|`c)", page)
    assert r"| a\|b |" in page
    loaded = featlib.load(saved)
    assert loaded.classes == tuple(names)
    assert "\x1b" not in repr(loaded)


def test_of_very_many_classes_the_page_shows_some(tmp_path, finished):
    names = [f"class {k}" for k in range(300)]
    given = images.from_arrays(
        finished.images.pixels, [*range(10)] * 4, names, validation=range(30, 40)
    )
    saved = lesson.run(given, **QUICK).save(tmp_path / "m")
    page = (saved / "README.md").read_text(encoding="utf-8")
    assert page.count("| class ") == 200 + 1
    assert "And 100 more classes" in page
    assert len(featlib.load(saved).classes) == 300


def test_a_classifier_survives_pickle(finished, classifier):
    classifier.predict(finished.images.pixels[0])  # which makes what cannot be pickled
    again = pickle.loads(pickle.dumps(classifier))
    close(again.predict_proba(finished.images.pixels[0]), finished.predict(0).probabilities)


def test_an_earlier_model_is_replaced_also_a_damaged_one(finished, tmp_path):
    saved = finished.save(tmp_path / "m")
    (saved / "mine.txt").write_text("stays")
    (saved / "card.json").write_text((saved / "card.json").read_text()[:200])
    (saved / "head.safetensors").write_bytes(b"cut")
    finished.save(saved)
    assert featlib.load(saved).classes == finished.images.classes
    assert (saved / "mine.txt").read_text() == "stays"


@pytest.mark.parametrize("name", ["README.md", "card.json", "head.safetensors"])
def test_files_of_others_are_not_replaced(finished, tmp_path, name):
    (tmp_path / name).write_text('{"mine": 1}')
    with pytest.raises(FeatlibError, match=rf"without files that it would.*{name}.*my_model"):
        finished.save(tmp_path)
    assert os.listdir(tmp_path) == [name]
    assert (tmp_path / name).read_text() == '{"mine": 1}'


@pytest.mark.parametrize("where", ["", None, 3, "a\0b", "https://example.org/m"])
def test_what_is_no_folder_to_save_to_is_refused(finished, where):
    with pytest.raises(FeatlibError, match=r"Lesson\.save: wanted"):
        finished.save(where)


def test_nothing_is_left_of_a_model_that_could_not_be_written(finished, tmp_path, monkeypatch):
    saved = finished.save(tmp_path / "old")
    before = {file.name: file.read_bytes() for file in saved.iterdir()}

    def full(files):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checks, "atomic_write_all", full)
    for folder in (saved, tmp_path / "new"):
        with pytest.raises(FeatlibError, match="No space left on device"):
            finished.save(folder)
    assert {file.name: file.read_bytes() for file in saved.iterdir()} == before
    assert not (tmp_path / "new").exists()


def test_a_head_that_is_none_any_more_is_refused(emoji10, tmp_path):
    few = images.from_arrays(emoji10.pixels[:40], emoji10.labels[:40], emoji10.classes)
    finished = lesson.run(few, **QUICK)
    with torch.no_grad():
        finished.head.weight[0, 0] = float("nan")
    with pytest.raises(FeatlibError, match=r"Lesson\.save, weight: wanted features"):
        finished.save(tmp_path / "m")
    assert not (tmp_path / "m").exists()
