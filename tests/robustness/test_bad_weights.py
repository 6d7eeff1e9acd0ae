"""A row each: weights that are damaged, for another network, or made to do harm."""

import argparse
import hashlib
import pickle
import re
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch._subclasses.fake_tensor import FakeTensorMode
from torchvision import models
from torchvision.models import resnet18 as torchvision_resnet18

from featlib import FeatlibError, backbone, weights

pytestmark = pytest.mark.usefixtures("memory_stays_bounded")


def test_a_file_cut_off_is_refused_by_its_checksum(tmp_path):
    path = tmp_path / "cut.safetensors"
    path.write_bytes(weights.BUNDLED.read_bytes()[:-1000])
    expected = hashlib.sha256(weights.BUNDLED.read_bytes()).hexdigest()
    with pytest.raises(FeatlibError, match="cut off or altered"):
        backbone.resnet18(path, sha256=expected)


def test_a_file_that_its_card_does_not_know_is_refused(tmp_path):
    path = tmp_path / "mine.safetensors"
    save_file(torchvision_resnet18(num_classes=7).state_dict(), path)
    path.with_suffix(".json").write_text(f'{{"sha256": "{"0" * 64}"}}')
    with pytest.raises(FeatlibError, match="SHA-256"):
        backbone.resnet18(path)


def test_a_file_that_could_run_code_is_refused(tmp_path):
    torch.save(torchvision_resnet18(num_classes=7), tmp_path / "whole_model.pt")
    with pytest.raises(FeatlibError, match="state dict of tensors only") as error:
        backbone.resnet18(tmp_path / "whole_model.pt")
    assert "a pickled object of the class torchvision.models.resnet.ResNet" in str(error.value)
    path = str(tmp_path / "whole_model.pt")
    assert f"held = torch.load({path!r}, weights_only=False)" in str(error.value)
    assert "\x1b" not in str(error.value)


class Touches:
    """When it is unpickled as Python would, it writes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("hide", [lambda bad: bad, lambda bad: argparse.Namespace(rate=bad)])
def test_code_in_a_checkpoint_is_never_run(hide, tmp_path):
    held = {"state_dict": load_file(weights.BUNDLED), "args": hide(Touches(tmp_path / "run"))}
    torch.save(held, tmp_path / "bad.pt")
    with pytest.raises(FeatlibError, match="which could run code") as error:
        weights.read_weights(tmp_path / "bad.pt")
    path = str(tmp_path / "bad.pt")
    assert f"held = torch.load({path!r}, weights_only=False)" in str(error.value)
    assert not (tmp_path / "run").exists()


class Config:
    """A class of the user's own, which PyTorch does not unpickle."""


def arrays(state):
    return {name: tensor.numpy() for name, tensor in state.items()}


def pickled(held, path):
    path.write_bytes(pickle.dumps(held))


PICKLED = {
    "a module": (lambda n, s: n, torch.save),
    "a module in a dict": (lambda n, s: {"model": n, "epoch": 3}, torch.save),
    "a module in a list": (lambda n, s: [n], torch.save),
    "a state dict beside a class": (lambda n, s: {"net": s, "cfg": Config()}, torch.save),
    "arrays": (lambda n, s: arrays(s), torch.save),
    "Python's pickle": (lambda n, s: s, pickled),
    "arrays in Python's pickle": (lambda n, s: {"model": arrays(s)}, pickled),
    "NumPy's archive": (lambda n, s: arrays(s), lambda held, path: np.savez(path, **held)),
}


@pytest.mark.parametrize("case", PICKLED)
def test_the_two_lines_that_a_message_advises_work(case, tmp_path, monkeypatch):
    make, save = PICKLED[case]
    network = torchvision_resnet18(num_classes=3)
    file = tmp_path / ("mine.npz" if "NumPy" in case else "mine.pt")
    save(make(network, network.state_dict()), file)
    with pytest.raises(FeatlibError, match="in two lines") as error:
        weights.read_weights(file)
    monkeypatch.chdir(tmp_path)
    names = {}
    for line in re.findall(r"in two lines: (.*), then (.*)\.$", str(error.value))[0]:
        exec(line, names)
    assert torch.equal(weights.read_weights("weights.pt").tensors["fc.bias"], network.fc.bias)


