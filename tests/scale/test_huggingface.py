"""Datasets of Hugging Face, built in memory: rows are dicts, names of classes in `features`."""

import datasets
import pytest
from PIL import Image
from pyarrow import parquet
from torch.utils.data import ConcatDataset, Subset

from featlib import FeatlibError
from featlib.scale import shards

CLASSES = ["cat", "dog", "cow"]


def pictures(n=4):
    return [Image.new("RGB", (40, 40), (50 * i, 0, 0)) for i in range(n)]


def make(image="image", label="label", labels=(0, 1, 2, 1), given=None, **more):
    columns = {image: given or pictures(), label: list(labels)}
    types = {image: datasets.Image(), label: datasets.ClassLabel(names=CLASSES)}
    for name in more:
        types[name] = datasets.ClassLabel(names=["x", "y"])
    return datasets.Dataset.from_dict(columns | more, features=datasets.Features(types))


def labels(folder):
    return parquet.read_table(folder)["label"].to_pylist()


def extract(source, folder, resnet, **settings):
    return shards.extract(source, folder, resnet, progress=False, **settings)


EXPECTED = ["cat", "dog", "cow", "dog"]
NAMES = {
    "the usual ones": {},
    "those of CIFAR10": {"image": "img"},
    "those of CIFAR100": {"image": "img", "label": "fine_label", "coarse_label": [0, 0, 1, 1]},
    "plural": {"label": "labels"},
    "any, known by their types": {"image": "photo", "label": "species"},
}


@pytest.mark.parametrize("case", NAMES)
def test_columns_are_found_by_their_names_or_types(case, tmp_path, resnet):
    done = extract(make(**NAMES[case]), tmp_path / "o", resnet)
    assert (done.images, done.unreadable) == (4, ())
    assert labels(tmp_path / "o") == EXPECTED


@pytest.mark.parametrize("format", ["torch", "numpy"])
def test_any_format_gives_the_same_rows(format, tmp_path, resnet):
    extract(make(), tmp_path / "o", resnet)
    extract(make().with_format(format), tmp_path / "other", resnet)
    one, other = (parquet.read_table(tmp_path / name) for name in ("o", "other"))
    assert one.equals(other)


def test_parts_keep_the_names_of_their_classes(tmp_path, resnet):
    parts = ConcatDataset([Subset(make(label="species", image="photo"), [2]), make()])
    extract(parts, tmp_path / "o", resnet)
    assert labels(tmp_path / "o") == ["cow", *EXPECTED]


def test_rows_belong_to_the_data(tmp_path, resnet):
    extract(make(), tmp_path / "o", resnet)
    assert extract(make(), tmp_path / "o", resnet).computed == 0
    others = {
        "labels": make(labels=(0, 1, 2, 2)),
        "order": make().select([3, 2, 1, 0]),
        "transform": make().with_transform(
            lambda rows: rows | {"image": [p.convert("L") for p in rows["image"]]}
        ),
    }
    for name, other in others.items():
        with pytest.raises(FeatlibError, match="differ in: source"):
            extract(other, tmp_path / "o", resnet)
        assert labels(tmp_path / "o") == EXPECTED, name


def test_a_changed_file_is_seen_which_the_fingerprint_does_not_tell(tmp_path, resnet):
    files = []
    for i, picture in enumerate(pictures()):
        files.append(str(tmp_path / f"{i}.png"))
        picture.save(files[-1])
    before = make(given=files)
    extract(before, tmp_path / "o", resnet)
    Image.new("RGB", (40, 40), "white").save(files[0])
    after = make(given=files)
    assert after._fingerprint == before._fingerprint
    with pytest.raises(FeatlibError, match="differ in: source"):
        extract(after, tmp_path / "o", resnet)


def test_a_missing_picture_is_listed(tmp_path, resnet):
    done = extract(make(given=[*pictures(3), None]), tmp_path / "o", resnet)
    assert [(name, reason[:10]) for name, reason in done.unreadable] == [("3", "no picture")]
    assert labels(tmp_path / "o") == EXPECTED[:3]


def test_no_label_column_and_no_label(tmp_path, resnet):
    extract(make().remove_columns("label"), tmp_path / "none", resnet)
    extract(make(labels=(0, None, 2, 1)), tmp_path / "one", resnet)
    assert labels(tmp_path / "none") == [None] * 4
    assert labels(tmp_path / "one") == ["cat", None, "cow", "dog"]


@pytest.mark.parametrize("type", [datasets.ClassLabel(names=CLASSES), datasets.Value("float32")])
@pytest.mark.parametrize("format", ["torch", "numpy"])
def test_no_label_stays_none_in_any_format(format, type, tmp_path, resnet):
    given = make(labels=(0, None, 2, 1)).cast_column("label", type).with_format(format)
    expected = (
        ["cat", None, "cow", "dog"] if isinstance(type, datasets.ClassLabel) else list("0N21")
    )
    assert extract(Subset(given, range(4)), tmp_path / "o", resnet).unreadable == ()
    assert [label or "N" for label in labels(tmp_path / "o")] == [e or "N" for e in expected]


@pytest.mark.parametrize("format", [None, "torch", "numpy"])
def test_pictures_that_are_not_decoded_are_opened(format, tmp_path, resnet):
    extract(make(), tmp_path / "o", resnet)
    undecoded = make().cast_column("image", datasets.Image(decode=False)).with_format(format)
    extract(undecoded, tmp_path / "other", resnet)
    one, other = (parquet.read_table(tmp_path / name) for name in ("o", "other"))
    assert one.equals(other)


def test_all_parts_together_and_streams_are_refused(tmp_path, resnet):
    with pytest.raises(FeatlibError, match=r"DatasetDict with 'train'.*Pass one of its parts"):
        extract(datasets.DatasetDict(train=make()), tmp_path / "o", resnet)
    with pytest.raises(FeatlibError, match="Iterable datasets"):
        extract(make().to_iterable_dataset(), tmp_path / "o", resnet)
