"""The gaps: each solution is accepted, each usual mistake has its own words, nothing stops one.

Gap and solution are read from the notebook itself, so that it cannot drift away from its checker.
"""

import contextlib
import copy
import re
import tempfile
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from sklearn.metrics import recall_score
from torch import nn
from torch.nn.functional import cross_entropy
from torchvision.models import resnet18
from torchvision.models.feature_extraction import create_feature_extractor
from torchvision.transforms.functional import normalize, pil_to_tensor
from torchvision.transforms.v2.functional import to_image

import featlib
from featlib import backbone, images, preprocess, weights
from featlib.exercises import gaps
from featlib.exercises.verdict import Verdict

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
WITH_GAPS = ("01", "02", "03", "04", "05", "06", "08")
LOGITS = torch.tensor([[2.0, 1.0, 0.0, -1.0], [0.5, 0.0, 3.0, 1.0]])
CONFUSION = np.array([[8, 1, 1], [4, 15, 1], [0, 10, 20]])


def cells(number):
    [path] = NOTEBOOKS.glob(f"{number}_*.ipynb")
    return {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}


def solution(number):
    text = cells(number)[f"{number}-gap-hints"].source.split("<summary>Solution</summary>")[1]
    return re.search(r"```python\n(.+?)```", text, re.DOTALL)[1]


@pytest.fixture(scope="module")
def names():
    """Return what a notebook has made before its gap, as far as a gap uses it."""
    pictures, resnet = images.load(), backbone.resnet18()
    mean, std = (
        torch.tensor(v)[:, None, None] for v in (resnet.transform.mean, resnet.transform.std)
    )

    class Report:
        confusion = CONFUSION

    return {
        "Image": Image, "Path": Path, "backbone": backbone, "featlib": featlib, "images": images,
        "load_file": load_file, "mean": mean, "nn": nn, "np": np, "pictures": pictures,
        "preprocess": preprocess, "pretrained": resnet, "report": Report, "resnet": resnet,
        "resnet18": resnet18, "rows": LOGITS, "std": std, "tempfile": tempfile, "torch": torch,
        "layer": nn.Identity(), "unseen": torch.tensor([0, 1, 0]), "weights": weights,
    }  # fmt: skip


def verdict_of(code, names):
    """Run a cell, and return what its last line gives."""
    *before, last = code.strip().splitlines()
    found = dict(names)
    exec("\n".join(before), found)
    return eval(last, found)


def unfilled(number):
    """Return the code of a gap's cell, and of the one below it that checks it."""
    found = cells(number)
    return "\n\n\n".join(found[f"{number}-gap-{part}"].source for part in ("code", "check"))


def filled(number):
    """Return the same with the solution in its place."""
    code = unfilled(number)
    inner = solution(number).rstrip()
    if inner.startswith("def "):
        return re.sub(r"^def .+?\n(?=\n\n)", lambda _: inner + "\n", code, flags=re.DOTALL | re.M)
    return re.sub(r"^\w+ = \.\.\..*$", lambda _: inner, code, flags=re.MULTILINE)


@pytest.mark.parametrize("number", WITH_GAPS)
def test_with_the_solution_the_gap_is_passed(number, names):
    assert "..." not in filled(number)
    verdict = verdict_of(filled(number), names)
    assert verdict.passed, verdict


@pytest.mark.parametrize("number", WITH_GAPS)
def test_unfilled_the_cell_runs_and_says_so_in_one_line(number, names):
    verdict = verdict_of(unfilled(number), names)
    assert not verdict.passed
    assert repr(verdict).startswith("✎ Your turn. Not filled in yet. ")
    assert "\n" not in repr(verdict)
    assert "✎ Your turn." in verdict._repr_html_()


