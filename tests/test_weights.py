"""The weights of stage 3: bundled, downloaded, or random; and what each says of itself."""

import hashlib
import json
import threading
from pathlib import Path

import pytest
import torch
from torchvision.models import ResNet18_Weights
from torchvision.models import resnet18 as torchvision_resnet18

from featlib import FeatlibError, backbone, preprocess, weights


def test_weights_alone_are_those_of_the_backbone_they_fill(resnet, pixels):
    loaded = weights.read_weights()
    assert backbone.fingerprint(loaded.state()) == backbone.fingerprint(resnet.state())
    assert (loaded.width, loaded.transform) == (resnet.width, resnet.transform)
    assert "bundled" in repr(loaded)
    ready = preprocess.prepare(pixels, resnet.transform)
    torch.testing.assert_close(backbone.resnet18(loaded)(ready), resnet(ready))


def test_imagenet_is_another_name_of_the_bundled_weights():
    assert backbone.fingerprint(weights.read_weights("imagenet").state()) == backbone.fingerprint(
        weights.read_weights().state()
    )
    assert weights.read_weights("imagenet").name == "bundled"


@pytest.mark.parametrize("name", ["bundled", "untrained"])
def test_a_size_that_is_asked_for_is_that_of_every_image(name, pixels):
    for loaded in (weights.read_weights(name, size=96), weights.read_weights(name).at(96)):
        assert loaded.transform.size == 96
        assert preprocess.prepare(pixels, loaded.transform).shape == (12, 3, 96, 96)
    assert backbone.resnet18(weights.read_weights(name), size=32).transform.size == 32


def test_the_size_of_a_card_holds_until_another_is_asked_for(tmp_path):
    torch.save(weights.read_weights().tensors, tmp_path / "mine.pt")
    (tmp_path / "mine.json").write_text('{"size": 48}')
    assert weights.read_weights(tmp_path / "mine.pt").transform.size == 48
    assert weights.read_weights(tmp_path / "mine.pt", size=64).transform.size == 64


@pytest.mark.parametrize("size", [31, 513, 64.0, "64"])
def test_a_size_out_of_range_is_refused(size):
    with pytest.raises(FeatlibError, match="from 32 to 512"):
        weights.read_weights(size=size)


def test_untrained_weights_are_random_as_torchvisions_are():
    ours = weights.read_weights("untrained").state()
    theirs = torchvision_resnet18().state_dict()
    assert ours.keys() == theirs.keys() - {"fc.weight", "fc.bias"}
    for name, tensor in ours.items():
        assert (tensor.shape, tensor.dtype) == (theirs[name].shape, theirs[name].dtype)
        spread, theirs_spread = (t.float().std(correction=0) for t in (tensor, theirs[name]))
        torch.testing.assert_close(spread, theirs_spread, rtol=0.05, atol=0, msg=name)
        assert abs(tensor.float().mean() - theirs[name].float().mean()) < 0.01, name


def test_untrained_weights_are_the_same_for_the_same_seed():
    one, same, other = (backbone.resnet18("untrained", seed=s) for s in (1, 1, 2))
    assert backbone.fingerprint(one) == backbone.fingerprint(same) != backbone.fingerprint(other)


def two_files(folder):
    """Save two files that differ in their final layers alone; return them and those layers."""
    state = weights.read_weights().tensors
    finals = {name: torch.full((200,), float(k)) for k, name in enumerate(("right", "wrong"))}
    for name, final in finals.items():
        torch.save(state | {"fc.bias": final}, folder / f"{name}.pt")
    return folder / "right.pt", folder / "wrong.pt", finals["right"]


def test_a_file_that_is_swapped_once_it_was_read_is_not_read_again(tmp_path, monkeypatch):
    right, wrong, final = two_files(tmp_path)
    digest, read = hashlib.sha256(right.read_bytes()).hexdigest(), weights.read_regular

    def read_and_swap(path, most):
        content = read(path, most)
        if path == right:
            wrong.replace(right)
        return content

    monkeypatch.setattr(weights, "read_regular", read_and_swap)
    loaded = weights.read_weights(right, sha256=digest)
    assert not wrong.exists()
    assert torch.equal(loaded.tensors["fc.bias"], final)


