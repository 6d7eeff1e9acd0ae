"""Stage 1: every source ends in the same image set, with a split that leaks nothing."""

import io
import pickle
import tarfile
from hashlib import md5

import numpy as np
import pytest
import torch
from helpers import make_pictures
from PIL import Image
from torchvision import datasets

from featlib import FeatlibError, images


def test_emoji10_keeps_the_contract(emoji10):
    assert (emoji10.pixels.shape, emoji10.pixels.dtype) == ((1000, 3, 64, 64), torch.uint8)
    assert (emoji10.labels.shape, emoji10.labels.dtype) == ((1000,), torch.int64)
    assert emoji10.labels.bincount().tolist() == [100] * 10
    assert (len(emoji10.train), len(emoji10.validation)) == (800, 200)
    assert emoji10.labels[emoji10.validation].bincount().tolist() == [20] * 10
    assert emoji10.classes == (
        "animal", "face", "food", "vehicle", "building", "hand", "person", "flag", "clock", "sign",
    )  # fmt: skip


def test_the_lesson_finds_a_cat_to_trace(emoji10):
    row = emoji10.find("cat")[0]
    assert row in emoji10.validation
    assert emoji10.classes[emoji10.labels[row]] == "animal"


def test_an_altered_bundled_file_is_refused(tmp_path, monkeypatch):
    for ending in (".safetensors", ".json"):
        (tmp_path / f"emoji10{ending}").write_bytes(images.EMOJI10.with_suffix(ending).read_bytes())
    copy = tmp_path / "emoji10.safetensors"
    copy.write_bytes(copy.read_bytes()[:-1] + b"!")
    monkeypatch.setattr(images, "EMOJI10", copy)
    with pytest.raises(FeatlibError, match="altered or cut"):
        images.load("emoji10")


def test_from_folder_reads_one_folder_a_class(picture_folder):
    own = images.from_folder(picture_folder)
    assert (own.pixels.shape, own.pixels.dtype) == ((12, 3, 128, 128), torch.uint8)
    assert own.classes == ("blue", "red")
    red = own.pixels[own.labels == 1].float().mean((0, 2, 3))
    assert red[0] > 150 > red[2]
    assert own.captions[0] == "blue/0.png"


def test_from_folder_scales_the_shorter_side_and_crops_the_middle(tmp_path):
    make_pictures(tmp_path, {"a": (0, 0, 0), "b": (0, 0, 0)}, n=1)
    wide = np.zeros((100, 300, 3), np.uint8)
    wide[:, 100:200] = 255  # a white square in the middle third
    for name in ("a", "b"):
        Image.fromarray(wide + (name == "b")).save(tmp_path / name / "wide.png")
    own = images.from_folder(tmp_path, size=32)
    assert own.pixels[own.captions.index("a/wide.png"), :, 2:-2, 2:-2].min() == 255


def test_of_equal_pictures_in_two_classes_the_first_is_kept(picture_folder):
    (picture_folder / "red" / "0.png").write_bytes((picture_folder / "blue" / "0.png").read_bytes())
    own = images.from_folder(picture_folder)
    assert own.skipped == (("red/0.png", "same picture as blue/0.png"),)
    assert own.labels.tolist() == [0] * 6 + [1] * 5


def test_the_split_of_a_folder_follows_its_seed(picture_folder):
    one, same, other = (images.from_folder(picture_folder, seed=s) for s in (0, 0, 1))
    assert one.validation.tolist() == same.validation.tolist() != other.validation.tolist()
    assert torch.equal(one.pixels, other.pixels), "the seed is that of the split alone"


def test_the_split_of_arrays_follows_its_seed(pixels):
    labels = torch.arange(12) % 2
    splits = [
        images.from_arrays(pixels, labels, ["a", "b"], seed=s).validation.tolist()
        for s in (0, 0, 1, 2, 3)
    ]
    assert splits[0] == splits[1]
    assert len({tuple(rows) for rows in splits}) > 2


def test_each_row_is_on_one_side_and_each_class_on_both(picture_folder):
    own = images.from_folder(picture_folder)
    assert sorted(own.train.tolist() + own.validation.tolist()) == list(range(12))
    assert set(own.labels[own.validation].tolist()) == {0, 1}
    assert set(own.labels[own.train].tolist()) == {0, 1}


