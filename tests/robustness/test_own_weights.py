"""Weights from anywhere: what holds a ResNet18 is found in it, and what else it is, is said."""

import argparse
import collections
import hashlib

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn
from torchvision.models import ResNet18_Weights
from torchvision.models import resnet18 as torchvision_resnet18
from torchvision.models import resnet34 as torchvision_resnet34

from featlib import FeatlibError, backbone, lesson, preprocess, weights


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return torchvision_resnet18(num_classes=7).eval()


def behind(prefix, state):
    return {prefix + name: tensor for name, tensor in state.items()}


def without_fc(state):
    return {name: tensor for name, tensor in state.items() if not name.startswith("fc.")}


def moco(state):
    """Return what MoCo v2 writes: two encoders, a queue, and a projection where `fc` was."""
    projection = {"fc.0.weight": torch.ones(512, 512), "fc.2.weight": torch.ones(128, 512)}
    encoder = without_fc(state) | projection
    follower = {name: 2 * tensor for name, tensor in encoder.items()}
    query, key = (behind(f"module.encoder_{k}.", e) for k, e in (("q", encoder), ("k", follower)))
    return {"epoch": 3, "state_dict": key | query | {"module.queue": torch.ones(128, 16)}}


def numbered(network, *, until=-1):
    return nn.Sequential(*list(network.children())[:until]).state_dict()


def optimizer_of(network):
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    network(torch.zeros(1, 3, 32, 32)).sum().backward()
    optimizer.step()
    return optimizer.state_dict()


# What holds a ResNet18, how many classes its final layer has, and what the one line says of it.
HOLDERS = {
    "DataParallel": (lambda n, s: behind("module.", s), 7, "under 'module.'"),
    "a backbone": (lambda n, s: behind("backbone.", without_fc(s)), 0, "no final layer"),
    "torch.compile": (lambda n, s: behind("_orig_mod.module.", s), 7, "'_orig_mod.module.'"),
    "any prefix": (lambda n, s: behind("my.own.net.", s), 7, "under 'my.own.net.'"),
    "the ImageNet example": (
        lambda n, s: {"epoch": 3, "best": torch.ones(()), "state_dict": behind("module.", s)},
        7,
        "under 'state_dict.module.'; left aside: 'best'",
    ),
    "a training": (
        lambda n, s: {"optimizer": optimizer_of(n), "model_state_dict": s, "loss": 0.3},
        7,
        "under 'model_state_dict.'; left aside: 'optimizer'",
    ),
    "a list": (lambda n, s: [3, s], 7, "under '1.'"),
    "an average beside it": (
        lambda n, s: {"model_ema": {k: 2 * t for k, t in s.items()}, "model": s},
        7,
        "under 'model.' (it holds several); left aside: 'model_ema'",
    ),
    "an average alone": (lambda n, s: {"state_dict_ema": s}, 7, "under 'state_dict_ema.'"),
    "an averaged model": (
        lambda n, s: torch.optim.swa_utils.AveragedModel(n).state_dict(),
        7,
        "under 'module.'; left aside: 'n_averaged'",
    ),
    "MoCo": (
        lambda n, s: moco(s),
        0,
        "under 'state_dict.module.encoder_q.' (it holds several); left aside: "
        "'state_dict.module.encoder_k', 'state_dict.module.encoder_q.fc', "
        "'state_dict.module.queue'; no final layer",
    ),
    "a teacher of another kind": (
        lambda n, s: behind("big.", torchvision_resnet34().state_dict()) | behind("small.", s),
        7,
        "under 'small.'",
    ),
    "children without fc": (lambda n, s: numbered(n), 0, "'conv1.weight' for '0.weight'"),
    "all children": (lambda n, s: behind("0.", numbered(n, until=None)), 7, "under '0.'"),
    "a head in a Sequential": (
        lambda n, s: without_fc(s) | {"fc.1.weight": s["fc.weight"], "fc.1.bias": s["fc.bias"]},
        7,
        "'fc.weight' for 'fc.1.weight'",
    ),
    "a head of two layers": (
        lambda n, s: s | {"fc.0.weight": torch.ones(9, 512), "fc.2.weight": s.pop("fc.weight")},
        0,
        "left aside: 'fc'; no final layer",
    ),
    "no bias": (lambda n, s: {k: t for k, t in s.items() if k != "fc.bias"}, 7, "own size"),
    "parameters": (lambda n, s: dict(n.named_parameters()) | dict(n.named_buffers()), 7, "own"),
    "a module in a dict": (lambda n, s: {"epoch": 3, "net": n}, 7, "under 'net.'"),
    "arrays": (lambda n, s: {k: t.numpy() for k, t in s.items()}, 7, "own size"),
    "a lazy layer beside it": (lambda n, s: nn.Sequential(n, nn.LazyLinear(3)), 7, "under '0.'"),
    "float64": (lambda n, s: {k: t.double() for k, t in s.items()}, 7, "own size"),
}


