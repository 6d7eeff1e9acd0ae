"""What every quiz of the lesson keeps to, so that it teaches and gives nothing away."""

import copy
import itertools
import re
from collections import Counter
from functools import cache
from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from torch import nn
from torchvision.models import ResNet18_Weights, resnet18

from featlib import head, quiz

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
LESSON = [name for name in quiz.names() if name != "source_quiz"]
QUESTIONS = [(name, question) for name in quiz.names() for question in quiz.load(name).pool]
SEVERAL = ("multiple_choice", "many_choice")
CHOICES = [(name, question) for name, question in QUESTIONS if question.type == "multiple_choice"]
MANY = [question for _, question in QUESTIONS if question.type == "many_choice"]
_LITTLE = """
a an and any are as at be by do does for from has have how in is it its more no not of on one or out
than that the them then there they this to what when where which with you your
"""
LITTLE = set(re.findall(r"\w+", _LITTLE))


def words(text):
    """Return the words of a text that say something."""
    return set(re.findall(r"[a-z0-9×]+", text.casefold())) - LITTLE


def plain(answer):
    """Return a choice as the learner sees it, without marks for code and emphasis."""
    return answer["answer"].replace("`", "").replace("*", "")


def test_there_is_a_quiz_for_each_notebook_and_enough_of_them():
    assert [name[:2] for name in LESSON] == [f"{number:02}" for number in range(13)]
    kinds = Counter(question.kind for _, question in QUESTIONS)
    assert len(QUESTIONS) >= 150
    assert kinds["debug"] >= 20
    assert kinds["decide"] >= 15
    assert sum(bool(question.asks) for _, question in QUESTIONS) >= 25
    assert len(quiz.load("source_quiz").pool) == 3


@pytest.mark.parametrize("name", LESSON)
def test_a_quiz_is_short_for_the_learner_and_mixed(name):
    loaded = quiz.load(name)
    assert 6 <= len(loaded.questions) <= 8
    assert len({question.type for question in loaded.questions}) >= 3


@pytest.mark.parametrize("name", quiz.names())
def test_each_objective_can_be_mastered(name):
    """Two questions or more, two of which a review can ask: it has no run to ask about."""
    loaded = quiz.load(name)
    asked = Counter(question.objective for question in loaded.pool if not question.asks)
    assert set(asked) == set(loaded.objectives)
    assert min(asked.values()) >= 2


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_objectives_are_those_that_the_notebook_names(path):
    beginning = nbformat.read(path, as_version=4).cells[0].source
    promised = [line[2:] for line in beginning.splitlines() if line.startswith("- ")]
    assert set(quiz.load(path.stem).objectives.values()) == set(promised)


def test_the_sources_questions_close_the_lesson():
    cells = nbformat.read(NOTEBOOKS / "06_prediction_trace.ipynb", as_version=4).cells
    asked = [cell.source for cell in cells if "featlib.show_quiz(" in cell.source]
    assert 'featlib.show_quiz("source_quiz")' in asked[-1]


@pytest.mark.parametrize("name", quiz.names())
def test_a_question_has_all_that_a_learner_needs(name):
    for question in quiz.load(name).pool:
        assert question.objective, question.id
        assert question.hint, question.id
        assert question.explanation, question.id
        for answer in question.answers:
            assert answer.get("feedback"), answer
            # The widget says it already.
            assert not answer["feedback"].startswith(("Right", "Yes", "Not yet", "Wrong"))
        if question.type in ("numeric", "string", "shape"):
            assert question.answers[-1].get("type") == "default", question.id
        if question.kind == "debug":
            assert question.code, question.id


@pytest.mark.parametrize("name", quiz.names())
def test_a_wrong_answer_names_its_misconception(name):
    for question in quiz.load(name).pool:
        for answer in question.answers:
            if answer.get("correct") or answer.get("type") == "default":
                assert "misconception" not in answer, answer
            elif question.type in (*SEVERAL, "numeric", "shape"):
                belief = answer["misconception"]
                assert belief.endswith("."), answer
                assert 3 <= len(belief.split()) <= 20, answer
                assert belief.removesuffix(".").casefold() != answer.get("answer", "").casefold()