def test_of_files_that_change_places_none_is_taken_for_the_other(tmp_path):
    right, wrong, final = two_files(tmp_path)
    digest, aside = hashlib.sha256(right.read_bytes()).hexdigest(), tmp_path / "aside.pt"
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            for old, new in ((right, aside), (wrong, right), (aside, wrong)):
                old.rename(new)

    thread = threading.Thread(target=swap)
    thread.start()
    accepted = refused = 0
    try:
        while accepted + refused < 30 or not (accepted and refused):
            try:
                loaded = weights.read_weights(right, sha256=digest)
            except FeatlibError:
                refused += 1
            else:
                accepted += 1
                assert torch.equal(loaded.tensors["fc.bias"], final)
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("name", [".safetensors", ".json"])
@pytest.mark.parametrize(
    "alter", [lambda b: b[:-3], lambda b: b.replace(b"0", b"1", 1), lambda b: b"", None]
)
def test_a_bundled_file_that_was_altered_is_refused(name, alter, tmp_path, monkeypatch):
    for ending in (".safetensors", ".json"):
        (tmp_path / f"resnet18-imagenet{ending}").write_bytes(
            weights.BUNDLED.with_suffix(ending).read_bytes()
        )
    monkeypatch.setattr(weights, "BUNDLED", tmp_path / "resnet18-imagenet.safetensors")
    assert weights.read_weights().width == 512
    altered = tmp_path / f"resnet18-imagenet{name}"
    altered.write_bytes(alter(altered.read_bytes())) if alter else altered.unlink()
    with pytest.raises(FeatlibError, match=f"{altered.name}.* Reinstall featlib"):
        weights.read_weights()
    assert weights.read_weights("untrained").width == 512, "needs none of them"


def test_a_card_of_other_weights_is_refused_whatever_checksum_is_passed(tmp_path):
    torch.save(weights.read_weights().tensors, tmp_path / "mine.pt")
    digest = hashlib.sha256((tmp_path / "mine.pt").read_bytes()).hexdigest()
    (tmp_path / "mine.json").write_text(json.dumps({"sha256": digest, "size": 48}))
    assert weights.read_weights(tmp_path / "mine.pt", sha256=digest).transform.size == 48
    (tmp_path / "mine.json").write_text(json.dumps({"sha256": "0" * 64, "size": 48}))
    for given in (digest, None):
        with pytest.raises(FeatlibError, match=r"or move 'mine\.json' away"):
            weights.read_weights(tmp_path / "mine.pt", sha256=given)


def test_a_checksum_that_is_passed_counts_more_than_none(tmp_path):
    torch.save(weights.read_weights().tensors, tmp_path / "mine.pt")
    digest = hashlib.sha256((tmp_path / "mine.pt").read_bytes()).hexdigest()
    assert weights.read_weights(tmp_path / "mine.pt", sha256=digest.upper()).width == 512
    with pytest.raises(FeatlibError, match="cut off or altered"):
        weights.read_weights(tmp_path / "mine.pt", sha256="0" * 64)


@pytest.mark.parametrize("change", [str.upper, " {}\n".format])
def test_blanks_and_capitals_in_a_checksum_do_not_matter(change):
    digest = hashlib.sha256(weights.BUNDLED.read_bytes()).hexdigest()
    assert weights.read_weights(sha256=change(digest)).width == 512


@pytest.mark.parametrize("name", ["bundled", "imagenet", "untrained"])
def test_a_name_may_come_as_a_path(name):
    assert weights.read_weights(Path(name)).name == name.replace("imagenet", "bundled")


def test_half_precision_is_read_as_float32_and_batchnorms_counters_may_be_missing(tmp_path):
    whole = weights.read_weights().tensors
    kept = {k: t.half() for k, t in whole.items() if not k.endswith("num_batches_tracked")}
    torch.save(kept, tmp_path / "mine.pt")
    loaded = weights.read_weights(tmp_path / "mine.pt")
    assert loaded.tensors.keys() == whole.keys()
    for name, tensor in loaded.tensors.items():
        assert tensor.dtype == whole[name].dtype, name
    assert loaded.transform.size is None
    assert loaded.classes == ()


