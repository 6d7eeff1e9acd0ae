"""`FeatureExtractor` keeps scikit-learn's contract: its own checks, and those it has for tables."""

import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import torch
from PIL import Image
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from featlib import FeatlibError, FeatureExtractor, backbone, features, images, weights


# The tag `two_d_array = False` says that images are no table. scikit-learn then leaves out what it
# checks with tables of random floats; the same contracts are checked with images below.
@parametrize_with_checks([FeatureExtractor()])
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def X():
    """Return twelve random images, uint8 12×3×64×64."""
    images = np.random.default_rng(0).integers(0, 256, (12, 3, 64, 64), dtype=np.uint8)
    images.setflags(write=False)
    return images


@pytest.fixture
def y():
    return np.arange(12) % 2


@pytest.fixture
def two_colors(X, y):
    """Return the images, but those of one class are red."""
    X = X.copy()
    X[y == 1, 0] = 255
    return X


@pytest.fixture(scope="module")
def fitted(X):
    return FeatureExtractor(cache=False).fit(X)


@pytest.fixture(scope="module")
def loaded():
    return weights.read_weights()


def test_fit_returns_the_estimator_and_changes_no_parameter(X):
    extractor = FeatureExtractor("untrained", 48, 7, "fp32", "cpu", False)
    before = extractor.get_params()
    assert extractor.fit(X) is extractor
    assert extractor.get_params() == before


def test_transform_equals_extract_and_leaves_the_input_as_it_is(fitted, X, resnet):
    X = X.copy()
    before = X.copy()
    rows = fitted.transform(X)
    assert (rows.shape, rows.dtype) == ((12, 512), np.float32)
    expected = features.extract(torch.from_numpy(X), resnet, cache=False)
    np.testing.assert_allclose(rows, expected, atol=1e-5)
    np.testing.assert_array_equal(X, before)


def test_transform_before_fit_is_refused(X):
    with pytest.raises(NotFittedError):
        FeatureExtractor().transform(X)


def test_transform_changes_nothing_of_the_estimator(fitted, X):
    before = dict(vars(fitted))
    fitted.transform(X)
    assert vars(fitted) == before


def test_fitting_twice_is_fitting_once(fitted, X):
    once = fitted.transform(X)
    again = clone(fitted).fit(X).fit(X)
    np.testing.assert_array_equal(again.transform(X), once)
    np.testing.assert_array_equal(FeatureExtractor(cache=False).fit_transform(X), once)


def test_each_row_depends_on_its_own_image_only(fitted, X):
    whole = fitted.transform(X)
    order = np.random.default_rng(0).permutation(12)
    np.testing.assert_allclose(fitted.transform(X[order]), whole[order], atol=1e-5)
    for i in (0, 5, 11):
        np.testing.assert_allclose(fitted.transform(X[i : i + 1]), whole[i : i + 1], atol=1e-5)


def test_it_survives_pickle_and_clone(fitted, X):
    copy = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(copy.transform(X), fitted.transform(X))
    assert clone(fitted).get_params() == fitted.get_params()
    assert not hasattr(clone(fitted), "backbone_")