@pytest.mark.parametrize(("share", "held_out"), [(0.2, 4), (0.5, 10), (0.9, 18)])
def test_the_share_for_validation_is_taken_from_each_class(share, held_out):
    labels = torch.arange(40) % 2
    own = images.from_arrays(torch.zeros(40, 3, 8, 8).byte(), labels, ["a", "b"], validation=share)
    assert labels[own.validation].bincount().tolist() == [held_out] * 2


@pytest.mark.parametrize("share", [0, -0.1, 0.95, 1, float("nan")])
def test_a_share_that_leaves_one_side_empty_is_refused(pixels, share):
    with pytest.raises(FeatlibError, match=r"validation as a number above 0 and at most 0\.9"):
        images.from_arrays(pixels, torch.arange(12) % 2, ["a", "b"], validation=share)


def test_a_class_with_a_single_image_is_refused(pixels):
    labels = torch.tensor([0] * 11 + [1])
    with pytest.raises(FeatlibError, match=r"at least two images of each class.* got 1 of 'b'"):
        images.from_arrays(pixels, labels, ["a", "b"])


@pytest.mark.parametrize("counts", [(2, 2), (2, 90), (7, 3)], ids=str)
def test_even_the_smallest_class_is_validated(counts):
    labels = torch.tensor([k for k, n in enumerate(counts) for _ in range(n)])
    pixels = torch.randint(0, 256, (len(labels), 3, 8, 8), dtype=torch.uint8)
    own = images.from_arrays(pixels, labels, ["a", "b"])
    assert set(own.labels[own.validation].tolist()) == {0, 1}
    assert set(own.labels[own.train].tolist()) == {0, 1}


def test_a_picture_that_is_there_twice_is_kept_once(picture_folder):
    (picture_folder / "red" / "copy.png").write_bytes(
        (picture_folder / "red" / "3.png").read_bytes()
    )
    own = images.from_folder(picture_folder)
    assert len(own) == 12
    assert own.skipped == (("red/copy.png", "same picture as red/3.png"),)


def test_pictures_that_differ_only_when_they_are_large_are_no_copies(tmp_path):
    for row, name in ((100, "a"), (100, "b"), (200, "c"), (200, "d")):
        folder = tmp_path / ("upper" if row == 100 else "lower")
        folder.mkdir(exist_ok=True)
        gray = np.full((512, 512), 90, np.uint8)
        gray[row, 100 if name in "ac" else 200] = 110  # too little to be seen at 32×32
        Image.fromarray(gray).save(folder / f"{name}.png")
    own = images.from_folder(tmp_path, size=32)
    assert len(own.pixels.unique(dim=0)) == 1
    assert (len(own), own.skipped) == (4, ())


def test_hidden_files_and_folders_are_no_pictures(picture_folder):
    (picture_folder / ".ipynb_checkpoints").mkdir()
    (picture_folder / "red" / ".DS_Store").write_bytes(b"x")
    own = images.from_folder(picture_folder)
    assert own.classes == ("blue", "red")
    assert own.skipped == ()


def test_a_row_on_both_sides_of_the_split_is_refused(pixels):
    labels, rows = torch.arange(12) % 2, torch.arange(12)
    with pytest.raises(FeatlibError, match="leaks what is tested into training"):
        images.ImageSet("mine", pixels, labels, ("a", "b"), rows, rows[:2], ("",) * 12)


@pytest.mark.parametrize("row", [-1, 12])
def test_a_row_that_no_image_has_is_refused(pixels, row):
    labels, rows = torch.arange(12) % 2, torch.arange(11)
    with pytest.raises(FeatlibError, match="different rows from 0 to 11"):
        images.ImageSet("mine", pixels, labels, ("a", "b"), rows, torch.tensor([row]), ("",) * 12)


def test_its_repr_is_one_line_and_its_notebook_form_a_picture(picture_folder):
    own = images.from_folder(picture_folder)
    assert repr(own) == (
        "ImageSet('pictures': 12×3×128×128 uint8, 2 classes, 10 training + 2 validation)"
    )
    data, metadata = own._repr_mimebundle_()
    assert data["image/png"].startswith(b"\x89PNG")
    assert "blue, red" in metadata["image/png"]["alt"]