class Broken(torch.nn.Module):
    def state_dict(self, *_, **__):
        raise KeyError("x")


def fake():
    with FakeTensorMode():
        return torchvision_resnet18()


NO_NUMBERS = {
    "a module that fails": (Broken, "KeyError"),
    "of FakeTensorMode": (fake, "not stored as plain numbers"),
    "of MKL": (lambda: {"conv1.weight": torch.zeros(64, 3, 7, 7).to_mkldnn()}, "not stored as"),
    "nested": (
        lambda: {"conv1.weight": torch.nested.nested_tensor([torch.ones(1), torch.ones(2)])},
        "'conv1.weight'",
    ),
}


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.parametrize("case", NO_NUMBERS)
def test_in_memory_refused_without_numbers_are(case):
    make, said = NO_NUMBERS[case]
    given = make()
    given = load_file(weights.BUNDLED) | given if isinstance(given, dict) else given
    with pytest.raises(FeatlibError, match=said):
        weights.read_weights(given)


def test_a_page_of_the_web_is_no_weights(tmp_path):
    (tmp_path / "mine.pt").write_text("<html>Not found</html>")
    with pytest.raises(FeatlibError, match="a file of another kind, which begins with b'<html>"):
        weights.read_weights(tmp_path / "mine.pt")


@pytest.mark.filterwarnings("ignore:.torch.jit")
def test_a_torchscript_program_is_refused_with_the_way_to_its_tensors(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch says that TorchScript is old
        torch.jit.script(torch.nn.Linear(2, 2)).save(tmp_path / "mine.pt")
    with pytest.raises(FeatlibError, match="got a TorchScript program") as error:
        weights.read_weights(tmp_path / "mine.pt")
    path = str(tmp_path / "mine.pt")
    assert f"model = torch.jit.load({path!r})" in str(error.value)


def changed_stem(*shape):
    return torchvision_resnet18().state_dict() | {"conv1.weight": torch.zeros(shape)}


OTHERS = {
    "a ResNet34": (lambda: models.resnet34().state_dict(), "layer1.2.bn1.bias': 64, which"),
    "a ResNet50": (
        lambda: models.resnet50().state_dict(),
        "'layer1.0.conv1.weight': 64×64×1×1 instead of 64×64×3×3",
    ),
    "a ResNet101": (lambda: models.resnet101().state_dict(), "64×64×1×1 instead of"),
    "a ResNet18 for gray images": (
        lambda: changed_stem(64, 1, 7, 7),
        "'conv1.weight': 64×1×7×7 instead of 64×3×7×7",
    ),
    "a ResNet18 for 4 channels": (lambda: changed_stem(64, 4, 7, 7), "64×4×7×7 instead of"),
    "a ResNet18 for small images such as CIFAR's": (
        lambda: {"module." + k: t for k, t in changed_stem(64, 3, 3, 3).items()},
        "'module.conv1.weight': 64×3×3×3 instead of 64×3×7×7",
    ),
    "the names of Hugging Face's transformers": (
        lambda: {"resnet.embedder.embedder.convolution.weight": torch.zeros(64, 3, 7, 7)},
        "'resnet.embedder.embedder.convolution.weight'",
    ),
    "another architecture": (
        lambda: models.mobilenet_v3_small().state_dict(),
        "none named 'layer1.0.conv1.weight'",
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_another_network_is_refused_with_what_it_probably_is(case):
    make, said = OTHERS[case]
    with torch.device("meta"):  # the shapes are enough
        state = make()
    with pytest.raises(FeatlibError, match="wanted the tensors of torchvision's resnet18") as error:
        weights.read_weights({"state_dict": state})
    assert case in str(error.value)
    assert said.replace("'", "'state_dict.", 1 if said[0] == "'" else 0) in str(error.value)


NOT_WEIGHTS = {
    "None": (None, "For pretrained ones leave `weights` out"),
    "a number": (5, "got int 5"),
    "True": (True, '"bundled"'),
    "False": (False, '"untrained"'),
    "a list": ([], "or a ResNet18 in memory"),
    "the network's name": ("resnet18", 'Its pretrained weights are "bundled"'),
    "a misspelled name": ("bundeld", "Did you mean 'bundled'?"),
    "another file's name": ("nowhere.pt", "Check the path"),
    "nothing": ("", "got str ''"),
    "a zero byte": ("a\0.pt", "backbone.resnet18"),
    "a user who is not there": ("~nobody/mine.pt", "backbone.resnet18"),
    "a very long name": ("x" * 5000 + ".pt", "backbone.resnet18"),
    "an address": ("https://x.org/mine.pth", "the address https://x.org/mine.pth. Download it"),
    "torchvision's address": (weights.TORCHVISION_URL, 'Use weights="torchvision"'),
    "a function": (torchvision_resnet18, "Pass what it makes: resnet18()"),
    "torchvision's enum": (models.ResNet18_Weights, 'Use weights="torchvision"'),
    "another enum": (models.ResNet50_Weights.DEFAULT, "always a ResNet18"),
    "a tensor": (torch.zeros(3), "Pass the whole state dict"),
    "an array": (np.zeros(3), "float64 array 3"),
    "a class": (torch.nn.Linear, "or a ResNet18 in memory"),
    "an empty dict": ({}, "got no tensors"),
    "another module": (torch.nn.Linear(2, 2), "weights 'Linear in memory'"),
    "arrays": ({"conv1.weight": np.zeros((64, 3, 7, 7))}, "none named 'layer1.0.conv1.weight'"),
    "a network without values": (torch.nn.Identity(), "got no tensors"),
}


@pytest.mark.parametrize("case", NOT_WEIGHTS)
def test_what_is_no_name_and_holds_no_network_is_refused(case):
    given, said = NOT_WEIGHTS[case]
    with pytest.raises(FeatlibError) as error:
        backbone.resnet18(given)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"seed": -1}, "seed as a whole number of at least 0"),
        ({"seed": 1.5}, "seed as a whole number"),
        ({"sha256": "00"}, "a checksum for the path of a file only"),
        ({"size": "64"}, "size as a whole number from 32 to 512"),
    ],
    ids=str,
)
def test_an_option_is_refused(options, said):
    with pytest.raises(FeatlibError, match=said):
        weights.read_weights("untrained", **options)


