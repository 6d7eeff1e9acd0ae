"""A row each: weights that are damaged, for another network, or made to do harm."""

import hashlib
import warnings
import zipfile

import pytest
import torch
from safetensors.torch import load_file, save_file
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
    path.with_suffix(".json").write_text('{"sha256": "00"}')
    with pytest.raises(FeatlibError, match="SHA-256"):
        backbone.resnet18(path)


def test_a_file_that_could_run_code_is_refused(tmp_path):
    torch.save(torchvision_resnet18(num_classes=7), tmp_path / "whole_model.pt")
    with pytest.raises(FeatlibError, match="state dict of tensors only"):
        backbone.resnet18(tmp_path / "whole_model.pt")


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


CARDS = {
    "no JSON": (b"{", "Expecting property name"),
    "no text": (b"\xff", "can't decode byte"),
    "a list": (b"[]", "got no object"),
    "a number as checksum": (b'{"sha256": 5}', "'sha256' is no text"),
    "a word as mean": (b'{"mean": "abc"}', "wanted mean as three numbers"),
    "two numbers as mean": (b'{"mean": [1, 2]}', "wanted mean as three numbers"),
    "a std of zero": (b'{"std": [0, 0, 0]}', "wanted std as a number above 0"),
    "a std that is no number": (b'{"std": [NaN, 1, 1]}', "NaN is no number in JSON"),
    "a size in words": (b'{"size": "64"}', "wanted size as a whole number from 32 to 512"),
    "a huge size": (b'{"size": 1000000}', "wanted size as a whole number from 32 to 512"),
    "classes without names": (b'{"classes": [{"id": 1}]}', "'classes' is no list"),
    "classes as a number": (b'{"classes": 3}', "'classes' is no list"),
}


@pytest.mark.parametrize("case", CARDS)
def test_a_card_that_holds(case, tmp_path):
    card, said = CARDS[case]
    save_file(load_file(weights.BUNDLED), tmp_path / "mine.safetensors")
    (tmp_path / "mine.json").write_bytes(card)
    with pytest.raises(FeatlibError, match=said) as error:
        weights.read_weights(tmp_path / "mine.safetensors")
    assert f"the card '{tmp_path / 'mine.json'}'" in str(error.value)
    assert (tmp_path / "mine.json").read_bytes() == card