def test_the_contact_sheet_has_a_row_for_each_class(pixels):
    own = images.from_arrays(pixels, torch.arange(12) // 4, ["a", "b", "c"])
    sheet = Image.open(io.BytesIO(own.contact_sheet(columns=2)))
    assert sheet.size == (2 * 64 + 4, 3 * 64 + 2 * 4)
    shown = np.asarray(sheet.convert("RGB"))
    for row, column in ((0, 0), (1, 1), (2, 0)):
        place = shown[row * 68 : row * 68 + 64, column * 68 : column * 68 + 64]
        assert np.array_equal(place, pixels[4 * row + column].permute(1, 2, 0))


def test_of_many_classes_twenty_are_shown_and_the_rest_counted():
    names = [f"class {k}" for k in range(33)]
    pixels = torch.randint(0, 256, (66, 3, 8, 8), dtype=torch.uint8)
    own = images.from_arrays(pixels, torch.arange(66) % 33, names)
    assert Image.open(io.BytesIO(own.contact_sheet())).size[1] == 20 * (8 + 4) - 4
    alt = own._repr_mimebundle_()[1]["image/png"]["alt"]
    assert alt.endswith("class 18, class 19, and 13 more that are not shown.")


def test_a_set_equals_itself_alone(emoji10):
    other = images.load("emoji10")
    assert emoji10 == emoji10
    assert (emoji10 != other, emoji10 == "emoji10") == (True, False)
    assert len({emoji10, other, emoji10}) == 2


def test_a_set_survives_being_pickled(pixels):
    own = images.from_arrays(pixels, torch.arange(12) % 2, ["a", "b"])
    again = pickle.loads(pickle.dumps(own))
    assert torch.equal(again.pixels, own.pixels)
    assert again.captions == own.captions


def test_the_bar_shows_itself_two_seconds_after_the_beginning(picture_folder, monkeypatch):
    """However the time is shared between listing and decoding."""
    bars, plain = [], images.progress_bar

    def kept(words, total, unit, progress):
        bars.append(plain(words, total, unit, progress))
        bars[-1].start_t -= 100 * len(bars)  # the first bar was made 100 seconds ago
        return bars[-1]

    monkeypatch.setattr(images, "progress_bar", kept)
    images.from_folder(picture_folder, size=16, cache=False)
    listing, decoding = bars
    assert decoding.start_t == listing.start_t
    assert (listing.n, decoding.n) == (12, 12)


def test_no_bar_is_made_where_none_is_wanted(picture_folder, capfd):
    images.from_folder(picture_folder, size=16, cache=False, progress=False)
    assert capfd.readouterr().err == ""


def test_a_picture_has_the_pixels_of_its_row(pixels):
    own = images.from_arrays(pixels, torch.arange(12) % 2, ["a", "b"])
    assert np.array_equal(own.picture(7), pixels[7].permute(1, 2, 0))


def test_one_picture_is_read_as_a_folder_reads_it(picture_folder):
    own = images.from_folder(picture_folder, size=32)
    one = images.read_picture(picture_folder / "red" / "3.png", size=32)
    assert torch.equal(one, own.pixels[own.captions.index("red/3.png")])


def test_find_searches_whole_words_of_one_side(pixels):
    captions = tuple(["a cat", "category"] * 6)
    own = images.from_arrays(pixels, torch.arange(12) % 2, ["a", "b"], captions=captions)
    for split in ("train", "validation"):
        rows = getattr(own, split).tolist()
        assert own.find("Cat", split) == [i for i in rows if captions[i] == "a cat"] != []
    assert own.find("cat") == own.find("cat", "validation")
    with pytest.raises(FeatlibError, match="'train', 'validation'"):
        own.find("cat", "test")


class TinyCIFAR10(datasets.CIFAR10):
    """CIFAR10 with 50 training images; the checksums are set by the test."""

    train_list = [["data_batch_1", None]]  # noqa: RUF012
    test_list = []  # noqa: RUF012
    base_folder = "cifar-10-batches-py"


@pytest.fixture
def tiny_cifar(tmp_path, server, empty_cache, monkeypatch):
    """Serve an archive in CIFAR-10's own format from this machine, with the right checksums."""
    source = tmp_path / "cifar-10-batches-py"
    source.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (50, 3072), dtype=np.uint8)
    (source / "data_batch_1").write_bytes(
        pickle.dumps({"data": noise, "labels": [i % 10 for i in range(50)]})
    )
    (source / "batches.meta").write_bytes(pickle.dumps({"label_names": list("abcdefghij")}))
    archive = tmp_path / "tiny.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(source, "cifar-10-batches-py")

    def digest(path):
        return md5(path.read_bytes()).hexdigest()

    monkeypatch.setattr(
        TinyCIFAR10, "train_list", [["data_batch_1", digest(source / "data_batch_1")]]
    )
    monkeypatch.setattr(
        TinyCIFAR10,
        "meta",
        {"filename": "batches.meta", "key": "label_names", "md5": digest(source / "batches.meta")},
    )
    monkeypatch.setattr(TinyCIFAR10, "url", f"{server}/{archive.name}")
    monkeypatch.setattr(TinyCIFAR10, "filename", "tiny.tar.gz")
    monkeypatch.setattr(TinyCIFAR10, "tgz_md5", digest(archive))
    monkeypatch.setattr(datasets, "CIFAR10", TinyCIFAR10)
    return noise


