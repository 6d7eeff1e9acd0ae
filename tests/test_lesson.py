"""The five stages in a row, on the bundled images with the bundled weights."""

import json
import pickle
import weakref

import numpy as np
import pytest
import torch
import torchvision
from helpers import make_pictures
from PIL import Image

from featlib import (
    FeatlibError,
    backbone,
    features,
    images,
    lesson,
    preprocess,
    trace,
    weights,
)


@pytest.fixture(scope="module")
def finished():
    return lesson.run(progress=False)


def test_the_shapes_are_those_of_the_contract(finished):
    assert [stage.out_shape for stage in finished.data_flow] == [
        (1000, 3, 64, 64),
        (1000, 3, 64, 64),
        (1000, 512),
        (800, 10),
        (200, 10),
    ]
    assert [stage.out_dtype for stage in finished.data_flow] == ["uint8"] + ["float32"] * 4
    assert all(stage.seconds > 0 for stage in finished.data_flow)


def test_each_stage_takes_what_the_one_before_gave(finished):
    flow = finished.data_flow
    assert flow[0].in_shape is None
    assert flow[1].in_shape == flow[0].out_shape
    assert flow[2].in_shape == flow[1].out_shape
    assert flow[3].in_shape == (800, 512)
    assert flow[4].in_shape == (200, 512)


def test_five_epochs_end_at_or_above_the_reference_trace(finished):
    last, reference = finished.training.epochs[-1], trace.REFERENCE[-1]
    assert len(finished.training.epochs) == 5
    assert last.loss <= reference.loss
    assert last.accuracy >= reference.accuracy
    assert finished.report.accuracy >= 0.74
    assert last.val_accuracy == pytest.approx(finished.report.accuracy)


def test_the_same_layer_on_raw_pixels_is_at_least_20_points_worse(finished):
    raw, untrained = finished.baselines
    assert (raw.name, untrained.name) == ("raw_pixels", "untrained_backbone")
    assert raw.accuracy <= finished.report.accuracy - 0.20
    assert untrained.accuracy < finished.report.accuracy
    assert raw.accuracy > 0.1, "better than guessing, or the comparison is not a fair one"


def test_training_never_changed_the_backbone(finished):
    assert backbone.fingerprint(finished.backbone) == backbone.fingerprint(backbone.resnet18())


@pytest.mark.parametrize(
    ("n", "side"), [(1000, 64), (4069, 64), (4070, 32), (16_277, 16), (10**6, 16)]
)
def test_of_many_images_the_copies_for_the_raw_pixels_are_smaller(n, side):
    assert lesson._raw_side(n) == side


def test_stage_2_holds_a_batch_at_a_time(monkeypatch):
    batches, most, real = weakref.WeakSet(), [], preprocess.scale

    def scale(pixels):
        batches.add(made := real(pixels))
        most.append(len(batches))
        return made

    monkeypatch.setattr(preprocess, "scale", scale)
    first = lesson._scale(torch.zeros(2000, 3, 8, 8, dtype=torch.uint8))
    assert len(most) == 8
    assert max(most) <= 2
    assert first.untyped_storage().nbytes() == 3 * 8 * 8 * 4


def test_a_second_run_reads_its_features_and_says_so(finished):
    again = lesson.run(progress=False)
    assert again.features_from_cache
    assert "from the cache" in again.data_flow[2].does
    assert torch.equal(again.features, finished.features)
    assert again.training.epochs == finished.training.epochs


def test_without_the_cache_nothing_is_read_or_kept(picture_folder, empty_cache):
    finished = lesson.run(picture_folder, cache=False, progress=False)
    assert not finished.features_from_cache
    assert not empty_cache.exists()


def test_it_traces_a_cat_of_the_validation_images(finished):
    row = finished.example()
    assert row in finished.images.validation
    assert "cat" in finished.images.captions[row].split()
    assert finished.predict(row).truth == "animal"


@pytest.fixture(scope="module")
def same_picture(finished, tmp_path_factory):
    """One row of the run, in all forms that need no scaling."""
    row = finished.example()
    pixels, picture = finished.images.pixels[row], finished.images.picture(row)
    file = tmp_path_factory.mktemp("forms") / "cat.png"
    picture.save(file)
    array = np.asarray(picture)
    opened = Image.open(file)
    yield {
        "a path": file,
        "a path as text": str(file),
        "a picture of Pillow": picture,
        "its file, open": opened,
        "with transparency": picture.convert("RGBA"),
        "a tensor": pixels,
        "a tensor, channels last": pixels.permute(1, 2, 0),
        "a batch of one": pixels[None],
        "an array": array,
        "an array, channels first": pixels.numpy(),
        "an array turned around": array[::-1].copy()[::-1],
        "int64": pixels.long(),
        "another byte order": array.astype(">i4"),
        "floats 0–1": pixels / 255,
        "doubles 0–1": array / 255,
    }
    opened.close()


