"""A row each: weights that are damaged, for another network, or made to do harm."""

import argparse
import functools
import hashlib
import pickle
import re
import time
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


def refused_at_once(file):
    """Return what is said of a file; the processor may not be busy with it for long."""
    started = time.process_time()
    with pytest.raises(FeatlibError) as error:
        weights.read_weights(file)
    assert time.process_time() - started < 8, str(error.value)
    return whole(str(error.value))


def whole(said):
    """Return a message after a look at its form: one line, three parts, safe to print."""
    assert re.fullmatch(r".+: wanted .+, got .+\. .+[.?]", said)
    assert said.isprintable()
    assert "Weights only load failed" not in said
    assert len(said) < 1000
    return said


def entry(name, begin=0, end=0, *, dtype='"F32"', shape="[0]"):
    return f'"{name}":{{"dtype":{dtype},"shape":{shape},"data_offsets":[{begin},{end}]}}'


def header_of(*entries, body=b"", length=None):
    header = ("{" + ",".join(entries) + "}").encode()
    return (len(header) if length is None else length).to_bytes(8, "little") + header + body


def nested(levels):
    return '"__metadata__":' + '{"a":' * levels + '"b"' + "}" * levels


CUT = "a .safetensors file that is cut off, or a file of another kind"
DAMAGED = "a .safetensors file with a damaged header"
HEADERS = {
    "1.5 million tensors": (
        lambda: header_of(*map(entry, range(1_500_000))),
        "for 1,500,000 tensors; a ResNet18 has 122",
    ),
    "10,001 tensors": (lambda: header_of(*map(entry, range(10_001))), "for 10,001 tensors"),
    "1.5 million facts": (
        lambda: header_of(
            '"__metadata__":{' + ",".join(f'"{i}":"1"' for i in range(1_500_000)) + "}"
        ),
        "for 0 tensors; a ResNet18 has 122",
    ),
    "one name of 5 MB": (lambda: header_of(entry("a" * 5_000_000)), "a header of 5,000,"),
    "one name of 3 MB": (lambda: header_of(entry("a" * 3_000_000)), "cannot be looked through"),
    "many names written in another way": (
        lambda: header_of(*(entry(i).replace("data_", "data\\u005f") for i in range(50_000))),
        "cannot be looked through",
    ),
    "a length beyond the file": (header_of(entry("a"), length=10**6), CUT),
    "the largest length": (header_of(entry("a"), length=2**64 - 1), CUT),
    "no length": (b"\0" * 8 + b"{}", DAMAGED),
    "no bytes behind the length": ((5).to_bytes(8, "little"), CUT),
    "overlapping tensors": (
        header_of(entry("a", 0, 8, shape="[2]"), entry("b", 4, 12, shape="[2]"), body=bytes(12)),
        DAMAGED,
    ),
    "the same bytes twice": (
        header_of(entry("a", 0, 4, shape="[1]"), entry("b", 0, 4, shape="[1]"), body=bytes(4)),
        DAMAGED,
    ),
    "negative places": (header_of(entry("a", -4, 0, shape="[1]"), body=bytes(4)), DAMAGED),
    "places of 10³⁰": (header_of(entry("a", 0, 10**30), body=bytes(4)), DAMAGED),
    "an axis of 10³⁰": (header_of(entry("a", 0, 4, shape=f"[{10**30}]"), body=bytes(4)), DAMAGED),
    "an axis of 2⁶³": (header_of(entry("a", 0, 4, shape=f"[{2**63}]"), body=bytes(4)), DAMAGED),
    "axes whose product is 2⁶⁴": (
        header_of(entry("a", 0, 0, shape=f"[{2**32},{2**32}]")),
        DAMAGED,
    ),
    "an axis below 0": (header_of(entry("a", 0, 4, shape="[-1]"), body=bytes(4)), DAMAGED),
    "half an axis": (header_of(entry("a", 0, 4, shape="[0.5]"), body=bytes(4)), DAMAGED),
    "a number for a dtype": (header_of(entry("a", dtype="32")), DAMAGED),
    "an unknown dtype": (header_of(entry("a", dtype='"F7"')), DAMAGED),
    "a dtype that PyTorch does not have": (
        header_of(entry("a", 0, 4, dtype='"F4"', shape="[8]"), body=bytes(4)),
        "",
    ),
    "one name twice": (
        header_of(entry("a", 0, 4, shape="[1]"), entry("a", 4, 8, shape="[1]"), body=bytes(8)),
        DAMAGED,
    ),
    "facts deep in each other": (header_of(nested(100_000), entry("a")), DAMAGED),
    "facts of a wrong kind": (header_of('"__metadata__":[1]', entry("a")), DAMAGED),
    "brackets without end": (header_of("[" * 100_000), DAMAGED),
    "what a terminal obeys": (header_of(entry("a", dtype='"\\u001b[2J"')), DAMAGED),
    "what a terminal obeys, for a name": (header_of(entry("\\u001b[2J")), "x1b[2J"),
    "no text": (header_of(entry("a"), body=b"").replace(b"F32", b"\xff32"), DAMAGED),
    "a list": ((2).to_bytes(8, "little") + b"[]", DAMAGED),
    "bytes that belong to nothing": (header_of(entry("a"), body=bytes(10)), DAMAGED),
    "no tensors": (header_of(), "got no tensors"),
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_header_with(case, tmp_path):
    content, said = HEADERS[case]
    content = content() if callable(content) else content
    (tmp_path / "bad.safetensors").write_bytes(content)
    assert said in refused_at_once(tmp_path / "bad.safetensors")


@pytest.mark.parametrize("kind", ["dict", "list", "numbers", "old format", "networks"])
def test_a_checkpoint_with_too_much_in_it_is_refused_at_once(kind, tmp_path):
    many, file = torch.zeros(1), tmp_path / "big.pt"
    held = {
        "dict": lambda: {f"key {i}": many for i in range(100_000)},
        "list": lambda: [many] * 3_000_000,
        "numbers": lambda: list(range(3_000_000)),
        "old format": lambda: {f"key {i}": many for i in range(300_000)},
        "networks": lambda: {f"{i}.layer1.0.conv1.weight": many for i in range(9_000)},
    }[kind]()
    torch.save(held, file, _use_new_zipfile_serialization=kind != "old format")
    refused_at_once(file)


@pytest.mark.parametrize("ending", ["zip", "old format"])
def test_tuples_deep_in_each_other_do_not_end_the_process(ending, tmp_path):
    pickled, file = b"\x80\x02})" + b"\x85" * 400_000 + b"K\x01s.", tmp_path / "deep.pt"
    if ending == "zip":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("archive/data.pkl", pickled)
            archive.writestr("archive/version", "3")
    else:
        torch.save(1, file, _use_new_zipfile_serialization=False)
        file.write_bytes(file.read_bytes().replace(b"\x80\x02K\x01.", pickled))
        assert file.stat().st_size > 400_000
    assert "or 50,000 tuples" in refused_at_once(file)


def test_an_archive_with_too_many_members_is_refused_before_it_is_listed(tmp_path):
    file = tmp_path / "many.pt"
    member, n = b"PK\1\2" + bytes(42), 100_000
    counts = b"\xff" * 4 + (n * len(member)).to_bytes(4, "little")
    file.write_bytes(b"PK\3\4" + n * member + b"PK\5\6" + bytes(4) + counts + bytes(6))
    assert "an archive of too many members" in refused_at_once(file)


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "huge.pt").open("wb") as file:
        file.write(b"PK")
        file.truncate(2 * 10**9)  # a hole, which takes no room
    assert "one that is larger than" in refused_at_once(tmp_path / "huge.pt")


