"""Random damage: no crash, no hang, no wrong acceptance.

Here some hundred inputs, in a longer run tens of thousands:

    python -m pytest tests/robustness/test_fuzz.py --hypothesis-profile long
"""

import copy
import io
import json
import warnings

import numpy as np
import pytest
import torch
from helpers import CHARACTERS
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save

from featlib import FeatlibError, backbone, quiz, weights
from featlib.engine import decode
from featlib.pages import class_report
from featlib.quiz import flashcards
from featlib.quiz import html as quiz_html
from featlib.quiz.marking import shuffled

pytestmark = pytest.mark.usefixtures("memory_stays_bounded")


@pytest.fixture(scope="module", autouse=True)
def imported(tmp_path_factory):
    """Let PyTorch and torchvision import what they need before anything is timed."""
    file = tmp_path_factory.mktemp("first") / "first.pt"
    file.write_bytes(_pt_file())
    with pytest.raises(FeatlibError):
        backbone.resnet18(file)


# Damage to files


def _picture(kind, mode, size):
    noise = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    file, image = io.BytesIO(), Image.fromarray(noise).convert("L" if "I" in mode else mode)
    image = image.convert("I").convert(mode) if "I" in mode else image
    frames = {"save_all": True, "append_images": [image]} if kind == "GIF" else {}
    image.save(file, kind, **frames)
    return file.getvalue()


decode.formats()  # so that Pillow can write each of them, too
PICTURES = [
    _picture(*case)
    for case in [
        ("PNG", "RGB", 24), ("PNG", "P", 24), ("PNG", "RGBA", 24), ("PNG", "I;16", 24),
        ("PNG", "1", 24), ("JPEG", "RGB", 40), ("JPEG", "CMYK", 24), ("JPEG", "L", 24),
        ("WEBP", "RGBA", 24), ("GIF", "P", 24), ("BMP", "RGB", 24),
        ("TIFF", "RGB", 24), ("TIFF", "F", 24), ("AVIF", "RGB", 24), ("HEIF", "RGB", 24),
        ("PPM", "RGB", 24),
    ]
]  # fmt: skip


@st.composite
def damaged(draw, files):
    """Draw a file with bytes changed, cut out, put in, or cut off; headers more often than data."""
    data = bytearray(draw(st.sampled_from(files)))
    for _ in range(draw(st.integers(0, 6))):
        if not data:
            break
        near = draw(st.booleans())
        at = draw(st.integers(0, min(len(data), 64) - 1 if near else len(data) - 1))
        how = draw(st.sampled_from(["change", "flip", "cut", "insert", "repeat", "end"]))
        if how == "change":
            data[at] = draw(st.integers(0, 255))
        elif how == "flip":
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "cut":
            del data[at : at + draw(st.integers(1, 40))]
        elif how == "insert":
            data[at:at] = draw(st.binary(min_size=1, max_size=40))
        elif how == "repeat":
            data[at:at] = data[at : at + draw(st.integers(1, 200))]
        else:
            del data[at:]
    return bytes(data)


@given(damaged(PICTURES))
@settings(deadline=2000)
def test_any_bytes_become_a_picture_or_a_reason(tmp_path_factory, data):
    file = tmp_path_factory.getbasetemp() / "fuzzed.png"
    file.write_bytes(data)
    with decode.strictly():
        found = decode.decode_one(file, 64)
    if isinstance(found, str):
        assert found
    else:
        assert (found.shape, found.dtype) == ((64, 64, 3), np.uint8)


# Changes in JSON


