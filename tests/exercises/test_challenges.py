"""The challenges: each solution passes its checker, and each broken version fails with a reason.

Both are read from the notebook itself, so that notebook and checkers cannot drift apart.
"""

import copy
import json
import pickle
import random
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from sklearn.model_selection import GroupKFold, GroupShuffleSplit
from torch import nn
from torch.nn.functional import cross_entropy, one_hot
from torchvision.models.feature_extraction import create_feature_extractor
from torchvision.transforms.functional import normalize

import featlib
from featlib import backbone, images, preprocess
from featlib.exercises import challenges
from featlib.exercises.verdict import Failure, Verdict, attempt

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "10_challenge.ipynb"
# The learner's function, its checker, and what the checker finds in the broken version.
CHALLENGES = {
    "prepare": (challenges.check_prepare, "minimum"),
    "make_backbone": (challenges.check_backbone, "6×200; it was to give 512 features a picture"),
    "extract_features": (challenges.check_features, "when other pictures are beside it"),
    "split": (challenges.check_split, "have a drawing on each side"),
    "keep": (challenges.check_keep, "a `predict` that takes a picture and names its class"),
    "loss_of": (challenges.check_loss, "perfectly sure has the loss 1.46; it was to be 0.00"),
}
CHECKERS = [checker for checker, _ in CHALLENGES.values()]


class Unprintable:
    def __repr__(self):
        raise RuntimeError("no")

    def __len__(self):
        raise RuntimeError("no")


class Unexaminable:
    @property
    def dtype(self):
        raise RuntimeError("no")


@pytest.fixture(scope="module")
def cells():
    return nbformat.read(NOTEBOOK, as_version=4).cells


@pytest.fixture(scope="module")
def names(cells):
    """Return what the notebook's first cell imports."""
    [imports] = [c.source.split("\npictures =")[0] for c in cells if "\npictures =" in c.source]
    found = {}
    exec(imports, found)
    return found


def broken_code(cells, name):
    [source] = [c.source for c in cells if c.source.startswith("# Edit") and defines(c, name)]
    return source


def solution_code(cells, name):
    [source] = [c.source for c in cells if "<summary>Solution" in c.source and defines(c, name)]
    solution = source.split("<summary>Solution</summary>")[1]
    return re.search(r"```python\n(.+?)```", solution, re.DOTALL)[1]


def defines(cell, name):
    return f"def {name}(" in cell.source


def functions(code, name, names):
    found = dict(names)
    exec(code, found)
    return [found[name], found["restore"]] if name == "keep" else [found[name]]


def saved_verdict(cells, checker):
    call = f"challenges.{checker.__name__}("
    [output] = [c.outputs[0] for c in cells if c.source.startswith(call)]
    return output.data["text/plain"]


@pytest.mark.parametrize("name", CHALLENGES)
def test_the_solution_in_the_notebook_passes(cells, names, name):
    checker, _ = CHALLENGES[name]
    verdict = checker(*functions(solution_code(cells, name), name, names))
    assert verdict.passed, verdict


@pytest.mark.parametrize("name", CHALLENGES)
def test_the_broken_version_in_the_notebook_fails_for_its_own_reason(cells, names, name):
    checker, reason = CHALLENGES[name]
    verdict = checker(*functions(broken_code(cells, name), name, names))
    assert not verdict.passed
    assert reason in verdict.message
    assert saved_verdict(cells, checker) == repr(verdict)


@pytest.mark.parametrize("name", CHALLENGES)
def test_a_challenge_has_two_hints_and_a_folded_solution(cells, name):
    [text] = [c.source for c in cells if "<summary>Solution" in c.source and defines(c, name)]
    assert re.findall(r"<summary>(.+?)</summary>", text) == ["Hint 1", "Hint 2", "Solution"]
    assert text.count("<details>") == text.count("</details>") == 3


@pytest.mark.parametrize("name", CHALLENGES)
def test_a_message_does_not_give_the_solution_away(cells, names, name):
    checker, _ = CHALLENGES[name]
    message = checker(*functions(broken_code(cells, name), name, names)).message
    for word in ("eval", "Identity", "softmax", "twice", "GroupShuffleSplit", "set(", "mode"):
        assert word not in message