def test_one_picture_in_any_form_is_predicted_alike(finished, same_picture):
    by_row = finished.predict(finished.example())
    for form, image in same_picture.items():
        traced = finished.predict(image)
        torch.testing.assert_close(
            traced.probabilities, by_row.probabilities, atol=1e-4, rtol=0, msg=form
        )
        assert torch.equal(traced.layers[0].values, by_row.layers[0].values), form
        assert traced.truth is None


@pytest.mark.parametrize("gray", [lambda x: x[0], lambda x: x[:1], lambda x: x[0, :, :, None]])
def test_a_gray_picture_has_three_equal_channels(finished, gray):
    pixels = finished.images.pixels[0]
    expected = finished.predict(pixels[:1].repeat(3, 1, 1))
    traced = finished.predict(gray(pixels))
    assert torch.equal(traced.probabilities, expected.probabilities)


@pytest.mark.parametrize("number", [int, np.int64, np.uint8, torch.tensor, np.array])
def test_a_row_may_be_any_whole_number(finished, number):
    expected = finished.predict(3)
    assert torch.equal(finished.predict(number(3)).probabilities, expected.probabilities)
    assert finished.predict(number(3)).truth == expected.truth


def test_a_negative_row_counts_from_the_end(finished):
    for row in (-1, -1000, np.int64(-2)):
        expected = finished.predict(int(row) + 1000)
        assert torch.equal(finished.predict(row).probabilities, expected.probabilities)


def test_a_prediction_agrees_with_the_validation_report(finished):
    for place in (0, 77, 199):
        traced = finished.predict(int(finished.images.validation[place]))
        torch.testing.assert_close(
            traced.probabilities, finished.report.probabilities[place], atol=1e-4, rtol=0
        )


def test_it_runs_on_a_folder_of_ones_own_with_any_number_of_classes(tmp_path):
    colors = {"red": (200, 30, 30), "green": (30, 200, 30), "blue": (30, 30, 200)}
    finished = lesson.run(make_pictures(tmp_path / "own", colors), progress=False, epochs=8)
    assert [stage.out_shape for stage in finished.data_flow] == [
        (18, 3, 128, 128), (18, 3, 128, 128), (18, 512), (15, 3), (3, 3),
    ]  # fmt: skip
    assert finished.images.classes == ("blue", "green", "red")
    assert finished.example() == finished.images.validation[0]