def test_cifar10_is_downloaded_drawn_evenly_and_resized(tiny_cifar, empty_cache):
    photos = images.load("cifar10", n=40)
    assert (photos.pixels.shape, photos.pixels.dtype) == ((40, 3, 64, 64), torch.uint8)
    assert photos.labels.bincount().tolist() == [4] * 10
    assert (empty_cache / "datasets" / "tiny.tar.gz").exists()
    row = int(photos.captions[0].split()[1])
    original = torch.from_numpy(tiny_cifar[row].reshape(3, 32, 32)).float()
    assert photos.pixels[0].float().mean() == pytest.approx(original.mean().item(), abs=1)


@pytest.mark.usefixtures("tiny_cifar")
@pytest.mark.parametrize("n", [45, 50])
def test_almost_all_images_of_a_download_can_be_drawn(n):
    photos = images.load("cifar10", n=n)
    assert len(set(photos.captions)) == n
    assert set(photos.labels.bincount().tolist()) <= {4, 5}


@pytest.mark.usefixtures("tiny_cifar")
def test_the_draw_and_the_split_of_a_download_follow_the_seed():
    one, same, other = (images.load("cifar10", n=40, size=32, seed=s) for s in (3, 3, 0))
    assert one.captions == same.captions
    assert set(one.captions) != set(other.captions), "another seed draws other images"
    assert one.validation.tolist() == same.validation.tolist()
    again = {
        seed: images.from_arrays(one.pixels, one.labels, one.classes, seed=seed).validation.tolist()
        for seed in (0, 3)
    }
    assert one.validation.tolist() == again[3] != again[0]


def test_a_download_with_a_wrong_checksum_is_refused(tiny_cifar, monkeypatch):
    monkeypatch.setattr(TinyCIFAR10, "tgz_md5", "0" * 32)
    with pytest.raises(FeatlibError, match="corrupted"):
        images.load("cifar10", n=40)


def test_fashion_mnist_is_gray_in_three_channels(tmp_path, empty_cache):
    """Torchvision reads the raw files of an earlier download without asking the network."""
    raw = empty_cache / "datasets" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    shapes = np.random.default_rng(0).integers(0, 256, (40, 28, 28), dtype=np.uint8)
    for part in ("train", "t10k"):
        header = bytes([0, 0, 8, 3]) + np.array([40, 28, 28], ">i4").tobytes()
        (raw / f"{part}-images-idx3-ubyte").write_bytes(header + shapes.tobytes())
        labels = bytes(i % 10 for i in range(40))
        header = bytes([0, 0, 8, 1]) + np.array([40], ">i4").tobytes()
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(header + labels)
    clothes = images.load("fashion_mnist", n=30, size=28)
    assert clothes.pixels.shape == (30, 3, 28, 28)
    assert torch.equal(clothes.pixels[:, 0], clothes.pixels[:, 2])
    row = int(clothes.captions[0].split()[-1])
    assert np.array_equal(clothes.pixels[0, 0], shapes[row])