@pytest.mark.parametrize("name", quiz.names())
def test_a_choice_gives_nothing_away(name):
    for question in quiz.load(name).pool:
        if question.type not in SEVERAL:
            continue
        texts = [answer["answer"].casefold() for answer in question.answers]
        assert len(set(texts)) == len(texts) >= 4, question.id
        assert not [t for t in texts if "all of the above" in t or "none of the above" in t]
        right = sum(answer["correct"] for answer in question.answers)
        assert right == 1 if question.type == "multiple_choice" else 1 < right < len(texts)
        for answer in question.answers:
            assert answer["correct"] or 5 <= len(answer["feedback"].split()) <= 40, answer


@pytest.mark.parametrize("name", quiz.names())
def test_a_hint_helps_and_does_not_tell(name):
    for question in quiz.load(name).pool:
        hint = words(question.hint)
        for answer in question.answers:
            if answer.get("correct") and "answer" in answer:
                said = words(answer["answer"])
                assert len(said & hint) <= max(1, len(said) / 4), (question.id, said & hint)
            if answer.get("correct") and "value" in answer:
                numbers = re.findall(r"\d+(?:\.\d+)?", question.hint)
                assert f"{answer['value']:g}" not in numbers, question.id
        assert not re.search(r"\b(two|three|four|2|3|4) are right", question.hint.casefold())


def stems(text):
    """Return the beginnings of the words of a text, so that "labels" is "label"."""
    return {word[:5] for word in words(text)}


def test_a_hint_has_no_words_of_the_right_choice_alone():
    for _, question in CHOICES:
        right = next(answer["answer"] for answer in question.answers if answer["correct"])
        others = (answer["answer"] for answer in question.answers if not answer["correct"])
        known = stems(" ".join((question.text, *others)))
        told = (stems(question.hint) & stems(right)) - known
        assert len(told) <= 1, (question.id, told)


def positions(rank):
    """Count the right choice's place after the choices are put in order."""
    return Counter(
        rank(question.answers).index(next(a for a in question.answers if a["correct"]))
        for _, question in CHOICES
    )


def test_right_answers_are_spread_evenly():
    found = positions(list)
    assert min(found[place] for place in range(4)) >= len(CHOICES) * 0.2
    assert max(found.values()) <= len(CHOICES) * 0.3


def test_length_does_not_tell_the_right_answer():
    """Neither the longest nor the shortest nor one in the middle is right much too often."""
    found = positions(lambda answers: sorted(answers, key=lambda a: len(plain(a))))
    for place in range(4):
        assert 0.18 <= found[place] / len(CHOICES) <= 0.33, found


CUES = {
    "words": r"\w+",
    "reasons": r"\b(because|since|so that|as|for)\b",
    "absolute words": r"\b(always|never|only|all|every|each|cannot|no|any|must|nothing|whole)\b",
    "cautious words": r"\b(may|can|often|about|likely|part|hardly|more|less|some|most|nearly)\b",
    "numbers": r"\d+",
    "colons": ":",
    "commas": ",",
    "negations": r"\b(not|no|nothing|never|neither)\b",
}


def hits(cue, sign):
    """Return how often one is right who clicks where most (1) or fewest (-1) of a cue stand."""
    total = 0.0
    for _, question in CHOICES:
        counts = [sign * len(re.findall(cue, plain(a).casefold())) for a in question.answers]
        most = max(counts)
        clicked = [
            answer["correct"]
            for answer, n in zip(question.answers, counts, strict=True)
            if n == most
        ]
        total += sum(clicked) / len(clicked)
    return total / len(CHOICES)


@pytest.mark.parametrize("cue", CUES)
def test_no_trick_of_wording_tells_the_right_answer(cue):
    """By chance it would be 0.25; 0.33 leaves room for the chance of 80 questions."""
    assert max(hits(CUES[cue], 1), hits(CUES[cue], -1)) <= 0.33


