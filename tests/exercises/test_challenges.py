"""The challenges: each solution passes its checker, and each broken version fails with a reason.

Both are read from the notebook itself, so that notebook and checkers cannot drift apart.
"""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

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


def function(code, name, names):
    found = dict(names)
    exec(code, found)
    return found[name]


def saved_verdict(cells, checker):
    call = f"challenges.{checker.__name__}("
    [output] = [c.outputs[0] for c in cells if c.source.startswith(call)]
    return output.data["text/plain"]


@pytest.mark.parametrize("name", CHALLENGES)
def test_the_solution_in_the_notebook_passes(cells, names, name):
    checker, _ = CHALLENGES[name]
    verdict = checker(function(solution_code(cells, name), name, names))
    assert verdict.passed, verdict


@pytest.mark.parametrize("name", CHALLENGES)
def test_the_broken_version_in_the_notebook_fails_for_its_own_reason(cells, names, name):
    checker, reason = CHALLENGES[name]
    verdict = checker(function(broken_code(cells, name), name, names))
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
    message = checker(function(broken_code(cells, name), name, names)).message
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


def prepared(pixels, mean, std):
    return (pixels.float() / 255 - mean) / std


class Speaking:
    def __init__(self, predict, folder):
        self.predict = predict
        (folder / "something").touch()


def saved(lesson, folder):
    return featlib.load(lesson.save(folder))


WRONG_KEEP = {
    "left the folder empty": lambda lesson, folder: lesson,
    "10 of 10 pictures get another answer from what was kept: PredictionTrace": (
        lambda lesson, folder: saved(lesson, folder) and lesson
    ),
    "where the lesson says": lambda lesson, folder: Speaking(  # still needs the lesson in memory
        lambda picture: saved(lesson, folder).predict(picture), folder
    ),
    "stopped with TypeError": lambda lesson, folder: Speaking(lambda a, b: "face", folder),
}


@pytest.mark.parametrize("reason", WRONG_KEEP)
def test_other_ways_to_keep_wrongly(reason):
    verdict = challenges.check_keep(WRONG_KEEP[reason])
    assert not verdict.passed
    assert reason in verdict.message


WRONG_PREPARE = {
    "maximum 255.0": lambda p, m, s: p.float(),
    "maximum 1.0": lambda p, m, s: p.float() / 255,
    "float64": lambda p, m, s: prepared(p, m, s).double(),
    "10×64×64×3": lambda p, m, s: prepared(p, m, s).permute(0, 2, 3, 1),
    "not each value is in its place": lambda p, m, s: prepared(p, m, s).flip(0),
    "With another mean and std": lambda p, m, s: prepared(p, *imagenet()),
    "others now": lambda p, m, s: prepared(p, m, s) + 0 * p.zero_(),
}


def imagenet():
    transform = backbone.resnet18().transform
    return (torch.tensor(v)[:, None, None] for v in (transform.mean, transform.std))


@pytest.mark.parametrize("reason", WRONG_PREPARE)
def test_other_ways_to_prepare_wrongly(reason):
    verdict = challenges.check_prepare(WRONG_PREPARE[reason])
    assert not verdict.passed
    assert reason in verdict.message


def test_another_way_to_prepare_passes():
    def by_featlib(pixels, mean, std):
        transform = preprocess.Transform(mean.flatten().tolist(), std.flatten().tolist(), 64)
        return preprocess.prepare(pixels, transform)

    assert challenges.check_prepare(by_featlib).passed
    assert challenges.check_prepare(prepared).passed


def test_a_backbone_of_the_right_shape_but_other_numbers_is_found():
    untrained = backbone.resnet18("untrained")
    verdict = challenges.check_backbone(lambda: untrained)
    assert "not those that the pretrained layers give" in verdict.message


def test_a_backbone_cut_off_before_the_flattening_is_found():
    def cut():
        return nn.Sequential(*list(backbone.resnet18().network.children())[:-1])

    assert "6×512×1×1" in challenges.check_backbone(cut).message
    assert challenges.check_backbone(lambda: nn.Sequential(cut(), nn.Flatten())).passed


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

    return {
        "beside it in the batch": too_late,
        "carry gradients": with_gradients,
        "changed 1 of the 120 tensors": changed,
        "from those of the frozen network": constant,
    }


@pytest.mark.parametrize("reason", wrong_features())
def test_other_ways_to_extract_wrongly(reason):
    verdict = challenges.check_features(wrong_features()[reason])
    assert not verdict.passed
    assert reason in verdict.message


def test_a_copy_of_the_network_may_be_used():
    resnet = backbone.resnet18()
    assert challenges.check_features(lambda network, batch: resnet(batch)).passed


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

    return {
        "are for validation; it was to be about one in five": swapped,
        "two lists of row numbers": masks,
        "Two seeds gave the same split": always_the_same,
        "The same seed gave another split": by_clock,
        "Row numbers that are there twice: 1": twice,
        "999 of the 1000 pictures are on one of the sides": incomplete,
    }


@pytest.mark.parametrize("reason", wrong_splits())
def test_other_ways_to_split_wrongly(reason):
    verdict = challenges.check_split(wrong_splits()[reason])
    assert not verdict.passed
    assert reason in verdict.message


def test_arrays_tensors_and_lists_of_row_numbers_all_do():
    def lists(groups, seed):
        return [side.tolist() for side in honest(groups, seed)]

    def tensors(groups, seed):
        return tuple(torch.from_numpy(side) for side in honest(groups, seed))

    for split in (honest, lists, tensors):
        verdict = challenges.check_split(split)
        assert verdict.passed, verdict


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


WRONG_LOSSES = {
    "it was to be 2.30": lambda logits, y: cross_entropy(logits, y, reduction="sum"),
    "perfectly sure has the loss -1.00": lambda logits, y: -logits.softmax(1)[range(10), y].mean(),
    "No gradient flows": lambda logits, y: cross_entropy(logits.detach(), y),
    "float32 tensor of a single number": lambda logits, y: cross_entropy(logits, y).item(),
}


@pytest.mark.parametrize("reason", WRONG_LOSSES)
def test_other_wrong_losses(reason):
    verdict = challenges.check_loss(WRONG_LOSSES[reason])
    assert not verdict.passed
    assert reason in verdict.message


def test_any_way_to_write_cross_entropy_passes():
    assert challenges.check_loss(cross_entropy).passed
    assert challenges.check_loss(nn.CrossEntropyLoss()).passed
    assert challenges.check_loss(lambda x, y: nn.functional.nll_loss(x.log_softmax(1), y)).passed