@pytest.mark.parametrize("name", ["cifar10", "fashion_mnist"])
def test_without_a_network_the_error_names_the_set_that_needs_none(name, empty_cache, monkeypatch):
    dead = "http://127.0.0.1:9/"
    monkeypatch.setattr(datasets.CIFAR10, "url", dead + "cifar.tar.gz")
    monkeypatch.setattr(datasets.FashionMNIST, "mirrors", [dead])
    with pytest.raises(FeatlibError, match=r'images\.load\("emoji10"\), which needs none'):
        images.load(name)


def test_emoji3d_has_the_classes_and_the_split_of_emoji10(emoji10):
    drawn = images.load("emoji3d", size=32)
    assert drawn.pixels.shape == (677, 3, 32, 32)
    assert drawn.classes == emoji10.classes
    assert [drawn.classes[k] for k in range(10) if k not in drawn.labels] == ["flag"]
    sides = {emoji10.captions[i]: "train" for i in emoji10.train.tolist()}
    sides |= {emoji10.captions[i]: "validation" for i in emoji10.validation.tolist()}
    labels = {emoji10.captions[i]: emoji10.labels[i].item() for i in range(len(emoji10))}
    for side in ("train", "validation"):
        for i in getattr(drawn, side).tolist():
            assert (sides[drawn.captions[i]], labels[drawn.captions[i]]) == (side, drawn.labels[i])


def test_a_class_without_images_leaves_no_gap_in_the_sheet(pixels):
    rows = torch.arange(12)
    own = images.ImageSet(
        "own", pixels, rows % 2 * 2, ("a", "b", "c"), rows[:8], rows[8:], tuple("abcdefghijkl")
    )
    sheet = Image.open(io.BytesIO(own.contact_sheet(columns=2)))
    assert sheet.size == (2 * 64 + 4, 2 * 64 + 4)
    assert own._repr_mimebundle_()[1]["image/png"]["alt"].endswith("for each class: a, c.")


# Groups


def test_images_of_one_emoji_are_a_group_and_on_one_side(emoji10):
    assert len(emoji10.groups.unique()) < len(emoji10)
    sides = [set(emoji10.groups[rows].tolist()) for rows in (emoji10.train, emoji10.validation)]
    assert not sides[0] & sides[1]


def test_without_groups_each_image_is_its_own(pixels):
    own = images.from_arrays(pixels, np.arange(12) % 2, ["a", "b"])
    assert own.groups.tolist() == list(range(12))


@pytest.mark.parametrize("seed", range(5))
def test_a_group_stays_on_one_side_of_the_split(pixels, seed):
    names = ["cup 1", "cup 2", "cup 3", "mug 1", "mug 2", "mug 3"] * 2
    labels = [0, 0, 0, 1, 1, 1] * 2
    own = images.from_arrays(pixels, labels, ["cup", "mug"], groups=names, seed=seed)
    held_out = {names[i] for i in own.validation.tolist()}
    assert len(own.validation) == 4
    assert {name[:3] for name in held_out} == {"cup", "mug"}
    assert not held_out & {names[i] for i in own.train.tolist()}


def test_a_class_of_one_group_cannot_be_split(pixels):
    with pytest.raises(FeatlibError, match=r"at least two groups of images.*1 of 'b'"):
        images.from_arrays(
            pixels, [0] * 6 + [1] * 6, ["a", "b"], groups=[0, 1, 2, 3, 4, 5] + [6] * 6
        )


@pytest.mark.parametrize("groups", [[1, 2], 5, "ab", [[]] * 12, torch.zeros(12, device="meta")])
def test_groups_that_do_not_fit_are_refused(pixels, groups):
    with pytest.raises(FeatlibError, match="groups of 12 images"):
        images.from_arrays(pixels, np.arange(12) % 2, ["a", "b"], groups=groups)
