"""Stage 2: uint8 0–255 in, float32 0–1 out; then the backbone's own mean and std."""

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from featlib import FeatlibError, preprocess
from featlib.preprocess import Transform

IDENTITY = Transform((0, 0, 0), (1, 1, 1), 64)
IMAGENET = Transform((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 64)


def test_scale_maps_0_to_0_and_255_to_1():
    pixels = torch.tensor([0, 51, 255], dtype=torch.uint8).view(1, 3, 1, 1)
    assert preprocess.scale(pixels).flatten().tolist() == pytest.approx([0, 0.2, 1])


def test_scale_keeps_the_shape_and_the_raw_pixels(pixels):
    before = pixels.clone()
    scaled = preprocess.scale(pixels)
    assert (scaled.shape, scaled.dtype) == (pixels.shape, torch.float32)
    assert torch.equal(pixels, before)


def test_prepare_agrees_with_torchvision(pixels):
    theirs = v2.Compose(
        [v2.ToDtype(torch.float32, scale=True), v2.Normalize(IMAGENET.mean, IMAGENET.std)]
    )
    torch.testing.assert_close(preprocess.prepare(pixels, IMAGENET), theirs(pixels))


def test_prepare_takes_raw_and_scaled_images_alike(pixels):
    scaled = preprocess.scale(pixels)
    torch.testing.assert_close(
        preprocess.prepare(pixels, IMAGENET), preprocess.prepare(scaled, IMAGENET)
    )


def test_normalize_resizes_to_what_the_weights_were_trained_on(pixels):
    wanted = Transform(IMAGENET.mean, IMAGENET.std, 96)
    assert preprocess.prepare(pixels, wanted).shape == (12, 3, 96, 96)


@pytest.mark.parametrize(
    ("height", "width", "side"),
    [(64, 64, 64), (224, 224, 224), (28, 28, 64), (300, 200, 200), (900, 700, 512)],
)
def test_without_a_size_the_images_keep_their_own_within_reason(height, width, side):
    own = Transform(IMAGENET.mean, IMAGENET.std)
    assert own.at(height, width).size == side
    ready = preprocess.prepare(torch.zeros(1, 3, height, width, dtype=torch.uint8), own)
    assert ready.shape == (1, 3, side, side)
    assert Transform(IMAGENET.mean, IMAGENET.std, 48).at(height, width).size == 48


def test_resizing_keeps_the_picture():
    """A picture of two halves, white above black, is still that at another size."""
    halves = torch.zeros(1, 3, 64, 64)
    halves[:, :, :32] = 1
    for size in (32, 96):
        resized = preprocess.normalize(halves, Transform((0, 0, 0), (1, 1, 1), size))
        assert resized.shape == (1, 3, size, size)
        assert resized[0, :, : size // 2 - 2].min() > 0.99
        assert resized[0, :, size // 2 + 2 :].max() < 0.01


def test_each_channel_has_its_own_mean_and_std():
    wanted = Transform((0.0, 0.5, 1.0), (1.0, 0.5, 0.25), 32)
    ready = preprocess.normalize(torch.ones(1, 3, 32, 32), wanted)
    assert ready[0, :, 0, 0].tolist() == [1, 1, 0]
    ready = preprocess.normalize(torch.zeros(1, 3, 32, 32), wanted)
    assert ready[0, :, 0, 0].tolist() == [0, -1, -4]


@pytest.mark.parametrize(
    ("mean", "std", "size", "said"),
    [
        ((0, 0), (1, 1, 1), 64, "mean as three numbers"),
        ((0, 0, 0), (1, 0, 1), 64, "std as a number above 0"),
        ((0, 0, 0), (1, 1, 1), 31, "from 32 to 512"),
        ((0, 0, 0), (1, 1, 1), 513, "from 32 to 512"),
    ],
)
def test_a_transform_that_no_network_has_is_refused(mean, std, size, said):
    with pytest.raises(FeatlibError, match=said):
        Transform(mean, std, size)


def test_normalizing_twice_is_refused(pixels):
    once = preprocess.prepare(pixels, IMAGENET)
    with pytest.raises(FeatlibError, match="normalized already"):
        preprocess.normalize(once, IMAGENET)


def test_scaling_twice_is_refused(pixels):
    with pytest.raises(FeatlibError, match=r"look like 0–1"):
        preprocess.scale(preprocess.scale(pixels))


def test_the_images_that_were_normalized_are_left_as_they_were(pixels):
    scaled = preprocess.scale(pixels)
    before = scaled.clone()
    preprocess.normalize(scaled, IDENTITY)
    assert torch.equal(scaled, before)


@pytest.mark.parametrize("transform", [None, 5, Transform, (0.5, 0.5, 0.5)], ids=str)
def test_what_is_no_transform_is_refused(transform, pixels):
    for images in (pixels, preprocess.scale(pixels)):
        with pytest.raises(FeatlibError, match="wanted a Transform"):
            preprocess.prepare(images, transform)


@pytest.mark.parametrize("images", [None, 5, "x", [], torch.float32, IMAGENET], ids=str)
def test_what_is_no_image_is_refused(images):
    for function in (preprocess.scale, lambda x: preprocess.prepare(x, IMAGENET)):
        with pytest.raises(FeatlibError, match=r"a (uint8|float32) tensor N×3×H×W"):
            function(images)


def test_images_without_values_are_refused(pixels):
    for images in (pixels, preprocess.scale(pixels)):
        with pytest.raises(FeatlibError, match="meta"):
            preprocess.prepare(images.to("meta"), IMAGENET)


def test_images_that_ask_for_gradients_get_them(pixels):
    images = preprocess.scale(pixels).requires_grad_()
    assert preprocess.prepare(images, IMAGENET).requires_grad


@pytest.mark.parametrize("side", [None, True, 0, -1, 1.5, "64", float("nan")])
def test_a_height_that_is_none_is_refused(side):
    for of in (IMAGENET.side, IMAGENET.at):
        with pytest.raises(FeatlibError, match="height as a whole number"):
            of(side, 64)


def test_a_size_of_numpy_is_kept_as_pythons_own():
    assert type(Transform(IMAGENET.mean, IMAGENET.std, np.int64(64)).size) is int
