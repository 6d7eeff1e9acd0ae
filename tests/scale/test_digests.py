"""Features belong to the data they were made from: only equal data has an equal digest."""

import functools
import io
import itertools
import os

import numpy as np
import pytest
import torch
from helpers import seeded
from PIL import Image
from torch.utils.data import ConcatDataset, Dataset, Subset, TensorDataset, random_split
from torchvision.datasets import CIFAR10, ImageFolder
from torchvision.datasets.folder import default_loader
from torchvision.transforms import v2

from featlib import FeatlibError, images
from featlib.scale.digests import FileRows
from featlib.scale.sources import DatasetSource, FolderSource


class Own(Dataset):
    """A dataset as anybody writes one: five gray pictures, two classes."""

    classes = ("dark", "light")

    def __init__(self, add=0, labels=(0, 1, 0, 1, 0)):
        self.add, self.labels = add, labels

    def __len__(self):
        return 5

    def __getitem__(self, i):
        return Image.new("L", (20, 20), 40 * i + self.add), self.labels[i]


class Wrapper(Dataset):
    """A dataset that holds another and may change its pictures."""

    def __init__(self, dataset, change=lambda picture: picture):
        self.dataset, self.change = dataset, change

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, i):
        picture, label = self.dataset[i]
        return self.change(picture), label


class Mirrored(ImageFolder):
    """A folder of torchvision that gives other pictures than its files hold."""

    def __getitem__(self, i):
        picture, label = super().__getitem__(i)
        return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT), label


def digest(dataset, **settings):
    return DatasetSource(dataset, **settings).digest(progress=False)


def tensors(value=0, label=0):
    pixels = torch.zeros(4, 3, 16, 16, dtype=torch.uint8)
    pixels[3, 2, 15, 15] = value
    return TensorDataset(pixels, torch.tensor([0, 1, 0, label]))


def cifar(value=0, folder=None):
    """Make torchvision's CIFAR10 of three pictures, without its files."""
    made = CIFAR10.__new__(CIFAR10)
    made.data = np.zeros((3, 32, 32, 3), np.uint8)
    made.data[2, 31, 31, 2] = value
    made.targets, made.classes = [0, 1, 2], ["airplane", "automobile", "bird"]
    made.transform = made.target_transform = None
    return made


def palette(color):
    picture = Image.new("P", (20, 20))
    picture.putpalette(color)
    return [picture]


def transparent(index):
    picture = Image.new("P", (20, 20))
    picture.info["transparency"] = index
    return [picture]


def rotated(orientation):
    picture = Image.new("RGB", (20, 20))
    picture.getexif()[0x0112] = orientation
    return [picture]


def pet_set(captions):
    pixels = torch.zeros(4, 3, 16, 16, dtype=torch.uint8)
    return images.from_arrays(pixels, torch.arange(4) % 2, ["a", "b"], captions=captions)


IN_MEMORY = {
    "one value of one tensor": (tensors(), tensors(value=1)),
    "one label of a tensor": (tensors(), tensors(label=1)),
    "one value of CIFAR10": (cifar(), cifar(value=1)),
    "another part": (Subset(Own(), [0, 1]), Subset(Own(), [0, 2])),
    "another order": (Subset(Own(), [0, 1, 2]), Subset(Own(), [2, 1, 0])),
    "another random split": tuple(
        random_split(Own(), [3, 2], generator=seeded(seed))[0] for seed in (0, 1)
    ),
    "another order of parts": (
        ConcatDataset([Own(), Own(1)]),
        ConcatDataset([Own(1), Own()]),
    ),
    "pictures of an own class": (Own(), Own(add=1)),
    "labels of an own class": (Own(), Own(labels=(0, 1, 0, 1, 1))),
    "a label that is missing": (Own(), Own(labels=(0, 1, 0, 1, None))),
    "the same bytes in another mode": tuple(
        [Image.frombytes(mode, (20, 20), bytes(1600))] for mode in ("RGBA", "CMYK")
    ),
    "a rotation in the EXIF data": (rotated(1), rotated(6)),
    "a wrapped dataset": (Wrapper(Own()), Wrapper(Own(add=1))),
    "the code of a wrapper": (Wrapper(Own()), Wrapper(Own(), lambda p: p.resize((16, 16)))),
    "a wrapper in a part": (
        Subset(Wrapper(Own()), [0, 1]),
        Subset(Wrapper(Own(add=1)), [0, 1]),
    ),
    "a list of pictures": ([Own()[0][0]], [Own()[1][0]]),
    "a list of pairs": ([Own()[0]], [(Own()[0][0], 1)]),
    "names of files": (pet_set(list("abcd")), pet_set(list("abce"))),
    "a palette": (palette([255, 0, 0]), palette([0, 255, 0])),
    "a transparent color": (transparent(0), transparent(1)),
    "an array": (
        [np.zeros((16, 16, 3), np.uint8)],
        [np.ones((16, 16, 3), np.uint8)],
    ),
}