TEXT = st.text(CHARACTERS, max_size=60) | st.sampled_from(
    ["\ud83d", "<script>alert(1)</script>", "=1+1", "NaN", "\0"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def _keys(place):
    return list(place) if isinstance(place, dict) else list(range(len(place)))


@st.composite
def changed(draw, real):
    """Draw real data in which something is removed, doubled, or replaced by something else."""
    data = copy.deepcopy(draw(st.sampled_from(real)))
    for _ in range(draw(st.integers(1, 3))):
        place, key = data, None
        for _ in range(draw(st.integers(1, 6))):
            if not _keys(place):
                break
            key = draw(st.sampled_from(_keys(place)))
            if not isinstance(place[key], (dict, list)) or draw(st.integers(0, 3)) == 0:
                break
            if not place[key]:
                break
            place = place[key]
            key = draw(st.sampled_from(_keys(place)))
        how = draw(st.sampled_from(["replace", "remove", "add", "text"]))
        if key is None or how == "add":
            if isinstance(place, dict):
                place[draw(TEXT)] = draw(JSON)
            else:
                place.append(draw(JSON))
        elif how == "remove":
            del place[key]
        else:
            place[key] = draw(TEXT if how == "text" else JSON)
    return data


# Weights: a small network of the same kind of file, so that damage meets headers, too


STATE = {"fc.weight": torch.zeros(3, 512, dtype=torch.float16), "fc.bias": torch.ones(3)}
WEIGHTS = [save(STATE), save({}), save({"fc.weight": torch.zeros(2)})]


def _pt_file():
    file = io.BytesIO()
    torch.save(STATE, file)
    return file.getvalue()


@given(damaged([*WEIGHTS, _pt_file()]), st.sampled_from([".safetensors", ".pt"]))
@settings(deadline=2000)
def test_any_bytes_are_refused_as_weights(tmp_path_factory, data, ending):
    file = tmp_path_factory.getbasetemp() / f"fuzzed{ending}"
    file.write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch says something of old formats
        with pytest.raises(FeatlibError):
            backbone.resnet18(file)


CARD = {
    "sha256": "0" * 64,
    "mean": [0.5] * 3,
    "std": [0.2] * 3,
    "size": 64,
    "classes": [{"name": "a"}],
}


@given(changed([CARD]) | JSON)
@settings(deadline=2000)
def test_any_json_beside_weights_is_a_card_or_refused(tmp_path_factory, card):
    file = tmp_path_factory.getbasetemp() / "carded.safetensors"
    file.write_bytes(WEIGHTS[0])  # whatever the card says, these are refused
    file.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(FeatlibError):
        weights.read_weights(file)


@given(st.data())
@settings(deadline=2000, max_examples=settings.default.max_examples // 5)
def test_a_changed_bit_of_the_bundled_weights_is_noticed(tmp_path_factory, data):
    whole = _bundled()
    at = data.draw(st.integers(0, len(whole) - 1))
    bit = data.draw(st.integers(0, 7))
    file = tmp_path_factory.getbasetemp() / weights.BUNDLED.name
    card = file.with_suffix(".json")
    if not card.exists():
        card.write_text(weights.BUNDLED.with_suffix(".json").read_text("utf-8"), "utf-8")
    file.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
    with pytest.raises(FeatlibError, match=r"checksum|SHA-256"):
        backbone.resnet18(file)


def _bundled(cache=[]):  # noqa: B006
    if not cache:
        cache.append(weights.BUNDLED.read_bytes())
    return cache[0]


# Quiz files


QUIZZES = [json.loads(quiz.find(name).read_text("utf-8")) for name in quiz.names()]


def _as_json(data):
    try:
        return json.dumps(data)
    except (TypeError, ValueError):
        return None


@given(changed(QUIZZES) | JSON)
@settings(deadline=2000)
def test_any_json_is_a_quiz_that_works_or_is_refused(tmp_path_factory, data):
    text = _as_json(data)
    assume(text is not None)
    file = tmp_path_factory.getbasetemp() / "fuzzed.json"
    file.write_text(text, encoding="utf-8")
    try:
        loaded = quiz.load(file)
    except FeatlibError:
        return
    page = quiz_html.form(loaded)
    assert "<script" not in page
    assert "javascript:" not in page.replace("&quot;", '"') or "href=" not in page
    for question in loaded.questions:
        assert question.id
        if question.type == "order":
            assert sorted(shuffled(question)) == list(range(len(question.items)))


# Files of answers, and what a class has sent


ENTRIES = [
    {"quiz": "03_feature_extraction", "question": "identity", "answer": 1, "correct": True,
     "hint": False, "time": 1.0},
    {"card": "frozen", "rating": "good", "time": 1.0},
    {"reset": "04_train_linear_head", "time": 2.0},
]  # fmt: skip
EXPORT = {"summary": [], "answers": ENTRIES[:1] * 2, "reviews": ENTRIES[1:2]}


@given(st.lists(changed(ENTRIES) | JSON, max_size=5))
@settings(deadline=2000)
def test_any_lines_of_json_become_answers_or_are_set_aside(tmp_path_factory, entries):
    folder = tmp_path_factory.mktemp("answers")
    lines = [json.dumps(entry).encode() + b"\n" for entry in [*ENTRIES, *entries]]
    (folder / "answers.jsonl").write_bytes(b"".join(lines))
    progress = quiz.Progress(folder / "answers.jsonl")
    flashcards.schedule(progress.reviews())
    repr(quiz.progress_table(progress))
    for ending in (".csv", ".json"):
        progress.export(folder / f"export{ending}")
    before = progress.answers()
    progress.add("quiz", "after", 1, True)
    assert progress.answers()[:-1] == before
    for aside in folder.glob("*damaged*"):
        assert aside.read_bytes() == b"".join(lines)


@given(changed([EXPORT]) | JSON)
@settings(deadline=2000)
def test_any_json_that_a_learner_sends_is_reported_or_refused(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("class")
    for name, sent in (("ada", EXPORT), ("ben", data)):
        (folder / f"{name}.json").write_text(json.dumps(sent))
    report = class_report.read(folder)
    assert len(report.learners) + len(report.refused) == 2
    page = class_report.write(report, folder / "page.html").read_text("utf-8")
    assert "<script>alert" not in page


# Answers


QUESTIONS = [q for name in quiz.names() for q in quiz.load(name).questions if not q.asks]
TYPED = [q for q in QUESTIONS if q.type in ("numeric", "string", "shape")]
NUMBERS = st.one_of(
    st.floats().map(repr),
    st.integers().map("{:,}".format),
    st.from_regex(r"\d+/\d+", fullmatch=True, alphabet=CHARACTERS),
    st.from_regex(r"[\d.,' %eE+-]{1,30}", fullmatch=True, alphabet=CHARACTERS),
    st.lists(st.integers(-9, 9999)).map(lambda n: " × ".join(map(str, n))),
)  # fmt: skip


@given(st.sampled_from(TYPED), TEXT | NUMBERS | st.text(CHARACTERS, min_size=900, max_size=3000))
@settings(deadline=2000)
def test_any_text_is_marked(question, answer):
    found = quiz.mark(question, answer)
    assert isinstance(found.correct, bool)
    assert isinstance(found.feedback, str)


@given(st.sampled_from(QUESTIONS), JSON)
@settings(deadline=2000)
def test_an_answer_of_any_kind_is_marked_or_refused(question, answer):
    try:
        found = quiz.mark(question, answer)
    except FeatlibError:
        return
    assert isinstance(found.correct, bool)