@pytest.mark.parametrize("number", WITH_GAPS)
def test_a_gap_has_four_cells_in_a_row_with_two_hints_and_a_folded_solution(number):
    all_of = cells(number)
    at = list(all_of).index(f"{number}-gap")
    ids = [f"{number}-gap{part}" for part in ("", "-code", "-check", "-hints")]
    assert list(all_of)[at : at + 4] == ids
    text = all_of[ids[3]].source
    assert re.findall(r"<summary>(.+?)</summary>", text) == ["Hint 1", "Hint 2", "Solution"]
    assert text.count("<details>") == text.count("</details>") == 3
    code = unfilled(number)
    assert code.startswith("# Edit this cell.\n")
    assert code.count("...") == 1
    changed = set(filled(number).splitlines()) - set(code.splitlines())
    assert 1 <= len(changed) <= 3, "one to three lines"
    assert re.fullmatch(r"gaps\.check_\w+\(my_\w+(, \w+)?\)", code.splitlines()[-1])


@pytest.mark.parametrize("number", WITH_GAPS)
def test_no_other_cell_uses_what_is_made_in_the_gap(number):
    """So the notebook runs to its end, whatever is in it."""
    all_of = cells(number)
    code = all_of.pop(f"{number}-gap-code").source
    del all_of[f"{number}-gap-check"]
    made = set(re.findall(r"^(?:def )?(\w+)(?= = |\()", code, re.MULTILINE))
    others = "\n".join(cell.source for cell in all_of.values() if cell.cell_type == "code")
    assert made
    assert {name for name in made if re.search(rf"\b{name}\b", others)} == set()


# The usual mistakes


def first_picture():
    due = images.load().pixels[0]
    return due, due.permute(1, 2, 0).contiguous()


def test_each_mistake_with_the_axes_has_its_own_words():
    due, array = first_picture()
    wrong = {
        "`reshape` cuts": array.reshape(3, 64, 64),
        "still come last": array,
        "lies on its side": array.permute(2, 1, 0),
        "in the middle": array.permute(0, 2, 1),
        "Red and blue": due.flip(0),
        "a batch of one": due[None],
        "uint8 array 64×64×3, an array of NumPy": array.numpy(),
        "float32": due.float(),
        "not every number": due.flip(1),
        "have minimum 0.00": due // 2 * 0,
        "uint8 tensor 64×64;": array[..., 0],
        "uint8 tensor 12288": due.flatten(),
        "the numbers have": images.load().pixels[1],
    }
    all_have_their_words(gaps.check_tensor, wrong)
    all_pass(gaps.check_tensor, rightly_loaded())


def rightly_loaded():
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "first.png"
        images.load().picture(0).save(file)
        with Image.open(file) as picture:
            array = np.array(picture)
            return {
                "permuted": torch.from_numpy(array).permute(2, 0, 1),
                "moved": torch.from_numpy(np.moveaxis(array, -1, 0).copy()),
                "by Pillow": pil_to_tensor(picture),
                "as a picture": to_image(picture),
                "by channel": torch.stack([torch.tensor(array[..., k]) for k in range(3)]),
            }


def all_pass(checker, right, *given):
    for way, value in right.items():
        verdict = checker(value, *given)
        assert verdict.passed, (way, verdict)


def all_have_their_words(checker, wrong, *given):
    for words, value in wrong.items():
        verdict = checker(value, *given)
        assert not verdict.passed, words
        assert words in verdict.message, verdict
    said = [checker(value, *given).message for value in wrong.values()]
    assert len(set(said)) == len(said)


def test_each_mistake_in_preprocessing_has_its_own_words():
    one, transform = images.load().pixels[0], backbone.resnet18().transform
    mean, std = (torch.tensor(v)[:, None, None] for v in (transform.mean, transform.std))
    x = one / 255
    due = (x - mean) / std
    wrong = {
        "raw pixels": one.float(),
        "step 2, mean and std, is missing": x,
        "division by 255 is missing": (one - mean) / std,
        "Divided by 255 twice": (x / 255 - mean) / std,
        "Mean and std were applied twice": (due - mean) / std,
        "division by std is missing": x - mean,
        "not subtracted before": x / std,
        "parentheses": x - mean / std,
        "Multiplied by std": (x - mean) * std,
        "exchanged": (x - std) / mean,
        "added": (x + mean) / std,
        "uint8 tensor": one,
        "That is a batch": due[None],
        "NaN": due * torch.nan,
        "Divided by 256": (one / 256 - mean) / std,
        "the largest value of this picture": (one / one.max() - mean) / std,
        "mean and std of this picture": normalize(
            x, x.mean((1, 2)).tolist(), x.std((1, 2)).tolist()
        ),
        "The channels come last": due.permute(1, 2, 0),
        "float64": due.double(),
        "not every number: one is off by": due.flip(2),
        "the numbers have": (x - 0.5) / 0.5,
    }
    all_have_their_words(gaps.check_normalized, wrong)
    right = {
        "by hand": due,
        "by featlib": preprocess.prepare(one[None], transform)[0],
        "by torchvision": normalize(x, transform.mean, transform.std),
        "in one step": one * (1 / (255 * std)) - mean / std,
        "by channel": torch.stack([(x[k] - mean[k, 0, 0]) / std[k, 0, 0] for k in range(3)]),
    }
    all_pass(gaps.check_normalized, right)