FILES = {
    "a cut .pt": lambda b: b[:-5000],
    "half a .pt": lambda b: b[: len(b) // 2],
    "the head of a .pt alone": lambda b: b[:4],
    "a .pt with a damaged pickle": lambda b: b[:500] + bytes(200) + b[700:],
    "a .pt with a damaged list of members": lambda b: b[:-1000] + bytes(1000),
    "an empty archive": lambda b: b"PK\5\6" + bytes(18),
}


@pytest.mark.parametrize("case", FILES)
def test_of_a_damaged_file_it_is_said_in_plain_words(case, tmp_path):
    file = tmp_path / "mine.pt"
    torch.save(torchvision_resnet18(num_classes=2).state_dict(), file)
    file.write_bytes(FILES[case](file.read_bytes()))
    said = refused_at_once(file)
    assert "got a .pt file that is damaged, or holds more than tensors (" in said


def with_key(key):
    return {"state_dict": {key: torch.zeros(1)}}


KEYS = {
    "a number of 5001 digits": 10**5000,
    "a tuple deep in itself": functools.reduce(lambda held, _: (held,), range(500), ()),
    "half a character": "\ud800",
    "what a terminal obeys": "\x1b[2J\x9b31m",
    "10,000 letters": "x" * 10_000,
}


@pytest.mark.parametrize("case", KEYS)
def test_a_checkpoint_whose_key_is(case, tmp_path):
    torch.save(with_key(KEYS[case]), tmp_path / "odd.pt")
    refused_at_once(tmp_path / "odd.pt")
    with pytest.raises(FeatlibError) as error:
        weights.read_weights(with_key(KEYS[case]))
    whole(str(error.value))


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