@pytest.mark.parametrize("sha256", [5, "", b"00", "82c62409", "sha256:" + "0" * 64, "z" * 64])
def test_a_checksum_of_another_form_is_refused(sha256):
    with pytest.raises(FeatlibError, match="sha256 as text of 64 hexadecimal digits"):
        weights.read_weights(sha256=sha256)


def test_the_highest_seed_is_a_seed():
    assert weights.read_weights("untrained", seed=2**64 - 1).width == 512


def test_a_list_that_holds_itself_is_entered_once():
    held = [load_file(weights.BUNDLED)]
    held.append(held)
    assert weights.read_weights({"held": held}).width == 512


def test_a_zip_file_that_grows_a_thousandfold_is_refused_before_it_is_unpacked(tmp_path):
    small = tmp_path / "small.pt"
    torch.save({"fc.weight": torch.zeros(60_000, 512)}, small)
    with zipfile.ZipFile(small) as stored, zipfile.ZipFile(tmp_path / "bomb.pt", "w", 8) as bomb:
        for member in stored.infolist():
            bomb.writestr(member.filename, stored.read(member), compress_type=8)
    assert (tmp_path / "bomb.pt").stat().st_size < small.stat().st_size / 500
    with pytest.raises(FeatlibError, match="a file that unpacks to 122,"):
        backbone.resnet18(tmp_path / "bomb.pt")


CONV = (64, 3, 7, 7)
ODD = {
    "another architecture": {"layer1.0.conv1.weight": torch.zeros(64, 32, 3, 3)},
    "a tensor too many": {"layer5.0.conv1.weight": torch.zeros(1)},
    "a number for a name": {3: torch.zeros(1)},
    "not finite": {"bn1.bias": torch.full((64,), float("nan"))},
    "variances below zero": {"bn1.running_var": -torch.ones(64)},
    "no classes": {"fc.weight": torch.zeros(0, 512), "fc.bias": torch.zeros(0)},
    "truth values": {"conv1.weight": torch.ones(CONV, dtype=torch.bool)},
    "whole numbers": {"conv1.weight": torch.ones(CONV, dtype=torch.int32)},
    "numbers of eight bits": {"bn1.running_var": torch.ones(64).to(torch.float8_e4m3fn)},
    "complex numbers": {"conv1.weight": torch.ones(CONV, dtype=torch.complex64)},
    "sparse": {"fc.weight": torch.eye(200, 512).to_sparse()},
    "without numbers": {"conv1.weight": torch.empty(CONV, device="meta")},
    "one number shown 10¹¹ times": {
        "fc.weight": torch.zeros(1, 1).expand(200_000_000, 512),
        "fc.bias": torch.zeros(1).expand(200_000_000),
    },
}