@pytest.fixture(scope="module")
def eight():
    resnet = backbone.resnet18()
    return preprocess.prepare(images.load().pixels[:8], resnet.transform)


@pytest.fixture
def model():
    made = resnet18(num_classes=200)
    made.load_state_dict(load_file(weights.BUNDLED))
    return made


def test_each_mistake_in_extraction_has_its_own_words(model, eight):
    pixels, untrained = images.load().pixels[:8], resnet18(num_classes=200).eval()
    transform = backbone.resnet18().transform
    mean, std = (torch.tensor(v)[:, None, None] for v in (transform.mean, transform.std))
    with torch.no_grad():
        fresh, drifted = copy.deepcopy(model), copy.deepcopy(model)
        fresh.fc = drifted.fc = untrained.fc = nn.Identity()
        in_training = fresh.train()(eight)
        drifted_once = fresh.eval()(eight)
        for _ in range(20):
            drifted.train()(eight)
        parts = list(copy.deepcopy(model).eval().children())
        wrong = {
            "BatchNorm was in training mode": in_training,
            "a pass in training mode has changed": drifted_once,
            "the numbers differ by": drifted.eval()(eight),
            "`fc` is still in its place": model.eval()(eight),
            "flatten them": nn.Sequential(*parts[:-1])(eight),
            "before their average": nn.Sequential(*parts[:-2])(eight),
        }
        model.fc = nn.Identity()
        model.requires_grad_(False).eval()
        due = model(eight)
        wrong |= {
            "The raw pixels went in": model(pixels.float()),
            "only scaled": model(pixels / 255),
            "normalized twice": model((eight - mean) / std),
            "one picture": due[0],
            "an array of NumPy": due.numpy(),
            "float64": due.double(),
            "numbers differ by": due.flip(0),
            "the numbers differ": untrained(eight),
        }
    for words in ("numbers differ by", "the numbers differ"):
        message = gaps.check_features(wrong[words], model).message
        assert "has already changed" not in message, "that is said of nothing else"
    all_find(gaps.check_features, wrong, model)
    assert gaps.check_features(due, model).passed
    with torch.inference_mode():
        assert gaps.check_features(model(eight), model).passed


def all_find(checker, wrong, *given):
    for words, value in wrong.items():
        verdict = checker(value, *given)
        assert not verdict.passed, words
        assert words in verdict.message, verdict


def trainable(model):
    return model.eval()


def half_frozen(model):
    model.eval().layer4.requires_grad_(True)
    return model


def frozen_too_few(model):
    for name, parameter in model.eval().named_parameters():
        parameter.requires_grad = "bn" in name
    return model


def in_training(model):
    return model.requires_grad_(False).train()


def one_layer_in_training(model):
    model.requires_grad_(False).eval().layer1.train()
    return model


def changed(model):
    model.requires_grad_(False).eval().bn1.running_mean += 1
    return model


UNFROZEN = {
    "60 of the 60 parameters of `my_model` still take gradients": trainable,
    "15 of the 60 parameters": half_frozen,
    "still take gradients, so training could change them": frozen_too_few,
    "20 of the 20 BatchNorm layers of `my_model` are in training mode": in_training,
    "4 of the 20 BatchNorm layers": one_layer_in_training,
    "no longer holds the numbers of its weights file": changed,
    "numbers of its weights file": lambda _: nn.Identity(),
    "beside them `my_model` was due": lambda _: None,
    "what came is ellipsis": lambda _: ...,
}