MEMORY = {
    "writable": lambda X, folder: X.copy(),
    "read only": lambda X, folder: X,
    "Fortran order": lambda X, folder: np.asfortranarray(X),
    "turned around": lambda X, folder: X[::-1][::-1],
    "mirrored": lambda X, folder: np.ascontiguousarray(X[..., ::-1])[..., ::-1],
    "channels last in memory": lambda X, folder: np.ascontiguousarray(
        X.transpose(0, 2, 3, 1)
    ).transpose(0, 3, 1, 2),
    "on disk": lambda X, folder: joblib.load(joblib.dump(X, folder / "X")[0], mmap_mode="r"),
    "a tensor": lambda X, folder: torch.tensor(X),
    "a list of arrays": lambda X, folder: list(X),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", MEMORY)
def test_arrays_of_any_memory_layout_are_taken(fitted, X, tmp_path, kind):
    given = MEMORY[kind](X, tmp_path)
    np.testing.assert_allclose(fitted.transform(given), fitted.transform(X), atol=1e-5)


# Forms in which the same images may come

FORMS = {
    "an image set": lambda X, files: images.from_arrays(X, np.arange(12) % 2, ["a", "b"]),
    "channels last": lambda X, files: X.transpose(0, 2, 3, 1),
    "int64": lambda X, files: X.astype("int64"),
    "uint16 of another byte order": lambda X, files: X.astype(">u2"),
    "floats 0–1": lambda X, files: X.astype("float32") / 255,
    "doubles 0–1": lambda X, files: X / 255,
    "an array of arrays": lambda X, files: listed(list(X)),
    "a list of tensors": lambda X, files: list(torch.tensor(X)),
    "a list of arrays, channels last": lambda X, files: list(X.transpose(0, 2, 3, 1)),
    "pictures of Pillow": lambda X, files: [Image.fromarray(x.transpose(1, 2, 0)) for x in X],
    "an array of pictures": lambda X, files: listed(
        [Image.fromarray(x.transpose(1, 2, 0)) for x in X]
    ),
    "paths": lambda X, files: files,
    "paths as text": lambda X, files: tuple(map(str, files)),
    "an array of paths": lambda X, files: np.array(list(map(str, files))),
    "a column of paths": lambda X, files: pd.Series(files),
    "a table of one column": lambda X, files: pd.DataFrame({"file": list(map(str, files))}),
    "all kinds at once": lambda X, files: [
        files[0], str(files[1]), Image.fromarray(X[2].transpose(1, 2, 0)), *X[3:7],
        *torch.tensor(X[7:]),
    ],
}  # fmt: skip


def listed(things):
    array = np.empty(len(things), dtype=object)
    for i, thing in enumerate(things):
        array[i] = thing
    return array


@pytest.fixture
def files(X, tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(len(X))]
    for path, x in zip(paths, X, strict=True):
        Image.fromarray(x.transpose(1, 2, 0)).save(path)
    return paths


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("form", FORMS)
def test_the_same_images_in_any_form_have_the_same_features(fitted, loaded, X, files, form):
    given = FORMS[form](X, files)
    np.testing.assert_allclose(fitted.transform(given), fitted.transform(X), atol=1e-4)
    refitted = FeatureExtractor(loaded, cache=False).fit(given)
    assert refitted.backbone_.transform == fitted.backbone_.transform


@pytest.mark.parametrize("axes", [(), (1,), (3,)])
def test_gray_images_have_three_equal_channels(fitted, X, axes):
    expected = fitted.transform(np.repeat(X[:, :1], 3, axis=1))
    gray = np.expand_dims(X[:, 0], axes)
    np.testing.assert_array_equal(fitted.transform(gray), expected)
    for n in (1, 3):  # three in a list are not one image of three channels
        np.testing.assert_allclose(fitted.transform(list(gray[:n])), expected[:n], atol=1e-5)


def test_pictures_of_several_sizes_are_read_as_a_folder_is(tmp_path):
    pictures = [Image.effect_noise((300, 90 + 40 * i), 90).convert("RGB") for i in range(2)]
    paths = [tmp_path / f"{i}.png" for i in range(2)]
    for path, picture in zip(paths, pictures, strict=True):
        picture.save(path)
    fitted = FeatureExtractor(cache=False).fit(paths)
    assert fitted.backbone_.transform.size == 224
    expected = fitted.transform(torch.stack([images.read_picture(path, 224) for path in paths]))
    for given in (paths, pictures):
        np.testing.assert_allclose(fitted.transform(given), expected, atol=1e-4)
        assert clone(fitted).fit(given).backbone_.transform.size == 224


def test_arrays_of_several_sizes_come_out_as_each_would_alone(fitted, pixels):
    large = pixels.numpy()
    several = [large[0], large[1][:, :32], large[2][:, :, :50], large[3]]
    together = fitted.transform(several)
    for image, row in zip(several, together, strict=True):
        np.testing.assert_allclose(fitted.transform(image[None])[0], row, atol=1e-4)


def test_weights_may_be_in_memory_and_cloned(X, fitted, loaded):
    for given in (loaded, loaded.tensors):
        extractor = clone(FeatureExtractor(given, cache=False)).fit(X)
        np.testing.assert_allclose(extractor.transform(X), fitted.transform(X), atol=1e-5)
        copy = pickle.loads(pickle.dumps(extractor))
        np.testing.assert_array_equal(copy.transform(X), extractor.transform(X))


def test_it_is_searched_on_pictures_of_pillow(two_colors, y):
    pictures = [Image.fromarray(x.transpose(1, 2, 0)) for x in two_colors]
    pipeline = make_pipeline(FeatureExtractor(), LogisticRegression(max_iter=500))
    grid = {"featureextractor__weights": ["bundled", "untrained"]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(pictures, y)
    assert search.best_score_ == 1


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((3, 4)),
        np.zeros((2, 3, 64, 64), dtype=complex),
        np.zeros((2, 3, 64, 64), dtype=object),
        np.zeros((0, 3, 64, 64), dtype=np.uint8),
        np.zeros((2, 64, 64, 5), dtype=np.uint8),
        np.full((2, 3, 64, 64), np.nan, dtype=np.float32),
        np.array(["a", "b"]),
        scipy.sparse.eye(4),
        None,
    ],
    ids=lambda bad: f"{type(bad).__name__} {getattr(bad, 'dtype', '')} {getattr(bad, 'shape', '')}",
)
def test_what_is_no_batch_of_images_is_refused(fitted, bad):
    for method in (fitted.transform, FeatureExtractor().fit):
        with pytest.raises(FeatlibError, match="wanted"):
            method(bad)