@pytest.mark.parametrize("case", IN_MEMORY)
def test_other_data_in_memory_has_another_digest(case):
    one, other = IN_MEMORY[case]
    assert digest(one) == digest(one)
    assert digest(one) != digest(other)


def test_the_names_of_the_classes_count():
    cats, dogs = Own(), Own()
    dogs.classes = ("dark", "bright")
    assert digest(cats) != digest(dogs)


def test_equal_data_has_an_equal_digest_however_it_is_put_together():
    assert digest(Own()) == digest(Own())
    assert digest(Wrapper(Own())) == digest(Wrapper(Wrapper(Own())))
    assert digest(Own()) == digest(Subset(Own(), range(5)))
    assert digest(ConcatDataset([Own(), Own()])) == digest(Subset(Own(), [*range(5), *range(5)]))


# torchvision's folders: no picture is read


@pytest.fixture
def unread(monkeypatch):
    """Let no row be read beyond the ten that are looked at first."""

    def forbid(folder, i):
        raise AssertionError("a picture is read")

    return lambda: monkeypatch.setattr(ImageFolder, "__getitem__", forbid)


def parts(folder, **settings):
    whole = ImageFolder(folder, **settings)
    return [whole, Subset(whole, [0, 11]), ConcatDataset([Subset(whole, [3, 0]), whole])]


KNOWN = [
    None,
    v2.Resize(32),
    v2.Compose([v2.Resize(32), v2.CenterCrop(24), v2.ToImage(), v2.ToDtype(torch.float32, True)]),
]


@pytest.mark.parametrize("transform", KNOWN)
def test_of_a_folder_of_torchvision_no_picture_is_read(picture_folder, unread, transform):
    sources = [DatasetSource(part) for part in parts(picture_folder, transform=transform)]
    unread()
    digests = [source.digest() for source in sources]
    assert len(set(digests)) == 3
    assert digests == [source.digest() for source in sources]


def rewrite(folder):
    Image.new("RGB", (80, 60), "red").save(folder / "red" / "0.png")


def rename(folder):
    (folder / "red" / "0.png").rename(folder / "red" / "00.png")


def move_to_another_class(folder):
    (folder / "red" / "0.png").rename(folder / "blue" / "6.png")


def add(folder):
    Image.new("RGB", (80, 60), "red").save(folder / "red" / "9.png")


CHANGES = [rewrite, rename, move_to_another_class, add]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("kind", [ImageFolder, FolderSource])
def test_a_changed_file_changes_the_digest(picture_folder, kind, change):
    before = look(kind, picture_folder)
    assert look(kind, picture_folder) == before
    change(picture_folder)
    assert look(kind, picture_folder) != before