def test_many_choices_follow_no_pattern():
    patterns = Counter(tuple(answer["correct"] for answer in q.answers) for q in MANY)
    alternating = [p for p in patterns if all(a != b for a, b in itertools.pairwise(p))]
    assert not alternating
    assert max(patterns.values()) <= len(MANY) * 0.25
    assert 0.3 <= sum(q.answers[0]["correct"] for q in MANY) / len(MANY) <= 0.7
    right = Counter(sum(answer["correct"] for answer in q.answers) for q in MANY)
    assert max(right.values()) <= len(MANY) * 0.6, "how many are right can be guessed"


def test_no_two_questions_are_nearly_the_same():
    said = {}
    for name, question in QUESTIONS:
        choices = [answer["answer"] for answer in question.answers if "answer" in answer]
        everything = [question.text, question.code, *choices, *question.items]
        said[name, question.id] = words(" ".join(everything))
    alike = [
        (len(a & b) / len(a | b), first, second)
        for (first, a), (second, b) in itertools.combinations(said.items(), 2)
    ]
    assert max(alike)[0] <= 0.42, max(alike)


@pytest.mark.parametrize("name", LESSON)
def test_items_of_an_order_are_never_shown_in_the_right_order(name):
    from featlib.quiz.marking import shuffled

    for question in quiz.load(name).pool:
        if question.type == "order":
            assert shuffled(question) != list(range(len(question.items)))


@pytest.mark.parametrize("name", LESSON)
def test_the_notebook_passes_each_value_that_its_quiz_asks_for(name):
    cells = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
    source = "\n".join(cell.source for cell in cells if "featlib.show_quiz(" in cell.source)
    for question in quiz.load(name).questions:
        for value in question.asks:
            assert f'"{value}":' in source


def ways_to_write(answer):
    """Return how a notebook may print a shape or a number of three digits or more."""
    if len(shape := answer.get("shape", ())) > 1:
        return {"×".join(map(str, shape)), str(tuple(shape))}
    value = answer.get("value", 0)
    return {f"{value:g}", f"{value:,}", str(value)} if len(f"{value:g}") > 2 else set()


@pytest.mark.parametrize("name", LESSON)
def test_what_a_question_asks_for_cannot_be_copied_from_its_notebook(name):
    cells = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells
    shown = [cell for cell in cells if "show_quiz(" not in cell.source]
    text = " ".join(str((cell.source, cell.get("outputs", ""))) for cell in shown)
    for question in quiz.load(name).pool:
        for answer in question.answers:
            for written in ways_to_write(answer) if answer.get("correct") else ():
                alone = rf"(?<![\d.,×]){re.escape(written)}(?![\d×]|[.,]\d)"
                assert not re.search(alone, text), (question.id, written)


def test_a_picture_that_is_halved_stays_of_whole_numbers():
    picture = torch.from_numpy(np.array(Image.new("RGB", (2, 2), (255, 0, 8))))
    half = picture // 2
    assert (half.dtype, half.max().item()) == (torch.uint8, 127)
    question = by_id("01_raw_input", "dtype")
    (right,) = (answer["answer"] for answer in question.answers if answer["correct"])
    assert right == "`uint8`, from 0 to 127"


# What the questions on faulty code say of it, tried on that very code


@cache
def untrained():
    torch.manual_seed(0)
    return resnet18().eval()