NONSENSE = {
    "nothing": None,
    "a number": 7,
    "text": "prepare",
    "a tensor": torch.zeros(3),
    "what cannot be printed": Unprintable(),
    "a function that gives nothing": lambda *_: None,
    "a function that gives text": lambda *_: "done",
    "a function that gives a list": lambda *_: [[1, 2], [3]],
    "a function that gives a pair of nothing": lambda *_: (None, None),
    "a function that gives what cannot be printed": lambda *_: Unprintable(),
    "a function that gives what cannot be looked at": lambda *_: Unexaminable(),
    "a function that gives an array": lambda *_: np.zeros((6, 512)),
    "a function that gives NaN": lambda *_: torch.full((5, 512), torch.nan),
    "a function of no parameters": lambda: None,
    "a function of too many": lambda a, b, c, d, e: None,
    "a function that stops": lambda *_: 1 / 0,
    "a function that exits": lambda *_: exit(),
    "a class": dict,
}


@pytest.mark.parametrize("checker", CHECKERS)
@pytest.mark.parametrize("given", NONSENSE.values(), ids=NONSENSE)
def test_whatever_a_checker_is_given_it_answers_kindly(checker, given):
    verdict = checker(given)
    assert isinstance(verdict, Verdict)
    assert not verdict.passed
    assert len(verdict.message) > 20
    assert "Traceback" not in verdict.message


