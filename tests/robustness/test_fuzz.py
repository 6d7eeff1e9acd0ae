"""Random damage: no crash, no hang, no wrong acceptance.

Here some hundred inputs, in a longer run tens of thousands:

    python -m pytest tests/robustness/test_fuzz.py --hypothesis-profile long
"""

import copy
import io
import json
import re
import resource
import sys
import warnings
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save

from featlib import FeatlibError, backbone, decode, quiz
from featlib.quiz import html as quiz_html
from featlib.quiz.marking import shuffled

GIGABYTE = 10**9


@pytest.fixture(autouse=True)
def memory_stays_bounded():
    """No input may take more than a gigabyte on top of what the process holds already."""
    forget = Path("/proc/self/clear_refs")
    if forget.exists():  # Linux can forget the peak so far
        forget.write_text("5")
    before = psutil.Process().memory_info().rss
    yield
    assert _peak() - before < GIGABYTE


def _peak():
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


# Damage to files


def _picture(kind, mode, size):
    noise = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    file, image = io.BytesIO(), Image.fromarray(noise).convert("L" if "I" in mode else mode)
    image = image.convert("I").convert(mode) if "I" in mode else image
    frames = {"save_all": True, "append_images": [image]} if kind == "GIF" else {}
    image.save(file, kind, **frames)
    return file.getvalue()


PICTURES = [
    _picture(*case)
    for case in [
        ("PNG", "RGB", 24), ("PNG", "P", 24), ("PNG", "RGBA", 24), ("PNG", "I;16", 24),
        ("PNG", "1", 24), ("JPEG", "RGB", 40), ("JPEG", "CMYK", 24), ("JPEG", "L", 24),
        ("WEBP", "RGBA", 24), ("GIF", "P", 24), ("BMP", "RGB", 24),
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


@given(st.data())
@settings(deadline=2000, max_examples=settings.default.max_examples // 5)
def test_a_changed_bit_of_the_bundled_weights_is_noticed(tmp_path_factory, data):
    whole = _bundled()
    at = data.draw(st.integers(0, len(whole) - 1))
    bit = data.draw(st.integers(0, 7))
    file = tmp_path_factory.getbasetemp() / backbone.BUNDLED.name
    card = file.with_suffix(".json")
    if not card.exists():
        card.write_text((backbone.BUNDLED.parent / "card.json").read_text("utf-8"), "utf-8")
    file.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
    with pytest.raises(FeatlibError, match=r"checksum|SHA-256"):
        backbone.resnet18(file)


def _bundled(cache=[]):  # noqa: B006
    if not cache:
        cache.append(backbone.BUNDLED.read_bytes())
    return cache[0]


# Quiz files


QUIZZES = [json.loads(quiz.find(name).read_text("utf-8")) for name in quiz.names()]
TEXT = st.text(st.characters(codec="utf-8"), max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def _keys(place):
    return list(place) if isinstance(place, dict) else list(range(len(place)))


@st.composite
def changed_quizzes(draw):
    """Draw a real quiz in which something is removed, doubled, or replaced by something else."""
    data = copy.deepcopy(draw(st.sampled_from(QUIZZES)))
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


def _as_json(data):
    try:
        return json.dumps(data)
    except (TypeError, ValueError):
        return None


@given(changed_quizzes() | JSON)
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


# Answers


QUESTIONS = [q for name in quiz.names() for q in quiz.load(name).questions if not q.asks]
TYPED = [q for q in QUESTIONS if q.type in ("numeric", "string", "shape")]
NUMBERS = st.one_of(
    st.floats().map(repr),
    st.integers().map("{:,}".format),
    st.from_regex(r"\d+/\d+", fullmatch=True),
    st.from_regex(r"[\d.,' %eE+-]{1,30}", fullmatch=True),
    st.lists(st.integers(-9, 9999)).map(lambda n: " × ".join(map(str, n))),
)  # fmt: skip


@given(st.sampled_from(TYPED), TEXT | NUMBERS | st.text(min_size=900, max_size=3000))
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