def given():
    """Return what the code of a question finds: small stand-ins for the lesson's variables."""
    chance = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    raw = torch.randint(0, 256, (20, 3, 64, 64), dtype=torch.uint8, generator=chance)
    normal = torch.randn(20, 3, 64, 64, generator=chance)
    rows = torch.randn(60, 512, generator=chance)
    labels, layer = torch.arange(60) % 10, nn.Linear(512, 10)
    return {
        "torch": torch, "nn": nn, "np": np, "Image": Image, "head": head, "resnet18": resnet18,
        "torchvision": torchvision, "network": copy.deepcopy(untrained()), "raw": raw,
        "images": normal, "labels": labels[:20], "rows": rows, "features": rows, "vectors": rows,
        "x": rows, "y": labels, "layer": layer, "row": 7,
        "optimizer": torch.optim.AdamW(layer.parameters()),
        "mean": torch.tensor([0.485, 0.456, 0.406])[:, None, None],
        "std": torch.tensor([0.229, 0.224, 0.225])[:, None, None],
        "photos": [Image.new("RGB", (64, 64))] * 8, "image": normal[0],
        "logits": torch.randn(200, 10, generator=chance), "groups": torch.arange(1000) // 2,
        "train": torch.arange(40), "unseen": torch.arange(40, 60),
        "batches": torch.arange(20).split(10),
        "inputs": {"raw pixels": rows, "features": rows},
    }  # fmt: skip


def after(question, *replaced, **more):
    """Run the code of a question and return its variables."""
    variables = given() | more
    code = question.code
    for old, new in replaced:
        assert old in code
        code = code.replace(old, new)
    exec(code, variables)
    return variables


def by_id(name, identity):
    return next(q for q in quiz.load(name).pool if q.id == identity)


ERRORS = {
    ("01_raw_input", "stack"): "equal size",
    ("01_raw_input", "four-channels"): "expected input.* to have 3 channels, but got 4",
    ("02_preprocessing", "mean-shape"): "must match the size",
    ("02_preprocessing", "raw-into-network"): "Input type .* should be the same|expected scalar",
    ("03_feature_extraction", "freeze-then-replace"): "empty parameter list",
    ("04_train_linear_head", "labels-from-one"): "out of bounds",
    ("06_prediction_trace", "one-picture"): "expected 4D input",
    ("08_deep_dive", "skipped-stage"): "to have 128 channels, but got 64",
    ("10_challenge", "batch-of-one"): "more than 1 value per channel",
}


@pytest.mark.parametrize(("name", "identity"), ERRORS)
def test_the_error_that_a_question_speaks_of_is_raised(name, identity):
    more = {"images": given()["raw"]} if identity in ("mean-shape", "raw-into-network") else {}
    with pytest.raises((RuntimeError, ValueError, IndexError), match=ERRORS[name, identity]):
        after(by_id(name, identity), **more)


def test_two_devices_fail_and_the_third_line_mends_it():
    question = by_id("03_feature_extraction", "two-devices")
    other = ("cuda", "meta")  # a device that every machine has
    with pytest.raises((RuntimeError, NotImplementedError)):
        after(question, other)
    made = after(question, other, ("images.to(device)", "images = images.to(device)"))
    assert made["features"].device.type == "meta"


# Each says of the variables after the code whether the question's claim holds.
SILENT = {
    ("01_raw_input", "mean-per-channel"): lambda v: tuple(v["means"].shape) == (64,),
    ("01_raw_input", "overflow"): lambda v: v["brighter"].item() == 4,
    ("03_feature_extraction", "cut-off"): lambda v: tuple(v["features"].shape)[1:] == (512, 1, 1),
    ("03_feature_extraction", "same-order"): lambda v: v["nearest"][0] == 7,
    ("04_train_linear_head", "gradients-add-up"): lambda v: v["w"].grad == 12,
    ("04_train_linear_head", "shuffled-apart"): lambda v: (
        not torch.equal(v["x"], given()["x"]) and torch.equal(v["y"], given()["y"])
    ),
    ("05_validation", "chosen-before"): lambda v: v["right"].float().mean() > 0.6,
    ("06_prediction_trace", "softmax-over-pictures"): lambda v: (
        torch.allclose(v["probabilities"].sum(0), torch.ones(10))
        and not torch.allclose(v["probabilities"].sum(1), torch.ones(200))
    ),
    ("07_try_it", "unfair-loop"): lambda v: v["name"] == "features" and v["epochs"] == 50,
    ("09_metrics_and_cost", "counted-all"): lambda v: (
        v["trained"] == 11_181_642
        and sum(p.numel() for p in v["network"].parameters() if p.requires_grad) == 5130
    ),
    ("09_metrics_and_cost", "losses-kept"): lambda v: all(loss.grad_fn for loss in v["losses"]),
    ("10_challenge", "what-comes-out"): lambda v: tuple(v["features"].shape)[1:] == (1000,),
    ("10_challenge", "split-by-row"): lambda v: 0 < len(v["both"]) < 200,
}
MORE = {
    "chosen-before": lambda: {
        "x": torch.randn(60, 2000, generator=torch.Generator().manual_seed(1)),
        "y": torch.arange(60) % 2,
    },
    "unfair-loop": lambda: {"labels": torch.arange(60) % 10},
}