@pytest.mark.parametrize("case", HOLDERS)
def test_a_resnet18_is_found_in(case, network, caplog):
    hold, n_classes, said = HOLDERS[case]
    held = hold(network, network.state_dict())
    loaded = weights.read_weights({"list": held} if case == "a list" else held)
    for name, tensor in network.state_dict().items():
        if not name.startswith("fc."):
            assert torch.equal(loaded.tensors[name], tensor), name
            assert loaded.tensors[name].dtype == tensor.dtype
    assert len(loaded.tensors.get("fc.weight", ())) == n_classes
    assert loaded.width == 512
    (line,) = (record.getMessage() for record in caplog.records)
    assert said.replace("under '1.'", "under 'list.1.'") in line
    assert "size=… sets another" in line


def test_the_features_are_those_of_the_network_it_was(network, pixels):
    ours = backbone.resnet18(numbered(network), size=64)
    ready = preprocess.prepare(pixels, ours.transform)
    bare = nn.Sequential(*list(network.children())[:-1], nn.Flatten())
    torch.testing.assert_close(ours(ready), bare(ready).detach())


def test_without_a_final_layer_only_asking_for_it_is_refused(network, pixels):
    frozen = backbone.resnet18(without_fc(network.state_dict()))
    assert frozen(preprocess.prepare(pixels, frozen.transform)).shape == (12, 512)
    assert frozen.classes == ()
    assert "512 features" in repr(frozen)
    with pytest.raises(FeatlibError, match=r"the final layer .* weights without one"):
        _ = frozen.fc


@pytest.mark.parametrize("kind", ["Lightning", "halved", ".ckpt", ".safetensors", "old format"])
def test_a_checkpoint_is_read_from(kind, network, tmp_path):
    file = tmp_path / ("mine.safetensors" if kind == ".safetensors" else "mine.ckpt")
    state = behind("model.", network.state_dict())
    if kind == "Lightning":
        options = argparse.Namespace(rate=0.1)
        held = {"state_dict": state, "hyper_parameters": options, "callbacks": {}, "epoch": 3}
        torch.save(held, file)
    elif kind == ".safetensors":
        save_file(state, file)
    elif kind == "halved":
        torch.save({"model": {k: t.bfloat16() for k, t in state.items()}}, file)
    else:
        torch.save(state, file, _use_new_zipfile_serialization=kind != "old format")
    loaded = weights.read_weights(file)
    wanted = network.conv1.weight
    wanted = wanted.bfloat16().float() if kind == "halved" else wanted
    assert torch.equal(loaded.tensors["conv1.weight"], wanted)
    assert loaded.name == str(file)


@pytest.mark.parametrize("ending", [".bin", ".pt", ".safetensors"])
@pytest.mark.parametrize("save", [save_file, torch.save])
def test_the_head_of_a_file_says_how_to_read_it(save, ending, network, tmp_path):
    save(network.state_dict(), tmp_path / f"mine{ending}")
    loaded = weights.read_weights(tmp_path / f"mine{ending}")
    assert torch.equal(loaded.tensors["fc.bias"], network.fc.bias)


def test_numbers_of_numpy_and_defaultdicts_beside_the_weights_are_no_hindrance(network, tmp_path):
    history = collections.defaultdict(list, {"loss": [np.float64(3)]})
    held = {"state_dict": network.state_dict(), "best": np.float32(3), "history": history}
    torch.save(held, tmp_path / "mine.pt")
    loaded = weights.read_weights(tmp_path / "mine.pt")
    assert torch.equal(loaded.tensors["fc.bias"], network.fc.bias)


def test_a_file_that_was_saved_without_checksums_inside_is_read(network, tmp_path):
    before = torch.serialization.get_crc32_options()
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(network.state_dict(), tmp_path / "mine.pt")
    finally:
        torch.serialization.set_crc32_options(before)
    loaded = weights.read_weights(tmp_path / "mine.pt")
    assert torch.equal(loaded.tensors["fc.bias"], network.fc.bias)


def test_a_list_is_looked_through(network):
    loaded = weights.read_weights([network.state_dict()])
    assert torch.equal(loaded.tensors["fc.bias"], network.fc.bias)


def test_a_network_in_memory_is_copied_and_keeps_a_name_of_its_own():
    network = torchvision_resnet18(num_classes=7)
    loaded = weights.read_weights(network, size=96)
    before = backbone.fingerprint(loaded.tensors)
    assert (loaded.name, loaded.transform.size) == ("ResNet in memory", 96)
    nn.init.zeros_(network.conv1.weight)
    network.train()(torch.rand(2, 3, 64, 64))
    assert backbone.fingerprint(loaded.tensors) == before
    assert weights.read_weights(network.state_dict()).name == "state dict in memory"


def test_weights_that_were_read_are_taken_as_they_are(resnet, caplog):
    loaded = weights.read_weights()
    again = weights.read_weights(loaded, size=96)
    assert (again.name, again.transform.size, again.classes) == ("bundled", 96, loaded.classes)
    assert backbone.fingerprint(again.tensors) == backbone.fingerprint(loaded.tensors)
    assert weights.read_weights(loaded).transform == loaded.transform
    assert weights.read_weights(resnet).transform == resnet.transform
    (line,) = (record.getMessage() for record in caplog.records)
    assert line.startswith("weights 'Backbone in memory': ")