def test_its_facts_are_plain_data(finished):
    facts = json.loads(json.dumps(finished.to_dict()))
    assert {
        "data_flow", "training_trace", "validation", "baselines", "prediction",
        "features_from_cache", "seconds",
    } <= facts.keys()  # fmt: skip
    assert {"stage", "in_shape", "out_shape", "seconds"} <= facts["data_flow"][0].keys()
    assert {"epoch", "loss", "accuracy", "val_accuracy", "observation"} == (
        facts["training_trace"][0].keys()
    )
    assert {"accuracy", "interval", "loss"} <= facts["validation"].keys()
    assert facts["baselines"].keys() == {"raw_pixels", "untrained_backbone"}
    assert sum(facts["prediction"]["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert [layer["shape"] for layer in facts["prediction"]["layers"]] == [
        [3, 64, 64], [512], [10], [10],
    ]  # fmt: skip


def test_its_facts_are_those_of_the_run(finished):
    facts, report = finished.to_dict(), finished.report
    assert facts["images"] == repr(finished.images)
    assert [row["loss"] for row in facts["training_trace"]] == [
        epoch.loss for epoch in finished.training.epochs
    ]
    assert facts["recipe"]["epochs"] == 5
    assert facts["validation"]["accuracy"] == report.accuracy
    assert facts["validation"]["interval"] == list(report.interval)
    assert facts["validation"]["loss"] == report.loss
    assert facts["validation"]["confusion"] == report.confusion.tolist()
    for k, row in enumerate(facts["validation"]["classes"]):
        expected = (report.classes[k], report.precision[k], report.recall[k], report.f1[k])
        assert (row["name"], row["precision"], row["recall"], row["f1"]) == expected
    for baseline in finished.baselines:
        fact = facts["baselines"][baseline.name]
        assert fact == {
            "accuracy": baseline.accuracy, "seconds": baseline.seconds, "size": baseline.size,
        }  # fmt: skip
        assert 0 < baseline.seconds < finished.seconds
    traced = finished.predict(finished.example())
    probabilities = facts["prediction"]["probabilities"]
    assert probabilities == dict(zip(report.classes, traced.probabilities.tolist(), strict=True))
    assert facts["prediction"]["label"] == max(probabilities, key=probabilities.get)
    assert facts["prediction"]["truth"] == "animal"
    assert [layer["dtype"] for layer in facts["prediction"]["layers"]] == [
        "uint8", "float32", "float32", "float32",
    ]  # fmt: skip


def test_the_accuracies_are_those_of_the_baselines_and_of_the_run(finished):
    raw, untrained = finished.baselines
    assert list(finished.accuracies().items()) == [
        ("raw pixels", raw.accuracy),
        ("untrained backbone", untrained.accuracy),
        ("pretrained features", finished.report.accuracy),
    ]


def test_what_is_shown_of_the_data_are_its_own_values(finished):
    pixel = finished.images.pixels[0, :, 0, 0]
    examples = [stage.example for stage in finished.data_flow]
    assert examples[0] == f"image 0 (animal), first pixel: {pixel.tolist()}"
    assert examples[1] == "the same pixel: " + ", ".join(f"{v / 255:.2f}" for v in pixel.tolist())
    assert f"{finished.features[0, 0]:.2f}" in examples[2]
    assert examples[4] == f"{finished.report.accuracy:.0%} right"


def test_it_runs_on_an_image_set_with_weights_of_ones_own_choice(emoji10):
    few = images.from_arrays(emoji10.pixels[:40], emoji10.labels[:40], emoji10.classes)
    finished = lesson.run(few, weights="untrained", epochs=1, cache=False, progress=False)
    assert finished.images is few
    assert finished.weights.name == finished.backbone.name == "untrained"
    assert finished.report.accuracy == finished.baselines[1].accuracy, "the same features"
    assert "frozen ResNet18" in finished.data_flow[2].does


def test_a_wrong_setting_is_refused_before_any_work(monkeypatch):
    monkeypatch.setattr(features, "extract", None)
    with pytest.raises(FeatlibError, match="epochs"):
        lesson.run(epochs=0)


def test_a_size_that_is_asked_for_is_that_of_pictures_network_and_baselines(picture_folder):
    finished = lesson.run(picture_folder, size=96, epochs=1, progress=False)
    assert finished.images.pixels.shape == (12, 3, 96, 96)
    assert finished.backbone.transform.size == 96
    assert [(b.name, b.size) for b in finished.baselines] == [
        ("raw_pixels", 64), ("untrained_backbone", 96),
    ]  # fmt: skip


def test_the_lessons_pictures_may_be_shown_to_the_network_enlarged(emoji10):
    few = images.from_arrays(emoji10.pixels[:40], emoji10.labels[:40], emoji10.classes)
    finished = lesson.run(few, size=128, epochs=1, baselines=False, progress=False)
    assert finished.images.pixels.shape == (40, 3, 64, 64)
    enlarged = features.extract(few.pixels, weights.read_weights(size=128), progress=False)
    assert torch.equal(finished.features, enlarged)
    assert finished.baselines == ()


def test_weights_whose_card_names_a_size_read_a_folder_at_that_size(picture_folder, tmp_path):
    torch.save(weights.read_weights().tensors, tmp_path / "mine.pt")
    (tmp_path / "mine.json").write_text('{"size": 48}')
    finished = lesson.run(
        picture_folder, weights=tmp_path / "mine.pt", epochs=1, baselines=False, progress=False
    )
    assert finished.images.pixels.shape == (12, 3, 48, 48)


def test_a_picture_of_ones_own_is_read_at_the_size_of_the_run(picture_folder):
    finished = lesson.run(picture_folder, epochs=1, baselines=False, progress=False)
    prediction = finished.predict(picture_folder / "red" / "0.png")
    assert prediction.layers[0].values.shape == (3, 128, 128)


def test_pixels_of_another_size_are_predicted_at_the_size_of_the_run(picture_folder):
    finished = lesson.run(picture_folder, epochs=1, baselines=False, progress=False)
    small = images.read_picture(picture_folder / "red" / "0.png", 64)
    by_hand = features.extract(small[None], weights.read_weights(size=128), cache=False)
    assert torch.allclose(finished.predict(small).layers[1].values, by_hand[0], atol=1e-4)


def test_a_run_on_more_pixels_than_memory_shall_hold_finds_the_same(
    picture_folder, monkeypatch, caplog
):
    settings = {"epochs": 1, "progress": False, "cache": False}
    held = lesson.run(picture_folder, **settings)
    monkeypatch.setattr("featlib.engine.decode.MEMORY", 10_000)
    in_a_file = lesson.run(picture_folder, **settings)
    assert "temporary file" in caplog.text
    assert torch.equal(in_a_file.features, held.features)
    assert in_a_file.accuracies() == held.accuracies()


@pytest.mark.parametrize("shape", [(8, 8), (28, 28), (40, 90)])
def test_arrays_of_any_size_go_all_the_way(shape):
    pixels = torch.randint(0, 256, (20, 3, *shape), dtype=torch.uint8)
    own = images.from_arrays(pixels, torch.arange(20) % 2, ["a", "b"])
    finished = lesson.run(own, epochs=1, cache=False, progress=False)
    assert finished.data_flow[0].out_shape == (20, 3, *shape)
    assert [b.size for b in finished.baselines] == [min(shape[0], 64), 64]


@pytest.fixture(scope="module")
def few(emoji10):
    return images.from_arrays(emoji10.pixels[:40], emoji10.labels[:40], emoji10.classes)


QUICK = {"epochs": 1, "baselines": False, "progress": False}


def test_weights_may_be_in_memory(few):
    loaded = weights.read_weights("untrained", seed=1)
    module = torchvision.models.resnet18(num_classes=len(loaded.tensors["fc.weight"]))
    module.load_state_dict(loaded.tensors)
    expected = lesson.run(few, weights=loaded, **QUICK)
    assert expected.weights.transform.size is None
    for given in (loaded.tensors, module):
        finished = lesson.run(few, weights=given, **QUICK)
        torch.testing.assert_close(finished.features, expected.features, atol=1e-4, rtol=0)


def test_weights_in_memory_take_a_size(few):
    assert (
        lesson.run(few, weights=weights.read_weights(), size=96, **QUICK).backbone.transform.size
        == 96
    )


def test_a_split_may_be_given_as_two_folders(tmp_path):
    colors = {"red": (200, 30, 30), "blue": (30, 30, 200)}
    train = make_pictures(tmp_path / "mine", colors, n=5)
    other = make_pictures(tmp_path / "other", colors, n=2, seed=1)
    finished = lesson.run(train, validation=other, **QUICK)
    assert (len(finished.images.train), len(finished.images.validation)) == (10, 4)
    assert all(
        "other" in finished.images.captions[i] or "validation" in finished.images.captions[i]
        for i in finished.images.validation
    )


def test_a_split_may_be_given_as_a_share(picture_folder):
    finished = lesson.run(picture_folder, validation=0.5, **QUICK)
    assert len(finished.images.validation) == 6


def test_a_run_equals_itself_alone(few):
    one, other = lesson.run(few, **QUICK), lesson.run(few, **QUICK)
    assert one == one
    assert one != other
    assert len({one, other}) == 2


def test_a_run_survives_pickle(few):
    finished = lesson.run(few, **QUICK)
    again = pickle.loads(pickle.dumps(finished))
    for image in (0, few.pixels[1]):
        assert torch.equal(
            again.predict(image).probabilities, finished.predict(image).probabilities
        )


def test_a_head_that_was_kept_predicts_the_same(few, tmp_path):
    finished = lesson.run(few, **QUICK)
    torch.save(finished.head.state_dict(), tmp_path / "head.pt")
    head = torch.nn.Linear(512, 10)
    head.load_state_dict(torch.load(tmp_path / "head.pt"))
    traced = trace.predict(few.pixels[1], finished.backbone, head, few.classes)
    assert torch.equal(traced.probabilities, finished.predict(few.pixels[1]).probabilities)


def test_a_picture_of_pillow_is_read_as_its_file_is(picture_folder, tmp_path):
    finished = lesson.run(picture_folder, **QUICK)
    file = tmp_path / "wide.png"
    Image.effect_noise((300, 90), 90).convert("RGB").save(file)
    with Image.open(file) as picture:
        by_file, by_picture = finished.predict(file), finished.predict(picture)
    assert torch.equal(by_file.layers[0].values, by_picture.layers[0].values)
    assert torch.equal(by_file.probabilities, by_picture.probabilities)


def test_a_damaged_picture_of_pillow_is_refused(few, tmp_path):
    finished = lesson.run(few, **QUICK)
    Image.effect_noise((300, 300), 90).save(tmp_path / "whole.png")
    (tmp_path / "half.png").write_bytes((tmp_path / "whole.png").read_bytes()[:20_000])
    with (
        Image.open(tmp_path / "half.png") as half,
        pytest.raises(FeatlibError, match=r"wanted one picture.*L picture 300×300"),
    ):
        finished.predict(half)