@pytest.mark.parametrize("words", UNFROZEN)
def test_right_features_of_a_network_that_is_not_frozen_are_not_enough(words, model, eight):
    """As of `eval()` with `no_grad()`, or with `detach()`."""
    due = backbone.resnet18()(eight)
    if words.startswith("15"):
        model.requires_grad_(False)
    verdict = gaps.check_features(due, UNFROZEN[words](model))
    assert not verdict.passed
    assert words in verdict.message, verdict


def loop_over_parameters(model):
    for parameter in model.parameters():
        parameter.requires_grad = False
    model.fc = nn.Identity()
    return model.eval()


def new_head(model):
    model.requires_grad_(False).eval()
    model.fc = nn.Linear(512, 10)
    return model


def all_but_fc(model):
    model.requires_grad_(False).eval().fc.requires_grad_(True)
    return model


def cut(model):
    return nn.Sequential(*list(model.children())[:-1], nn.Flatten()).requires_grad_(False).eval()


def by_torchvision(model):
    return create_feature_extractor(model.requires_grad_(False).eval(), ["flatten"])


@pytest.mark.parametrize(
    "freeze", [loop_over_parameters, new_head, all_but_fc, cut, by_torchvision]
)
def test_any_way_to_freeze_is_right(freeze, model, eight):
    verdict = gaps.check_features(backbone.resnet18()(eight), freeze(model))
    assert verdict.passed, verdict


def test_features_that_carry_gradients_are_refused(model, eight):
    model.fc = nn.Identity()
    model.requires_grad_(False).eval()
    verdict = gaps.check_features(model(eight.clone().requires_grad_()), model)
    assert "carry gradients" in verdict.message


def test_each_mistake_at_an_inner_layer_has_its_own_words(eight):
    network = backbone.resnet18().network
    parts = list(copy.deepcopy(network).children())

    @torch.no_grad()
    def after(n):
        return nn.Sequential(*parts[:n]).eval()(eight)

    with torch.no_grad():
        in_training = nn.Sequential(*copy.deepcopy(parts[:7])).train()(eight)
    due = after(7)
    wrong = {
        "too early. Layer3": after(5),
        "one stage too early": after(6),
        "one stage too late": after(8),
        "averages": due.mean((2, 3)),
        "flattened": due.flatten(1),
        "one picture": due[0],
        "BatchNorm was in training mode": in_training,
        "first block": first_block(parts, eight),
        "the features, at the end": after(8).mean((2, 3)),
        "numbers differ by": due + 1,
        "The raw pixels went in": through(parts, images.load().pixels[:8].float()),
        "only scaled": through(parts, images.load().pixels[:8] / 255),
        "an array of NumPy": due.numpy(),
        "differ by": due.flip(0),
    }
    all_find(gaps.check_maps, wrong)
    assert "one pass in training mode" not in gaps.check_maps(wrong["differ by"]).message
    cut = create_feature_extractor(backbone.resnet18().network, ["layer3"])
    step_by_step = eight
    for part in parts[:7]:
        step_by_step = part.eval()(step_by_step)
    right = {
        "by its parts": due,
        "cut": cut(eight)["layer3"],
        "step by step": step_by_step,
        "with gradients": due.clone().requires_grad_(),
    }
    all_pass(gaps.check_maps, right)
    kept = []
    hook = network.layer3.register_forward_hook(lambda *given: kept.append(given[-1]))
    network(eight)
    hook.remove()
    assert gaps.check_maps(kept[0]).passed


@torch.no_grad()
def through(parts, pictures):
    return nn.Sequential(*parts[:7]).eval()(pictures)


@torch.no_grad()
def first_block(parts, eight):
    return nn.Sequential(*parts[:6], parts[6][0]).eval()(eight)