@pytest.mark.parametrize("case", ODD)
def test_tensors_that_are(case, tmp_path):
    changes = ODD[case]
    torch.save(load_file(weights.BUNDLED) | changes, tmp_path / "odd.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch says that it looks at sparse tensors
        with pytest.raises(FeatlibError, match="torchvision's resnet18") as error:
            backbone.resnet18(tmp_path / "odd.pt")
    if case != "no classes":
        assert min(map(str, changes)) in str(error.value)


# What damages a card that has the right checksum. Without the checksum it is no card of ours.
CARDS = {
    "half of a card": (b'"mean": [0.5', "Expecting ',' delimiter"),
    "bytes that are no text": (b'"mean": "\xff', "can't decode byte"),
    "a word as mean": (b'"mean": "abc"}', "wanted mean as three numbers"),
    "one number as mean": (b'"mean": 0.5}', "wanted mean as three numbers"),
    "two numbers as mean": (b'"mean": [1, 2]}', "wanted mean as three numbers"),
    "a std of zero": (b'"std": [0, 0, 0]}', "wanted std as a number above 0"),
    "a std that is no number": (b'"std": [NaN, 1, 1]}', "NaN is no number in JSON"),
    "a size in words": (b'"size": "large"}', "wanted size as a whole number from 32 to 512"),
    "a huge size": (b'"size": 44700000}', "wanted size as a whole number from 32 to 512"),
    "two sizes": (b'"size": [224, 224]}', "wanted size as a whole number from 32 to 512"),
    "classes without names": (b'"classes": [{"id": 1}]}', "'classes' is no list"),
    "classes as a number": (b'"classes": 10}', "'classes' is no list"),
    "classes by number": (b'"classes": {"0": "cat"}}', "'classes' is no list"),
}


@pytest.mark.parametrize("case", CARDS)
def test_a_card_that_holds(case, tmp_path):
    damage, said = CARDS[case]
    file = tmp_path / "mine.safetensors"
    save_file(load_file(weights.BUNDLED), file)
    digest = hashlib.sha256(file.read_bytes()).hexdigest().encode()
    card = b'{"sha256": "' + digest + b'", ' + damage
    file.with_suffix(".json").write_bytes(card)
    with pytest.raises(FeatlibError, match=said) as error:
        weights.read_weights(file)
    assert f"the card '{tmp_path / 'mine.json'}'" in str(error.value)
    assert file.with_suffix(".json").read_bytes() == card


@pytest.mark.parametrize("case", CARDS)
def test_without_a_checksum_the_same_json_is_left_aside(case, tmp_path, caplog):
    save_file(load_file(weights.BUNDLED), tmp_path / "mine.safetensors")
    (tmp_path / "mine.json").write_bytes(b"{" + CARDS[case][0])
    assert weights.read_weights(tmp_path / "mine.safetensors").transform.size is None
    assert "'mine.json' is no card of featlib's and was left aside" in caplog.text


@pytest.mark.parametrize("name", ["bundled", "untrained"])
def test_the_default_device_does_not_matter(name):
    with torch.device("meta"):
        loaded = weights.read_weights(name)
    assert {tensor.device.type for tensor in loaded.tensors.values()} == {"cpu"}


def test_names_in_a_file_reach_no_terminal(caplog):
    state = {"\x1b[2J\n.": load_file(weights.BUNDLED), "\x1b[0m" * 999: torch.zeros(1)}
    weights.read_weights(state)
    assert r"under '\x1b[2J\n" in caplog.text
    assert "\x1b" not in caplog.text
    assert len(caplog.text) < 1000