def test_an_interrupt_is_not_swallowed():
    def interrupted(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        challenges.check_loss(interrupted)


def test_a_verdict_is_said_in_words_and_sign():
    passed, failed = Verdict(True, "all <well>"), Verdict(False, "too few")
    assert repr(passed) == "✓ Passed. all <well>"
    assert repr(failed) == "✗ Not yet. too few"
    assert "<strong>✓ Passed.</strong> all &lt;well&gt;" in passed._repr_html_()
    assert "✗ Not yet." in failed._repr_html_()


def test_attempt_passes_on_what_comes_and_turns_errors_into_findings():
    assert attempt(max, 1, 2) == 2
    with pytest.raises(Failure, match="ZeroDivisionError: division by zero"):
        attempt(lambda: 1 / 0)
    with pytest.raises(Failure, match="by its name and without parentheses"):
        attempt(None)
    with pytest.raises(Failure, match="no message"):
        attempt(lambda: (_ for _ in ()).throw(ValueError))


def assert_finds(verdict, words):
    assert not verdict.passed, words
    assert words in verdict.message, verdict


def assert_passes(verdict):
    assert verdict.passed, verdict


# Challenge 1


def prepared(pixels, mean, std):
    return (pixels.float() / 255 - mean) / std


def by_own_extremes(p, m, s):
    low, high = p.min(), p.max()
    return ((p.float() - low) / (high - low) - m) / s


WRONG_PREPARE = {
    "maximum 255.0": lambda p, m, s: p.float(),
    "maximum 1.0": lambda p, m, s: p.float() / 255,
    "float64": lambda p, m, s: prepared(p, m, s).double(),
    "10×64×64×3": lambda p, m, s: prepared(p, m, s).permute(0, 2, 3, 1),
    "not every value: one is off by": lambda p, m, s: prepared(p, m, s).flip(0),
    "With another mean and std": lambda p, m, s: prepared(p, *imagenet()),
    "others now": lambda p, m, s: prepared(p, m, s) + 0 * p.zero_(),
    "With fewer and darker pictures, your images": lambda p, m, s: (p / p.max() - m) / s,
    "darker pictures, your images have minimum -2.1": by_own_extremes,
    "the range is right, but not every value: one is off by 0.2": lambda p, m, s: (
        (p / p.amax((1, 2, 3), keepdim=True) - m) / s
    ),
    "one is off by 0.0": lambda p, m, s: (p.float() / 256 - m) / s,
    "float32 tensor 10×3×64×64": lambda p, m, s: prepared(p[:1], m, s),
    "gave float32 tensor 10×3×64×64; it was to give prepared images: a float32 tensor 7×3×64×64": (
        lambda p, m, s: prepared(torch.cat([p, p])[:10], m, s)
    ),
}


def by_channel(pixels, mean, std):
    made = torch.empty(pixels.shape)
    for k in range(3):
        made[:, k] = (pixels[:, k] / 255 - mean[k]) / std[k]
    return made


def by_featlib(pixels, mean, std):
    transform = preprocess.Transform(mean.flatten().tolist(), std.flatten().tolist(), 64)
    return preprocess.prepare(pixels, transform)


def by_numpy(pixels, mean, std):
    return torch.from_numpy((pixels.numpy() / np.float32(255) - mean.numpy()) / std.numpy())


RIGHT_PREPARE = {
    "by hand": prepared,
    "by featlib": by_featlib,
    "by torchvision": lambda p, m, s: normalize(
        p / 255, m.flatten().tolist(), s.flatten().tolist()
    ),
    "in place": lambda p, m, s: p.float().div_(255).sub_(m).div_(s),
    "by NumPy": by_numpy,
    "by channel": by_channel,
    "in one step": lambda p, m, s: p * (1 / (255 * s)) - m / s,
}


def imagenet():
    transform = backbone.resnet18().transform
    return (torch.tensor(v)[:, None, None] for v in (transform.mean, transform.std))


@pytest.mark.parametrize("reason", WRONG_PREPARE)
def test_other_ways_to_prepare_wrongly(reason):
    assert_finds(challenges.check_prepare(WRONG_PREPARE[reason]), reason)


@pytest.mark.parametrize("way", RIGHT_PREPARE)
def test_other_ways_to_prepare_rightly(way):
    assert_passes(challenges.check_prepare(RIGHT_PREPARE[way]))


# Challenge 2


class Body(nn.Module):
    """A backbone with something done to what goes in, or to what comes out."""

    def __init__(self, after=lambda x: x, before=lambda x: x, weights="bundled"):
        super().__init__()
        self.body = backbone.resnet18(weights)
        self.after, self.before = after, before

    def forward(self, x):
        return self.after(self.body(self.before(x)))


class InTraining(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = without_fc()

    def forward(self, x):
        return self.body.train()(x)


def without_fc():
    network = copy.deepcopy(backbone.resnet18().network)
    network.fc = nn.Identity()
    return network


def layers(stop):
    return nn.Sequential(*list(copy.deepcopy(backbone.resnet18().network).children())[:stop])


WRONG_BACKBONES = {
    "differ by": lambda: Body(weights="untrained"),
    "6×512×1×1": lambda: layers(-1),
    "6×512×2×2": lambda: layers(-2),
    "gave float32 tensor 6×10; ": lambda: nn.Sequential(without_fc(), nn.Linear(512, 10)),
    "not those that the pretrained layers give": lambda: Body(after=lambda x: x / x.norm()),
    "differ by 100%": lambda: Body(after=lambda x: 0 * x),
    "the pretrained layers": lambda: Body(before=lambda x: x / 255),
    "they differ": InTraining,
    "gave float32 tensor 512; it was to give 512 features a picture: a float32 tensor 1×512": (
        lambda: Body(after=torch.squeeze)
    ),
    "it was to give a network": lambda: without_fc().forward,
    "stopped with RuntimeError": lambda: without_fc().double(),
    "type ": lambda: InTraining,
}
RIGHT_BACKBONES = {
    "featlib's": backbone.resnet18,
    "without fc": without_fc,
    "its layers and a flattening": lambda: nn.Sequential(layers(-1), nn.Flatten()),
    "in training mode": lambda: without_fc().train(),
    "wrapped": Body,
    "cut by torchvision": lambda: nn.Sequential(
        Only(create_feature_extractor(without_fc(), ["flatten"]))
    ),
}


class Only(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.body = body

    def forward(self, x):
        return self.body(x)["flatten"]


@pytest.mark.parametrize("reason", WRONG_BACKBONES)
def test_other_wrong_backbones(reason):
    assert_finds(challenges.check_backbone(WRONG_BACKBONES[reason]), reason)


@pytest.mark.parametrize("way", RIGHT_BACKBONES)
def test_other_right_backbones(way):
    assert_passes(challenges.check_backbone(RIGHT_BACKBONES[way]))


# Challenge 3


def wrong_features():
    def too_late(network, batch):
        with torch.no_grad():
            made = network(batch)
        network.eval()
        return made

    def with_gradients(network, batch):
        return network.eval()(batch)

    def changed(network, batch):
        with torch.no_grad():
            network.eval()
            made = network(batch)
            network.conv1.weight.mul_(2)
        return made

    def constant(network, batch):
        return torch.ones(len(batch), 512)

    @torch.no_grad()
    def one_by_one(network, batch):
        return torch.cat([copy.deepcopy(network)(picture[None]) for picture in batch])

    kept = []

    @torch.no_grad()
    def the_first_batch_again(network, batch):
        kept.append(network.eval()(batch))
        return kept[0][: len(batch)]

    @torch.no_grad()
    def squeezed(network, batch):
        return network.eval()(batch).squeeze()

    @torch.no_grad()
    def without_a_copy(network, batch):
        network.eval()
        network.bn1.reset_running_stats()
        return network(batch)

    return {
        "beside it in the batch": too_late,
        "carry gradients": with_gradients,
        "changed 1 of the 120 tensors": changed,
        "features differ by 88% from those of the frozen network": constant,
        "from those of the frozen network": one_by_one,
        "the frozen network": the_first_batch_again,
        "gave float32 tensor 512; it was to give 512 features a picture": squeezed,
        "changed 2 of the 120": without_a_copy,
    }


def with_hook(network, batch):
    kept = []
    hook = network.avgpool.register_forward_hook(lambda *given: kept.append(given[-1]))
    with torch.inference_mode():
        network.eval()(batch)
    hook.remove()
    return kept[0].flatten(1).clone()


@torch.no_grad()
def with_mode_restored(network, batch):
    made = network.eval()(batch)
    network.train()
    return made


@torch.no_grad()
def in_small_batches(network, batch):
    network.eval()
    return torch.cat([network(part) for part in batch.split(2)])


RIGHT_FEATURES = {
    "by featlib": lambda network, batch: backbone.resnet18()(batch),
    "of a copy": lambda network, batch: copy.deepcopy(network).eval()(batch).detach(),
    "with a hook": with_hook,
    "with the mode restored": with_mode_restored,
    "in small batches": in_small_batches,
}


@pytest.mark.parametrize("reason", wrong_features())
def test_other_ways_to_extract_wrongly(reason):
    assert_finds(challenges.check_features(wrong_features()[reason]), reason)


@pytest.mark.parametrize("way", RIGHT_FEATURES)
def test_other_ways_to_extract_rightly(way):
    assert_passes(challenges.check_features(RIGHT_FEATURES[way]))


# Challenge 4


def honest(groups, seed):
    names = sorted(set(groups))
    aside = set(np.random.default_rng(seed).choice(names, len(names) // 5, replace=False))
    rows = np.arange(len(groups))
    held_out = np.array([name in aside for name in groups])
    return rows[~held_out], rows[held_out]


def wrong_splits():
    def swapped(groups, seed):
        return honest(groups, seed)[::-1]

    def masks(groups, seed):
        train, _ = honest(groups, seed)
        return np.isin(np.arange(1000), train), ~np.isin(np.arange(1000), train)

    def always_the_same(groups, seed):
        return honest(groups, 0)

    def by_clock(groups, seed, calls=[]):  # noqa: B006
        calls.append(seed)
        return honest(groups, len(calls))

    def twice(groups, seed):
        train, held_out = honest(groups, seed)
        return [*train, held_out[0]], held_out

    def incomplete(groups, seed):
        train, held_out = honest(groups, seed)
        return train[1:], held_out

    def two_classes(groups, seed):
        """Take a block of emoji, which stand in the order of their classes."""
        names = sorted(set(groups))
        start = random.Random(seed).randrange(len(names) - 138)
        return sides(groups, names[start : start + 138])

    def every_fifth(groups, seed):
        return sides(groups, sorted(set(groups))[seed % 5 :: 5])

    def one_more(groups, seed):
        names = random.Random(0).sample(sorted(set(groups)), len(set(groups)))
        return sides(groups, names[seed : seed + 138])

    def by_picture(groups, seed):
        order = np.random.default_rng(seed).permutation(len(groups))
        return order[200:], order[:200]

    def one_leaks(groups, seed):
        train, held_out = (list(side) for side in honest(groups, seed))
        twin = next(i for i in held_out if sum(groups[i] == groups[k] for k in held_out) > 1)
        held_out.remove(twin)
        return [*train, twin], held_out

    def from_one(groups, seed):
        return [side + 1 for side in honest(groups, seed)]

    return {
        "are for validation; it was to be about one in five": swapped,
        "two lists of row numbers": masks,
        "Seeds 0 and 1 gave the same split": always_the_same,
        "The same seed gave another split": by_clock,
        "Row numbers that are there twice: 1": twice,
        "999 of the 1000 pictures are on one of the sides": incomplete,
        "are for validation; by chance it is about one in five of each class": two_classes,
        "Seeds 0 and 5 gave the same split": every_fifth,
        "% are those of seed 1, too": one_more,
        "emoji have a drawing on each side": by_picture,
        "1 emoji have a drawing on each side": one_leaks,
        "and no other row number": from_one,
    }


def sides(groups, aside):
    aside = set(aside)
    held_out = [i for i, group in enumerate(groups) if group in aside]
    return [i for i, group in enumerate(groups) if group not in aside], held_out


def lists(groups, seed):
    return [side.tolist() for side in honest(groups, seed)]


def until_200(groups, seed):
    names, aside, count = sorted(set(groups)), set(), 0
    random.seed(seed)
    random.shuffle(names)
    while count < 200:
        aside.add(names[-1])
        count += groups.count(names.pop())
    return sides(groups, aside)


def first_fold(groups, seed):
    folds = GroupKFold(5, shuffle=True, random_state=seed)
    return next(folds.split(groups, groups=groups))


def ready_made(groups, seed):
    drawn = GroupShuffleSplit(1, test_size=0.2, random_state=seed)
    return next(drawn.split(groups, groups=groups))


RIGHT_SPLITS = {
    "arrays": honest,
    "lists": lists,
    "tensors": lambda groups, seed: tuple(map(torch.from_numpy, honest(groups, seed))),
    "sets": lambda groups, seed: tuple(set(side) for side in lists(groups, seed)),
    "emoji by emoji until 200": until_200,
    "the first of five folds": first_fold,
    "ready-made": ready_made,
}


@pytest.mark.parametrize("reason", wrong_splits())
def test_other_ways_to_split_wrongly(reason):
    assert_finds(challenges.check_split(wrong_splits()[reason]), reason)


@pytest.mark.parametrize("way", RIGHT_SPLITS)
def test_other_ways_to_split_rightly(way):
    assert_passes(challenges.check_split(RIGHT_SPLITS[way]))


def test_the_bundled_split_has_no_leak():
    pictures = images.load()
    sides = [set(pictures.groups[rows].tolist()) for rows in (pictures.train, pictures.validation)]
    assert not sides[0] & sides[1]


def test_to_split_by_captions_leaks():
    """Drawings of one emoji may have other captions: in other skin tones, for one."""
    pictures = images.load()
    order = torch.randperm(1000, generator=torch.Generator().manual_seed(1)).tolist()
    captions = [pictures.captions[i] for i in order]
    verdict = challenges.check_split(lambda groups, seed: honest(captions, seed))
    assert "emoji have a drawing on each side" in verdict.message


# Challenge 5


def chosen(logits, labels):
    return logits.log_softmax(1)[range(len(labels)), labels]


def used_up(logits, labels):
    loss = cross_entropy(logits, labels)
    loss.backward()
    return loss


WRONG_LOSSES = {
    "called `backward()` itself": used_up,
    "it was to be 2.30": lambda z, y: cross_entropy(z, y, reduction="sum"),
    "perfectly sure has the loss -1.00": lambda z, y: -z.softmax(1)[range(7), y].mean(),
    "not the gradient that flows": lambda z, y: cross_entropy(z.detach(), y),
    "not the gradient": lambda z, y: torch.tensor(cross_entropy(z, y).item(), requires_grad=True),
    "but not the gradient": lambda z, y: cross_entropy(z.detach(), y) + 0 * z.sum(),
    "float32 tensor of a single number": lambda z, y: cross_entropy(z, y).item(),
    "gave float32 tensor 7;": lambda z, y: cross_entropy(z, y, reduction="none"),
    "has the loss": lambda z, y: cross_entropy(z, torch.arange(len(z))),
    "sure has the loss": lambda z, y: -z.log_softmax(1).diag().mean(),
    "stopped with RuntimeError": lambda z, y: -z.log_softmax(1).gather(0, y[None]).mean(),
    "often sure and wrong has the loss": lambda z, y: -z.log_softmax(1).max(1).values.mean(),
    "prefers no class has the loss 1.95": lambda z, y: -z.log_softmax(0)[range(7), y].mean(),
    "the loss 1.46; it was to be 0.00": lambda z, y: cross_entropy(z.softmax(1), y),
    "prefers no class has the loss -2.30": lambda z, y: chosen(z, y).mean(),
    "prefers no class has the loss 1.00; it was to be 2.30": (
        lambda z, y: -chosen(z, y).mean() / np.log(10)
    ),
    "and wrong has the loss": lambda z, y: cross_entropy(z, y, label_smoothing=0.1),
    "often sure and wrong": lambda z, y: cross_entropy(z, y, weight=torch.arange(1.0, 11)),
    "has the loss 0.09": lambda z, y: nn.functional.mse_loss(z.softmax(1), one_hot(y, 10).float()),
}


def by_sums(z, y):
    return (z.exp().sum(1).log() - z.gather(1, y[:, None])[:, 0]).mean()


def one_by_one(z, y):
    return torch.stack([cross_entropy(a, b) for a, b in zip(z, y, strict=True)]).mean()


RIGHT_LOSSES = {
    "a function": cross_entropy,
    "a module": nn.CrossEntropyLoss(),
    "in two steps": lambda z, y: nn.functional.nll_loss(z.log_softmax(1), y),
    "picked": lambda z, y: -chosen(z, y).sum() / len(y),
    "by the definition": lambda z, y: -z.softmax(1)[torch.arange(len(y)), y].log().mean(),
    "by sums": by_sums,
    "of shares": lambda z, y: cross_entropy(z, one_hot(y, 10).float()),
    "one by one": one_by_one,
}


@pytest.mark.parametrize("reason", WRONG_LOSSES)
def test_other_wrong_losses(reason):
    assert_finds(challenges.check_loss(WRONG_LOSSES[reason]), reason)


def test_what_is_checked_can_be_given_by_its_name():
    assert_passes(challenges.check_loss(loss_of=cross_entropy))


@pytest.mark.parametrize("way", RIGHT_LOSSES)
def test_any_way_to_write_cross_entropy_passes(way):
    assert_passes(challenges.check_loss(RIGHT_LOSSES[way]))


# Challenge 6


class Kept:
    """What a learner may write: a head, a network, and the names of the classes."""

    def __init__(self, head, classes, network, transform):
        self.head, self.classes, self.network, self.transform = head, classes, network, transform

    @torch.no_grad()
    def predict(self, picture):
        features = self.network(preprocess.prepare(picture[None], self.transform))
        return self.classes[int(self.head(features).argmax())]


def layer(state):
    made = nn.Linear(512, 10)
    made.load_state_dict(state)
    return made


def keep_by_hand(lesson, folder):
    save_file(lesson.head.state_dict(), folder / "head.safetensors")
    facts = {"classes": lesson.images.classes, "network": lesson.weights.name}
    (folder / "facts.json").write_text(json.dumps(facts))


def restore_by_hand(folder, network=None):
    facts = json.loads((folder / "facts.json").read_text())
    body = backbone.resnet18(network or facts["network"])
    head = layer(load_file(folder / "head.safetensors"))
    return Kept(head, facts["classes"], body, body.transform)


def keep_numbers(lesson, folder):
    everything = {
        "head": lesson.head.state_dict(),
        "body": lesson.weights.state(),
        "classes": list(lesson.images.classes),
    }
    torch.save(everything, folder / "all.pt")


def restore_numbers(folder, only=True):
    found = torch.load(folder / "all.pt", weights_only=only)
    body = backbone.resnet18(found["body"])
    transform = backbone.resnet18().transform
    return Kept(layer(found["head"]), found["classes"], body, transform)


def keep_pickle(lesson, folder):
    (folder / "lesson.pkl").write_bytes(pickle.dumps(lesson))


class Speaking:
    def __init__(self, predict):
        self.predict = predict


def restore_pickle(folder):
    lesson = pickle.loads((folder / "lesson.pkl").read_bytes())
    return Speaking(lambda picture: lesson.predict(picture).label)


STASH = []


def keep_in_memory(lesson, folder):
    STASH.append(copy.deepcopy(lesson))
    (folder / "something").touch()


def keep_a_path(lesson, folder):
    save(lesson, folder)
    STASH.append(folder)


def save(lesson, folder):
    lesson.save(folder)


def with_names_from_memory(folder):
    kept = restore_by_hand(folder)
    kept.classes = images.load().classes
    return kept


def without_folder(lesson, folder):
    save_file(lesson.head.state_dict(), folder.parent / "head.safetensors")


WRONG_KEEP = {
    "left the folder empty": (lambda *_: None, featlib.load),
    "folder empty; a later": (without_folder, featlib.load),
    "10 of 10 pictures get another answer from what was kept, such as str": (
        keep_by_hand,
        with_names_from_memory,
    ),
    "A lesson on another network": (keep_by_hand, lambda f: restore_by_hand(f, "bundled")),
    "A lesson with other names of classes: 10 of 10": (
        keep_in_memory,
        lambda f: Speaking(lambda picture: STASH[-1].predict(picture).label),
    ),
    "stopped with FeatlibError": (keep_a_path, lambda f: featlib.load(STASH[-1])),
    "code that was put into 'all.pt' ran": (keep_numbers, lambda f: restore_numbers(f, False)),
    "code that was put into 'lesson.pkl' ran": (keep_pickle, restore_pickle),
    "a `predict` that takes a picture": (save, lambda f: layer(load_file(f / "head.safetensors"))),
    "PredictionTrace": (save, lambda f: Speaking(featlib.load(f).explain)),
    "such as int": (save, lambda f: Speaking(lambda picture: 3)),
    "stopped with TypeError": (save, lambda f: Speaking(lambda a, b: "face")),
    "Your function is due here": (save,),
}
RIGHT_KEEP = {
    "by featlib": (save, featlib.load),
    "by hand": (keep_by_hand, restore_by_hand),
    "all numbers": (keep_numbers, restore_numbers),
    "read when asked": (save, lambda f: Speaking(lambda picture: featlib.load(f).predict(picture))),
    "in a folder of its own": (
        lambda lesson, f: lesson.save(f / "model"),
        lambda f: featlib.load(f / "model"),
    ),
}


@pytest.mark.parametrize("reason", WRONG_KEEP)
def test_other_ways_to_keep_wrongly(reason):
    assert_finds(challenges.check_keep(*WRONG_KEEP[reason]), reason)


@pytest.mark.parametrize("way", RIGHT_KEEP)
def test_other_ways_to_keep_rightly(way):
    assert_passes(challenges.check_keep(*RIGHT_KEEP[way]))