def test_each_mistake_with_softmax_has_its_own_words():
    powers, due = LOGITS.exp(), LOGITS.softmax(1)
    wrong = {
        "each column adds up to 1": LOGITS.softmax(0),
        "All numbers together": powers / powers.sum(),
        "division by their sum is missing": powers,
        "the logits, as they were": LOGITS.clone(),
        "e was to be raised": LOGITS / LOGITS.sum(1, keepdim=True),
        "applied twice": due.softmax(1),
        "logarithms": LOGITS.log_softmax(1),
        "one picture": due[0],
        "minimum": due / 2,
        "largest of their row": powers / powers.amax(1, keepdim=True),
        "sigmoid": LOGITS.sigmoid(),
        "percent": 100 * due,
        "the numbers have": 2**LOGITS / (2**LOGITS).sum(1, keepdim=True),
        "not every number": due.flip(1),
        "shape 4×2": due.T,
        "NaN": due * torch.nan,
        "a single number": due.sum(),
        "bool tensor": due > 0.5,
    }
    all_have_their_words(gaps.check_softmax, wrong, LOGITS)
    right = {
        "by softmax": due,
        "with gradients": due.clone().requires_grad_(),
        "shifted": (LOGITS - 3).exp() / (LOGITS - 3).exp().sum(1)[:, None],
        "in float64": LOGITS.double().softmax(1),
        "by NumPy": np.exp(LOGITS.numpy()) / np.exp(LOGITS.numpy()).sum(1, keepdims=True),
        "row by row": torch.stack([row.exp() / row.exp().sum() for row in LOGITS]),
        "lists": due.tolist(),
    }
    all_pass(gaps.check_softmax, right, LOGITS)
    assert gaps.check_softmax(due, LOGITS.clone().requires_grad_()).passed


def test_each_mistake_with_recall_has_its_own_words():
    counts = torch.from_numpy(CONFUSION)
    right = counts.diag()
    due = right / counts.sum(1)
    wrong = {
        "precision": right / counts.sum(0),
        "Divided by all pictures": right / counts.sum(),
        "counts of right answers": right,
        "that was missed": 1 - due,
        "percent": 100 * due,
        "a single number, 0.717": right.sum() / counts.sum(),
        "shape 2": due[:2],
        "NaN": due * torch.nan,
        "minimum": due / 3,
        "spread over the classes": right / right.sum(),
        "F1": 2 * right / (counts.sum(0) + counts.sum(1)),
        "one is off by": due[[1, 0, 2]],
        "list ['0.80": [str(share) for share in due.tolist()],
        "dict": dict(enumerate(due.tolist())),
    }
    all_have_their_words(gaps.check_recall, wrong, CONFUSION)
    truth = np.repeat([0, 0, 0, 1, 1, 1, 2, 2, 2], CONFUSION.flatten())
    said = np.repeat([0, 1, 2] * 3, CONFUSION.flatten())
    by_loop = [CONFUSION[k, k] / CONFUSION[k].sum() for k in range(3)]
    ways = {
        "by scikit-learn": recall_score(truth, said, average=None),
        "one by one": by_loop,
        "a list of tensors": list(due),
        "1 minus what was missed": 1 - (counts.sum(1) - right) / counts.sum(1),
    }
    all_pass(gaps.check_recall, ways, CONFUSION)
    for form in (due, due.numpy(), due.tolist(), due.double().requires_grad_()):
        assert gaps.check_recall(form, CONFUSION).passed
        assert gaps.check_recall(form, counts).passed


def training(step, epochs=5, size=32, loss_of=cross_entropy):
    def train(layer, optimizer, x, y):
        for _ in range(epochs):
            for batch in torch.randperm(len(x)).split(size):
                step(optimizer, loss_of(layer(x[batch]), y[batch]))

    return train