def test_untrained_weights_leave_the_global_random_state_alone():
    before = torch.get_rng_state()
    backbone.resnet18("untrained")
    assert torch.equal(torch.get_rng_state(), before)


def save_with_hash(folder):
    """Save a state dict as torch.hub wants it: the start of its SHA-256 in its name."""
    network = torchvision_resnet18(num_classes=1000)
    torch.save(network.state_dict(), folder / "weights.pth")
    digest = hashlib.sha256((folder / "weights.pth").read_bytes()).hexdigest()
    return network, (folder / "weights.pth").rename(folder / f"resnet18-{digest[:8]}.pth")


def test_the_address_of_torchvisions_weights_is_theirs():
    assert ResNet18_Weights.IMAGENET1K_V1.url == weights.TORCHVISION_URL


def test_torchvisions_weights_are_downloaded_into_the_cache_and_their_hash_checked(
    tmp_path, server, monkeypatch, empty_cache
):
    network, file = save_with_hash(tmp_path)
    monkeypatch.setattr(weights, "TORCHVISION_URL", f"{server}/{file.name}")
    loaded = backbone.resnet18("torchvision")
    assert torch.equal(loaded.network.conv1.weight, network.conv1.weight)
    assert loaded.transform.size is None
    assert len(loaded.classes) == 1000
    assert (empty_cache / "weights" / file.name).is_file()


@pytest.mark.usefixtures("empty_cache")
def test_a_download_that_was_altered_is_refused(tmp_path, server, monkeypatch):
    _, file = save_with_hash(tmp_path)
    altered = file.rename(tmp_path / "resnet18-00000000.pth")
    monkeypatch.setattr(weights, "TORCHVISION_URL", f"{server}/{altered.name}")
    with pytest.raises(FeatlibError, match=r"no such file from there \(.*invalid hash"):
        backbone.resnet18("torchvision")


@pytest.mark.parametrize("damage", [lambda b: b[:-100], lambda b: b"", lambda b: b[:-1] + b"!"])
def test_a_damaged_copy_in_the_cache_is_downloaded_again(
    damage, tmp_path, server, monkeypatch, empty_cache
):
    network, file = save_with_hash(tmp_path)
    monkeypatch.setattr(weights, "TORCHVISION_URL", f"{server}/{file.name}")
    kept = empty_cache / "weights" / file.name
    kept.parent.mkdir(parents=True)
    kept.write_bytes(damage(file.read_bytes()))
    loaded = weights.read_weights("torchvision")
    assert torch.equal(loaded.tensors["conv1.weight"], network.conv1.weight)
    assert kept.read_bytes() == file.read_bytes()


def test_a_whole_copy_in_the_cache_needs_no_network(tmp_path, monkeypatch, empty_cache):
    network, file = save_with_hash(tmp_path)
    monkeypatch.setattr(weights, "TORCHVISION_URL", f"http://127.0.0.1:9/{file.name}")
    (empty_cache / "weights").mkdir(parents=True)
    file.rename(empty_cache / "weights" / file.name)
    loaded = weights.read_weights("torchvision")
    assert torch.equal(loaded.tensors["conv1.weight"], network.conv1.weight)


def test_another_file_in_the_place_of_a_download_is_refused(
    tmp_path, server, monkeypatch, empty_cache
):
    _, file = save_with_hash(tmp_path)
    monkeypatch.setattr(weights, "TORCHVISION_URL", f"{server}/{file.name}")
    download = weights.hub.download_url_to_file

    def download_and_swap(url, path, *options):
        download(url, path, *options)
        Path(path).write_bytes(weights.BUNDLED.read_bytes())

    monkeypatch.setattr(weights.hub, "download_url_to_file", download_and_swap)
    with pytest.raises(FeatlibError, match="Something else writes to this file"):
        weights.read_weights("torchvision")


@pytest.mark.usefixtures("empty_cache")
def test_without_a_network_the_error_names_the_weights_that_need_none(monkeypatch):
    monkeypatch.setattr(weights, "TORCHVISION_URL", "http://127.0.0.1:9/resnet18-00000000.pth")
    with pytest.raises(FeatlibError, match='weights="bundled", which needs none'):
        backbone.resnet18("torchvision")