def test_features_have_names_and_may_become_a_data_frame(fitted, X):
    names = fitted.get_feature_names_out()
    assert (len(names), names[0]) == (512, "featureextractor0")
    frame = clone(fitted).set_output(transform="pandas").fit_transform(X)
    assert list(frame.columns) == list(names)
    np.testing.assert_array_equal(frame.to_numpy(), fitted.transform(X))


def test_it_works_in_cross_validation(two_colors, y):
    pipeline = make_pipeline(FeatureExtractor(), StandardScaler(), LogisticRegression())
    assert cross_val_score(pipeline, two_colors, y, cv=2).mean() == 1


# Where it computes


def test_auto_takes_a_gpu_where_there_is_one(monkeypatch):
    for cuda, mps, expected in [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]:
        monkeypatch.setattr(torch.cuda, "is_available", lambda found=cuda: found)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda found=mps: found)
        assert features.choose_device() == expected
        assert features.choose_device("cpu") == "cpu"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused(pixels, resnet):
    with pytest.raises(FeatlibError, match=r"device 'cuda', got none here.*auto"):
        features.extract(pixels, resnet, device="cuda")


def test_a_gpu_has_cache_entries_of_its_own(monkeypatch, pixels, resnet):
    here = features.cache_paths(pixels, resnet, device="cpu")[0]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert features.cache_paths(pixels, resnet)[0] != here


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_a_gpu_gives_the_same_features(emoji10, resnet):
    on_cpu = features.extract(emoji10, resnet, device="cpu", cache=False)
    on_gpu = features.extract(emoji10, resnet, device="cuda", cache=False)
    torch.testing.assert_close(on_gpu, on_cpu, atol=1e-4, rtol=0)


def test_the_backbone_stays_as_it_is(pixels):
    resnet = backbone.resnet18()
    before = backbone.fingerprint(resnet.network)
    for precision in features.PRECISIONS:
        features.fast_forward(resnet, precision)(pixels[:2])
    assert backbone.fingerprint(resnet.network) == before
    assert {p.dtype for p in resnet.parameters()} == {torch.float32}


def test_later_images_are_brought_to_the_size_of_those_in_fit(X, fitted):
    large = np.repeat(np.repeat(X, 2, axis=2), 2, axis=3)
    same = FeatureExtractor(size=64, cache=False).fit(large)
    assert fitted.backbone_.transform.size == 64
    np.testing.assert_array_equal(fitted.transform(large), same.transform(large))