@pytest.mark.parametrize(("name", "identity"), SILENT)
def test_what_a_question_says_of_silent_code_is_so(name, identity):
    question = by_id(name, identity)
    assert SILENT[name, identity](after(question, **MORE.get(identity, dict)()))


def test_rows_that_are_shuffled_without_their_labels_teach_nothing():
    question = by_id("04_train_linear_head", "shuffled-apart")

    def reached(*replaced):
        variables = given()
        code = question.code
        for old, new in replaced:
            assert old in code
            code = code.replace(old, new)
        variables["optimizer"].param_groups[0]["lr"] = 0.03
        for _ in range(10):
            exec(code, variables)
        said = variables["layer"](variables["x"]).argmax(1)
        return (said == variables["y"]).float().mean().item()

    torch.manual_seed(0)
    assert reached() < 0.3
    assert reached(("x = x[order]", "x, y = x[order], y[order]")) > 0.9


def test_ranges_that_tell_a_fault_are_those_of_pixels():
    question = by_id("02_preprocessing", "find-the-fault")
    ends = torch.tensor([0.0, 1.0])[:, None, None, None].expand(2, 3, 1, 1)
    variables = given()
    shown = {"right": ends, "twice": ends / 255}
    found = {}
    for name, scaled in shown.items():
        normal = (scaled - variables["mean"]) / variables["std"]
        found[name] = (normal.min().item(), normal.max().item())
    texts = [answer["answer"].replace("−", "-") for answer in question.answers]
    low, high = found["right"]
    assert f"The values go from {low:.1f} to {high:.1f}" in texts
    low, high = found["twice"]
    assert f"The values go from {low:.2f} to {high:.2f}" in texts


def test_shapes_and_counts_that_questions_ask_for_are_those_of_the_network():
    network, maps, side = untrained(), {}, {}
    for size, found in ((128, maps), (224, side)):
        x = torch.zeros(1, 3, size, size)
        for name, part in list(network.named_children())[:-2]:
            x = part(x)
            found[name] = tuple(x.shape[1:])

    def right(name, identity, field):
        answers = by_id(name, identity).answers
        return next(answer[field] for answer in answers if answer["correct"])

    assert tuple(right("03_feature_extraction", "after-layer2", "shape")) == maps["layer2"]
    assert right("08_deep_dive", "map-step", "value") == side["layer3"][2]
    weight = network.layer2[0].conv1.weight
    assert right("08_deep_dive", "filters", "shape") == list(weight.shape)
    numbers = resnet18(num_classes=4).parameters()
    assert right("09_metrics_and_cost", "from-scratch", "value") == sum(n.numel() for n in numbers)
    sure = nn.functional.cross_entropy(torch.eye(4)[:1], torch.tensor([0])).item()
    assert right("10_challenge", "softmax-first", "value") == round(sure, 2)


def test_dividing_whole_numbers_leaves_zeros_and_ones():
    question = by_id("02_preprocessing", "whole-division")
    made = after(question, images=given()["raw"])
    assert set(made["scaled"].unique().tolist()) <= {0.0, 1.0}