def look(kind, folder):
    return FolderSource(folder).digest() if kind is FolderSource else digest(kind(folder))


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no time that nobody can set")
@pytest.mark.parametrize("kind", [ImageFolder, FolderSource])
def test_a_changed_file_of_the_same_size_is_seen_though_its_time_was_set_back(picture_folder, kind):
    before = look(kind, picture_folder)
    picture = picture_folder / "red" / "0.png"
    facts = picture.stat()
    picture.write_bytes(picture.read_bytes()[:-1] + b"x")
    os.utime(picture, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    now = picture.stat()
    assert (now.st_size, now.st_mtime_ns) == (facts.st_size, facts.st_mtime_ns)
    assert look(kind, picture_folder) != before


def test_a_changed_file_outside_of_a_part_does_not_matter(picture_folder):
    def look():
        return digest(Subset(ImageFolder(picture_folder), [0, 1]))  # two blue ones

    before = look()
    rewrite(picture_folder)
    assert look() == before


def test_what_a_subclass_gives_counts_not_its_files(picture_folder):
    plain, mirrored = ImageFolder(picture_folder), Mirrored(picture_folder)
    assert digest(plain) != digest(mirrored)
    before = digest(mirrored)
    rewrite(picture_folder)
    assert digest(mirrored) != before


def open_upside_down(path):
    return Image.open(path).convert("RGB").rotate(180)


@functools.wraps(default_loader)
def open_wrapped(path):
    return default_loader(path).rotate(180)


class Named(v2.Resize):
    """A transform under the name of one of torchvision's."""

    __module__, __qualname__ = v2.Resize.__module__, v2.Resize.__qualname__

    def transform(self, inpt, params):
        return inpt.rotate(60)


class Steps(list):
    """A list that is called as a transform."""

    def __call__(self, picture):
        return picture.rotate(45)


class Word(str):
    """A text that is called as a transform."""

    def __call__(self, picture):
        return picture.rotate(135)


TRANSFORMS = {
    "none": {},
    "Resize": {"transform": v2.Resize(32)},
    "Resize to another size": {"transform": v2.Resize(33)},
    "Resize without smoothing": {"transform": v2.Resize(32, antialias=False)},
    "Compose": {"transform": v2.Compose([v2.Resize(32), v2.CenterCrop(16)])},
    "Compose in another order": {"transform": v2.Compose([v2.CenterCrop(16), v2.Resize(32)])},
    "own code": {"transform": lambda picture: picture.rotate(90)},
    "other own code": {"transform": lambda picture: picture.rotate(270)},
    "own code within Compose": {"transform": v2.Compose([lambda p: p.rotate(90), v2.Resize(9)])},
    "an own loader": {"loader": open_upside_down},
    "an own loader under a known name": {"loader": open_wrapped, "transform": v2.CenterCrop(40)},
    "a class under a known name": {"transform": Named(32)},
    "a list": {"transform": Steps()},
    "a text": {"transform": Word("None")},
    "other labels": {"target_transform": lambda label: 1 - label},
}


def test_another_transform_gives_another_digest(picture_folder):
    digests = {
        name: digest(ImageFolder(picture_folder, **settings))
        for name, settings in TRANSFORMS.items()
    }
    assert len(set(digests.values())) == len(TRANSFORMS)
    for name, settings in TRANSFORMS.items():
        assert digest(ImageFolder(picture_folder, **settings)) == digests[name], name


IMPOSTORS = ["an own loader under a known name", "a class under a known name", "a list", "a text"]


@pytest.mark.parametrize("case", IMPOSTORS)
def test_what_only_has_a_known_name_or_form_is_not_known(picture_folder, case):
    assert not FileRows().cover(ImageFolder(picture_folder, **TRANSFORMS[case]))


def test_a_folder_without_its_settings_or_with_a_transform_in_itself_is_not_known(picture_folder):
    bare = ImageFolder(picture_folder)
    del bare.loader
    steps = v2.Compose([v2.Resize(32)])
    steps.transforms.append(steps)
    for folder in (bare, ImageFolder(picture_folder, transform=steps)):
        assert not FileRows().cover(folder)


def test_damaged_bytes_have_the_same_words_each_time():
    class Damaged(Own):
        def __getitem__(self, i):
            return Image.open(io.BytesIO(b"no picture" * (i + 1))), 0

    assert digest(Damaged()) == digest(Damaged())


def test_another_order_of_samples_is_seen(picture_folder):
    turned = ImageFolder(picture_folder)
    before = digest(turned)
    turned.samples = turned.samples[::-1]
    assert digest(turned) != before


turns = itertools.count()


def turn(picture):
    return picture.rotate(90 * next(turns))  # another picture each time, whatever the luck


@pytest.mark.parametrize("kind", ["folder", "own"])
def test_a_random_dataset_is_refused_with_words_on_what_to_do(picture_folder, kind):
    folder = ImageFolder(picture_folder, transform=v2.RandomCrop(20))
    source = DatasetSource(
        folder if kind == "folder" else Wrapper(ImageFolder(picture_folder), turn)
    )
    with pytest.raises(FeatlibError, match=r"same picture whenever .* random .* source_id"):
        source.digest()


# A name of the caller's own


def test_a_source_id_is_taken_in_place_of_the_data():
    assert digest(Own(), source_id="a") == digest(Own(add=1), source_id="a")
    assert digest(Own(), source_id="a") != digest(Own(), source_id="b")
    assert digest(Own(), source_id="a") != digest(Subset(Own(), [0, 1]), source_id="a")


def test_with_a_source_id_no_row_is_read_for_the_digest(picture_folder, unread):
    source = DatasetSource(Mirrored(picture_folder), source_id="pets 1")
    unread()
    assert source.digest()


def test_a_folder_may_have_a_source_id_too(picture_folder):
    before = FolderSource(picture_folder, "pets 1").digest()
    rewrite(picture_folder)
    assert FolderSource(picture_folder, "pets 1").digest() == before


@pytest.mark.parametrize("bad", ["", "  ", 7, b"pets", ["pets"]])
def test_a_source_id_is_a_text(bad, picture_folder):
    for make, given in ((DatasetSource, Own()), (FolderSource, picture_folder)):
        with pytest.raises(FeatlibError, match="source_id"):
            make(given, bad)
