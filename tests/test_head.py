"""Stage 4: a linear layer, trained epoch by epoch, with a trace that says what happened."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from featlib import FeatlibError, head
from featlib.head import Epoch


def test_the_head_is_a_linear_layer_that_takes_plain_features(blobs):
    layer, trace = head.train(*blobs, 3)
    assert type(layer) is nn.Linear
    assert (layer.in_features, layer.out_features) == (8, 3)
    logits = layer(blobs[0])
    assert (logits.argmax(1) == blobs[1]).float().mean().item() == trace.epochs[-1].accuracy
    assert cross_entropy(logits, blobs[1]).item() == pytest.approx(trace.epochs[-1].loss, abs=1e-5)


def test_512_features_and_10_classes_make_5130_parameters():
    layer, _ = head.train(torch.randn(20, 512), torch.arange(20) % 10, 10, epochs=1)
    assert sum(p.numel() for p in layer.parameters()) == 5130


def test_it_learns_what_a_line_can_separate(blobs):
    _, trace = head.train(*blobs, 3, learning_rate=0.05)
    assert trace.epochs[-1].accuracy > 0.95
    assert trace.epochs[-1].loss < trace.epochs[0].loss


def test_the_trace_has_a_row_an_epoch_and_the_recipe(blobs):
    _, trace = head.train(*blobs, 3, epochs=4, seed=7, validation=blobs)
    assert [row.epoch for row in trace.epochs] == [1, 2, 3, 4]
    assert all(row.observation for row in trace.epochs)
    assert trace.epochs[-1].val_accuracy == trace.epochs[-1].accuracy
    assert (trace.recipe.epochs, trace.recipe.seed) == (4, 7)


def test_the_same_seed_gives_the_same_head_and_another_seed_another(blobs):
    one, same, other = (head.train(*blobs, 3, seed=s)[0].weight for s in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_training_leaves_features_and_the_global_random_state_alone(blobs):
    before, state = blobs[0].clone(), torch.get_rng_state()
    head.train(*blobs, 3)
    assert torch.equal(blobs[0], before)
    assert torch.equal(torch.get_rng_state(), state)


def test_it_agrees_with_the_loop_that_the_lesson_writes_out(blobs):
    features, labels = blobs
    recipe = head.Recipe(epochs=20, learning_rate=0.02)  # far enough that every setting tells
    centered = features - features.mean(0)
    scaled = centered / centered.std(correction=0)
    torch.manual_seed(recipe.seed)
    layer = nn.Linear(8, 3)
    optimizer = torch.optim.AdamW(
        layer.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    order = torch.Generator().manual_seed(recipe.seed)
    for _ in range(recipe.epochs):
        for rows in torch.randperm(90, generator=order).split(recipe.batch_size):
            optimizer.zero_grad()
            cross_entropy(layer(scaled[rows]), labels[rows]).backward()
            optimizer.step()
    ours, _ = head.train(features, labels, 3, epochs=20, learning_rate=0.02)
    torch.testing.assert_close(ours(features), layer(scaled), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("spread", [0, 1e-6, 1e-3])
def test_a_feature_that_hardly_varies_in_training_does_no_harm_later(blobs, spread):
    features, labels = blobs
    silent = 1 + spread * torch.randn(90, 1, generator=torch.Generator().manual_seed(1))
    layer, _ = head.train(torch.cat([features, silent], 1), labels, 3)
    # A new image in which it does vary moves the logits no further than any other feature would.
    moved = layer.weight[:, -1].abs().max()
    assert moved < 2 * layer.weight[:, :-1].abs().max()


def test_features_that_are_all_the_same_do_no_harm():
    layer, _ = head.train(torch.ones(6, 4), torch.arange(6) % 2, 2)
    assert layer(torch.ones(1, 4)).isfinite().all()


def test_the_scale_of_the_features_does_not_matter(blobs):
    features, labels = blobs
    (small, _), (large, _) = (head.train(features * k, labels, 3) for k in (0.01, 100))
    torch.testing.assert_close(small(features * 0.01), large(features * 100))


def test_the_defaults_are_those_of_the_lesson():
    assert str(head.check_settings({})) == (
        "5 epochs, batches of 32, AdamW, learning rate 0.002, weight decay 0.01, centered and "
        "scaled features, seed 0"
    )


def test_validation_is_measured_and_never_trained_on(blobs):
    features, labels = blobs
    wrong = (labels + 1) % 3
    layer, trace = head.train(features, labels, 3, validation=(features, wrong), learning_rate=0.05)
    alone, _ = head.train(features, labels, 3, learning_rate=0.05)
    assert torch.equal(layer.weight, alone.weight)
    said = layer(features).argmax(1)
    assert trace.epochs[-1].val_accuracy == pytest.approx((said == wrong).float().mean().item())
    assert trace.epochs[-1].val_accuracy < 0.1 < trace.epochs[-1].accuracy


def test_validation_is_measured_with_the_mean_of_training(blobs):
    features, labels = blobs
    moved = features + torch.tensor([4.0, 0, 0, 0, 0, 0, 0, 0])  # all look like class 0
    layer, trace = head.train(features, labels, 3, validation=(moved, labels), learning_rate=0.05)
    share = (layer(moved).argmax(1) == labels).float().mean().item()
    assert trace.epochs[-1].val_accuracy == pytest.approx(share)
    assert share < trace.epochs[-1].accuracy - 0.2


def test_without_validation_there_is_no_validation_accuracy(blobs):
    _, trace = head.train(*blobs, 3, epochs=2)
    assert [row.val_accuracy for row in trace.epochs] == [None, None]


BEFORE = Epoch(1, 1.0, 0.5, 0.5, "")


@pytest.mark.parametrize(
    ("rows", "loss", "accuracy", "val_accuracy", "said"),
    [
        ([], 1.9, 0.4, 0.4, "4.0 times as many right as by guessing"),
        ([BEFORE], 0.6, 0.8, 0.8, "big step: loss falls by 40%"),
        ([BEFORE], 0.8, 0.6, 0.6, "steady gain: loss falls by 20%"),
        ([BEFORE], 0.95, 0.6, 0.6, "leveling off: loss falls by only 5%"),
        ([BEFORE], 1.5, 0.4, 0.4, "loss rose by 50%: the learning rate may be too high"),
        ([BEFORE], 0.5, 0.9, 0.5, "validation stands still, 40.0 points behind"),
        ([BEFORE], 0.5, 0.9, 0.51, "big step: loss falls by 50%"),
        ([BEFORE], 0.5, 0.55, 0.5, "big step: loss falls by 50%"),
        ([BEFORE], 0.76, 0.6, 0.6, "steady gain: loss falls by 24%"),
        ([BEFORE], 0.91, 0.6, 0.6, "leveling off: loss falls by only 9%"),
        ([Epoch(1, 2.0, 0.5, 0.5, "")], 1.0, 0.6, 0.6, "big step: loss falls by 50%"),
        ([Epoch(1, 0.0, 1.0, 1.0, "")], 0.0, 1.0, 1.0, "nothing left to learn"),
        ([Epoch(1, 1.0, 0.5, None, "")], 0.6, 0.8, None, "big step"),
    ],
)
def test_the_observation_follows_from_the_numbers(rows, loss, accuracy, val_accuracy, said):
    assert said in head.observe(rows, loss, accuracy, val_accuracy, n_classes=10)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"epochs": 0}, "epochs as a whole number of at least 1"),
        ({"epochs": 2.5}, "float 2.5"),
        ({"batch_size": 0}, "batch_size as a whole number of at least 1"),
        ({"seed": -1}, "seed as a whole number of at least 0"),
        ({"learning_rate": 0}, "learning_rate as a number above 0"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"weight_decay": -1}, "weight_decay as a number of at least 0"),
        ({"lr": 0.1}, "Check the spelling"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_refused(blobs, settings, said):
    with pytest.raises(FeatlibError, match=said):
        head.train(*blobs, 3, **settings)


def test_a_single_class_is_refused():
    with pytest.raises(FeatlibError, match="n_classes as a whole number of at least 2"):
        head.train(torch.zeros(3, 8), torch.zeros(3, dtype=torch.int64), 1)


def test_labels_out_of_range_are_refused(blobs):
    with pytest.raises(FeatlibError, match="labels from 0 to 2"):
        head.train(*blobs, 2)


def test_validation_features_of_another_width_are_refused(blobs):
    with pytest.raises(FeatlibError, match="N×8"):
        head.train(*blobs, 3, validation=(torch.zeros(5, 9), torch.zeros(5, dtype=torch.int64)))