def test_other_means_and_stds_give_other_features():
    question = by_id("02_preprocessing", "wrong-weights-mean")
    raw = given()["raw"]
    right = (("(scaled - 0.5) / 0.5", "(scaled - mean) / std"),)
    wrong, good = (after(question, *r, images=raw)["features"] for r in ((), right))
    assert not torch.allclose(wrong, good, atol=1e-2)


def test_an_optimizer_of_all_parameters_changes_the_backbone_in_eval_mode():
    question = by_id("04_train_linear_head", "all-parameters")
    before = untrained().conv1.weight
    assert not torch.equal(after(question)["network"].conv1.weight, before)


def test_an_optimizer_of_an_old_layer_leaves_the_new_one():
    question = by_id("04_train_linear_head", "layer-after-optimizer")
    losses = [after(question, ("range(5)", f"range({n})"))["loss"].item() for n in (1, 5)]
    assert losses[0] == losses[1]
    swapped = (("layer = nn.Linear(512, 10)\nfor", "for"),)
    falls = [after(question, *swapped, ("range(5)", f"range({n})"))["loss"].item() for n in (1, 5)]
    assert falls[1] < falls[0]


def test_features_of_a_network_without_weights_are_drawn_anew():
    question = by_id("08_deep_dive", "no-weights")
    drawn = []
    for seed in range(2):
        variables = given()
        torch.manual_seed(seed)
        exec(question.code, variables)
        drawn.append(variables["features"])
    assert tuple(drawn[0].shape) == (20, 512)
    assert not torch.allclose(*drawn, atol=1e-2)


def test_frozen_features_are_the_same_in_each_epoch():
    question = by_id("09_metrics_and_cost", "extracted-again")
    layer = nn.Linear(1000, 10)
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.002)
    one, two = (
        after(question, ("range(20)", f"range({n})"), layer=layer, optimizer=optimizer)["x"]
        for n in (1, 2)
    )
    assert torch.equal(one, two)


def test_dropout_in_training_mode_gives_another_accuracy_each_time():
    question = by_id("10_challenge", "dropout-on")
    made = after(question, labels=torch.arange(60) % 10)
    drawn = [made["model"](made["features"]) for _ in range(2)]
    assert not torch.equal(*drawn)
    made["model"].eval()
    assert torch.equal(*(made["model"](made["features"]) for _ in range(2)))


def test_choosing_and_judging_by_the_same_pictures():
    question = by_id("11_project", "judge-used-up")
    noise = torch.Generator().manual_seed(0)
    made = after(
        question,
        train_head=lambda rate: rate,
        accuracy=lambda layer, chosen: torch.rand((), generator=noise).item(),
    )
    assert made["reached"][made["best"]] == max(made["reached"].values()) > 0.5


def test_every_question_on_faulty_code_is_tried_here():
    others = {
        "two-devices", "whole-division", "wrong-weights-mean", "all-parameters",
        "layer-after-optimizer", "no-weights", "extracted-again", "dropout-on", "judge-used-up",
    }  # fmt: skip
    tried = {identity for _, identity in (*ERRORS, *SILENT)} | others
    assert {q.id for _, q in QUESTIONS if q.kind == "debug"} == tried


def test_the_usual_transforms_do_what_the_question_says():
    transforms = ResNet18_Weights.DEFAULT.transforms()
    assert (transforms.resize_size, transforms.crop_size) == ([256], [224])
    small = Image.new("RGB", (64, 64), (255, 255, 255))
    made = transforms(small)
    assert tuple(made.shape) == (3, 224, 224)
    assert made.dtype == torch.float32
    assert made[:, 0, 0].tolist() == pytest.approx([2.249, 2.429, 2.640], abs=1e-3)


def test_a_coin_falls_as_unevenly_as_the_paired_comparison_says():
    from scipy.stats import binomtest

    question = by_id("05_validation", "paired")
    assert f"p = {binomtest(6, 26).pvalue:.3f}" in question.explanation