def right_step(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def without_clearing(optimizer, loss):
    loss.backward()
    optimizer.step()


def cleared_too_late(optimizer, loss):
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()


def step_too_early(optimizer, loss):
    optimizer.zero_grad()
    optimizer.step()
    loss.backward()


def without_a_step(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()


def one_batch_again_and_again(layer, optimizer, x, y):
    for _ in range(15):
        right_step(optimizer, cross_entropy(layer(x[:32]), y[:32]))


def by_hand(layer, optimizer, x, y):
    cross_entropy(layer(x), y).backward()
    with torch.no_grad():
        layer.weight -= 0.1 * layer.weight.grad


def zeroed(name, when):
    """Clear one parameter's gradient where both were to be cleared, or where none was."""

    def step(optimizer, loss):
        parameters = dict(zip(("weight", "bias"), optimizer.param_groups[0]["params"], strict=True))
        if when == "after":
            optimizer.zero_grad()
        else:
            parameters[name].grad = None
        loss.backward()
        if when == "after":
            parameters[name].grad.zero_()
        optimizer.step()

    return step


def two_steps(optimizer, loss):
    right_step(optimizer, loss)
    optimizer.step()


def cleared_once_an_epoch(layer, optimizer, x, y):
    for _ in range(5):
        optimizer.zero_grad()
        for batch in torch.randperm(len(x)).split(32):
            without_clearing(optimizer, cross_entropy(layer(x[batch]), y[batch]))


def moved_by_hand(optimizer, loss):
    right_step(optimizer, loss)
    with torch.no_grad():
        optimizer.param_groups[0]["params"][1].clamp_(-0.01, 0.01)


def faster(optimizer, loss):
    optimizer.param_groups[0]["lr"] = 1.0
    right_step(optimizer, loss)


def clipped(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(optimizer.param_groups[0]["params"], 0.01)
    optimizer.step()


def only_cleared(optimizer, loss):
    optimizer.zero_grad()


WRONG_TRAINING = {
    "of `bias` of all batches so far were summed up": training(zeroed("weight", "before")),
    "of `weight` of all batches so far were summed up": training(zeroed("bias", "before")),
    "At step 1 the gradient of `bias` was not that": training(zeroed("bias", "after")),
    "At step 1 the gradient of `weight` was not that": training(zeroed("weight", "after")),
    "At step 2 no batch had gone through the layer": training(two_steps),
    "At step 2 the gradients of all batches so far": cleared_once_an_epoch,
    "changed otherwise than by `optimizer.step()`": training(moved_by_hand),
    "At step 1 the layer moved by another step than": training(faster),
    "At step 1 the gradient was not that": training(clipped),
    "No `step()` was made, and no gradients": training(only_cleared),
    "the gradient was not that": training(lambda o, loss: right_step(o, loss * 2)),
    "never set to zero": training(without_clearing),
    "At step 1 there was no gradient": training(cleared_too_late),
    "At step 1 there was no gradient. `backward()`": training(step_too_early),
    "no `step()` was made": training(without_a_step),
    "uphill": training(lambda o, loss: right_step(o, -loss)),
    "softmax was applied before": training(
        right_step, loss_of=lambda z, y: cross_entropy(z.softmax(1), y)
    ),
    "not that of the cross-entropy": training(
        right_step, loss_of=lambda z, y: nn.functional.mse_loss(z[:, 0], y.float())
    ),
    "12 steps were made": training(right_step, epochs=4),
    "5 steps were made": training(right_step, size=80),
    "seen 0 times": one_batch_again_and_again,
    "not by `optimizer.step()`": by_hand,
    "no gradients; 15 steps": lambda *_: None,
    "ZeroDivisionError": training(lambda *_: 1 / 0),
    "by its name and without parentheses": None,
}


@pytest.mark.parametrize("words", WRONG_TRAINING)
def test_each_mistake_in_training_has_its_own_words(words):
    verdict = gaps.check_training(WRONG_TRAINING[words])
    assert not verdict.passed
    assert words in verdict.message


def test_training_is_right_in_any_order_of_lines_that_does_it():
    def cleared_at_the_end(optimizer, loss):
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    def with_a_closure(optimizer, loss):
        def again():
            optimizer.zero_grad()
            loss.backward()
            return loss

        optimizer.step(again)

    def set_to_zeros(optimizer, loss):
        optimizer.zero_grad(set_to_none=False)
        loss.mean().backward()
        optimizer.step()

    def parameter_by_parameter(optimizer, loss):
        for parameter in optimizer.param_groups[0]["params"]:
            parameter.grad = None
        loss.backward()
        optimizer.step()

    for step in (
        right_step, cleared_at_the_end, with_a_closure, set_to_zeros, parameter_by_parameter
    ):  # fmt: skip
        verdict = gaps.check_training(training(step))
        assert verdict.passed, verdict


def test_training_is_right_with_a_look_at_the_accuracy_in_between():
    def train(layer, optimizer, x, y):
        for _ in range(5):
            for rows in torch.arange(len(x)).split(32):
                loss = cross_entropy(layer(x[rows]), y[rows])
                optimizer.zero_grad()
                loss.backward()
                layer(x).argmax(1)  # with gradients on
                optimizer.step()
            layer(x).argmax(1)

    verdict = gaps.check_training(train)
    assert verdict.passed, verdict


def test_a_checker_leaves_chance_as_it_was():
    torch.manual_seed(1)
    due = torch.rand(1)
    torch.manual_seed(1)
    gaps.check_training(training(right_step))
    assert torch.equal(torch.rand(1), due)


# Whatever it is given


class Unprintable:
    def __repr__(self):
        raise RuntimeError("no")

    def __len__(self):
        raise RuntimeError("no")

    def __array__(self, *_, **__):
        raise RuntimeError("no")


class OddTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, *_, **__):
        raise RuntimeError("no")


NONSENSE = {
    "nothing": None,
    "a number": 7,
    "true": True,
    "text": "...",
    "the type of the dots": type(...),
    "dots in a list": [..., ...],
    "a dict": {"a": 1},
    "a set": {1, 2},
    "what cannot be printed": Unprintable(),
    "a function": lambda *_: None,
    "a function of no parameters": lambda: None,
    "a function that exits": lambda *_: exit(),
    "a class": dict,
    "an empty tensor": torch.zeros(0),
    "a scalar tensor": torch.tensor(3.0),
    "zeros of each shape": torch.zeros(3, 64, 64),
    "features of NaN": torch.full((8, 512), torch.nan),
    "maps of infinity": torch.full((8, 256, 4, 4), torch.inf),
    "probabilities of NaN": torch.full((2, 4), torch.nan),
    "complex": torch.zeros(8, 512, dtype=torch.complex64),
    "half": torch.zeros(8, 512, dtype=torch.float16),
    "sparse": torch.zeros(8, 512).to_sparse(),
    "of no memory": torch.zeros(8, 512, device="meta"),
    "odd": torch.zeros(8, 512).as_subclass(OddTensor),
    "a module": nn.Linear(2, 2),
    "an array of objects": np.array([None, "a"], dtype=object),
    "an array": np.zeros((3, 64, 64)),
    "ragged": [[1.0], [2.0, 3.0]],
    "huge": [10**400] * 3,
    "terminal codes": "\x1b[2J\n\n",
}  # fmt: skip
OTHERS = {
    "check_features": (nn.Identity(),),
    "check_recall": (CONFUSION,),
    "check_softmax": (LOGITS,),
}
CHECKS = {name: (getattr(gaps, name), OTHERS.get(name, ())) for name in gaps.__all__}


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("given", NONSENSE.values(), ids=NONSENSE)
def test_whatever_a_checker_is_given_it_answers_kindly(name, given):
    checker, others = CHECKS[name]
    verdict = checker(given, *others)
    assert isinstance(verdict, Verdict)
    assert not verdict.passed
    assert 20 < len(verdict.message) < 600
    assert "\x1b" not in verdict.message
    assert "\n" not in repr(verdict)


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("other", NONSENSE.values(), ids=NONSENSE)
def test_nor_does_what_it_is_compared_with_stop_it(name, other):
    checker, _ = CHECKS[name]
    with contextlib.suppress(KeyboardInterrupt):
        assert isinstance(checker(torch.zeros(3), other), Verdict)


@pytest.mark.parametrize("name", CHECKS)
def test_dots_are_no_answer(name):
    checker, others = CHECKS[name]
    verdict = checker(..., *others)
    assert not verdict.passed
    assert verdict.message.startswith("Not filled in yet.")


def test_an_interrupt_is_not_swallowed():
    def interrupted(*_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        gaps.check_training(interrupted)


def test_what_is_checked_against_can_be_given_by_its_name():
    confusion = torch.tensor([[3, 1], [0, 2]])
    assert gaps.check_recall(confusion.diag() / confusion.sum(1), confusion=confusion).passed
    assert not gaps.check_recall(..., confusion=confusion).passed