def test_weights_can_be_compared():
    loaded = weights.read_weights()
    assert loaded == loaded
    assert loaded != weights.read_weights()


@pytest.mark.parametrize("name", ["bundled", "untrained"])
def test_of_weights_that_featlib_knows_nothing_is_said(name, caplog):
    weights.read_weights(name)
    assert not caplog.records


def test_a_size_is_said_only_where_nothing_names_one(network, caplog):
    weights.read_weights(network, size=64)
    assert not caplog.records


def test_torchvisions_own_file_is_known_by_its_checksum(network, tmp_path, caplog, monkeypatch):
    torch.save(network.state_dict(), tmp_path / "mine.pth")
    digest = hashlib.sha256((tmp_path / "mine.pth").read_bytes()).hexdigest()
    assert any(one in weights.TORCHVISION_URL for one in weights._PUBLISHED)
    monkeypatch.setattr(weights, "_PUBLISHED", (digest[:8],))
    loaded = weights.read_weights(tmp_path / "mine.pth")
    assert len(loaded.classes) == 1000
    assert "torchvision's own, which were trained on photographs of 224×224" in caplog.text


@pytest.mark.usefixtures("empty_cache")
@pytest.mark.parametrize(
    "name", ["IMAGENET1K_V1", "DEFAULT", ResNet18_Weights.DEFAULT, "ResNet18_Weights.IMAGENET1K_V1"]
)
def test_torchvisions_names_for_its_weights_are_known(name, monkeypatch):
    monkeypatch.setattr(weights, "TORCHVISION_URL", "http://127.0.0.1:9/resnet18-00000000.pth")
    with pytest.raises(FeatlibError, match=r"torchvision's weights from http://127\.0\.0\.1"):
        weights.read_weights(name)


STRAY = {
    "a list": b"[1, 2]",
    "of another tool": b'{"model_type": "resnet", "num_labels": 7}',
    "cut off": b'{"model_type": "res',
    "no text": b"\xff\xfe{",
    "empty": b"",
    "a line each": b'{"size": 64}\n{"size": 65}\n',
    "no checksum": b'{"sha256": null}',
    "half a checksum": b'{"sha256": "00", "size": 64}',
}


@pytest.mark.parametrize("case", STRAY)
def test_json_that_is_no_card_is_left_aside(case, network, tmp_path, caplog):
    torch.save(network.state_dict(), tmp_path / "mine.pt")
    (tmp_path / "mine.json").write_bytes(STRAY[case])
    loaded = weights.read_weights(tmp_path / "mine.pt", size=64)
    assert loaded.transform.mean == weights.IMAGENET_TRANSFORM.mean
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "'mine.json' is no card of featlib's and was left aside" in caplog.text


def test_the_classes_of_a_card_may_be_names_alone(network, tmp_path):
    torch.save(network.state_dict(), tmp_path / "mine.pt")
    (tmp_path / "mine.json").write_text('{"classes": ["cat", {"name": "dog"}]}')
    assert weights.read_weights(tmp_path / "mine.pt").classes == ("cat", "dog")


def striped(folder, n=20, side=128):
    """Write two classes whose pictures differ only in which way their stripes of a pixel run.

    Halved in size, each becomes one plain color: the stripes fade out to all borders, and are
    equally strong in each square of four pixels.
    """
    colors = torch.randint(60, 190, (2, n, 3), generator=torch.Generator().manual_seed(0))
    ramp = torch.sin(torch.linspace(0, torch.pi, side // 2)) ** 2
    strength = (20 * ramp[:, None] * ramp).round().repeat_interleave(2, 0).repeat_interleave(2, 1)
    sign = 1 - 2 * (torch.arange(side) % 2)
    for k, (name, stripes) in enumerate({"across": sign[:, None], "down": sign[None, :]}.items()):
        (folder / name).mkdir(parents=True)
        for i, color in enumerate(colors[k]):
            picture = (color + (stripes * strength)[..., None]).to(torch.uint8)
            Image.fromarray(picture.numpy()).save(folder / name / f"{i}.png")
    return folder


def test_what_only_128_pixels_show_is_learned_with_weights_whose_card_says_128(tmp_path):
    folder, mine = striped(tmp_path / "stripes"), tmp_path / "mine.safetensors"
    save_file(weights.read_weights().tensors, mine)
    mine.with_suffix(".json").write_text('{"size": 128}')
    options = {"baselines": False, "cache": False, "progress": False, "epochs": 20}
    fine = lesson.run(folder, weights=mine, **options)
    coarse = lesson.run(folder, weights=mine, size=64, **options)
    assert (fine.images.pixels.shape[-1], coarse.images.pixels.shape[-1]) == (128, 64)
    assert fine.report.accuracy == 1
    assert torch.equal(*coarse.images.pixels.flatten(2).aminmax(dim=2)), "plain colors"
    assert coarse.report.accuracy < 0.8
