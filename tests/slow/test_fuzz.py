"""Random damage: no crash, no hang, no wrong acceptance.

Here some hundred inputs, in a longer run tens of thousands, others with each seed:

    python -m pytest tests/slow/test_fuzz.py --hypothesis-profile long --hypothesis-seed 1
"""

import copy
import functools
import io
import json
import shutil
import time
import warnings

import numpy as np
import pytest
import torch
from helpers import CHARACTERS
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms
from PIL.PngImagePlugin import PngInfo
from pyarrow import parquet
from safetensors.torch import save

import featlib
from featlib import FeatlibError, backbone, quiz, weights
from featlib.engine import decode
from featlib.pages import class_report
from featlib.quiz import flashcards
from featlib.quiz import html as quiz_html
from featlib.quiz.marking import shuffled
from featlib.scale import shards
from featlib.widgets.flashcards import FlashcardsWidget
from featlib.widgets.guess import GuessWidget
from featlib.widgets.quiz import QuizWidget

pytestmark = pytest.mark.usefixtures("memory_stays_bounded")


@pytest.fixture(scope="module", autouse=True)
def imported(tmp_path_factory):
    """Let PyTorch and torchvision import what they need before anything is timed."""
    file = tmp_path_factory.mktemp("first") / "first.pt"
    file.write_bytes(_pt_file())
    with pytest.raises(FeatlibError):
        backbone.resnet18(file)


def quickly(test):
    """Let a test fail if one input takes five seconds of the processor.

    Hypothesis counts seconds of the clock, and on a busy machine these pass while nothing is done.
    """

    @functools.wraps(test)
    def timed(*args, **kwargs):
        before = time.process_time()
        test(*args, **kwargs)
        assert time.process_time() - before < 5

    return timed


# Damage to files


def _metadata(kind):
    """Return what a camera or a program for drawing writes beside a picture."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make] = "a camera"
    exif[ExifTags.Base.XResolution] = 72.0
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"ASCII\0\0\0a comment"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[1] = "N"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    found = {"exif": exif.tobytes(), "icc_profile": profile}
    if kind == "PNG":
        found["pnginfo"] = PngInfo()
        found["pnginfo"].add_text("Title", "a title", zip=True)
        found["pnginfo"].add_itxt("Author", "ein Name", lang="de", zip=True)
    else:
        found["xmp"] = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><a tiff:Orientation='8'/></x:xmpmeta>"
    return found | ({"comment": b"a comment"} if kind == "JPEG" else {})


def _picture(kind, mode, size, described=False):
    noise = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    file, image = io.BytesIO(), Image.fromarray(noise).convert("L" if "I" in mode else mode)
    image = image.convert("I").convert(mode) if "I" in mode else image
    frames = {"save_all": True, "append_images": [image]} if kind == "GIF" else {}
    image.save(file, kind, **frames, **(_metadata(kind) if described else {}))
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
        ("PNG", "RGB", 24, True), ("JPEG", "RGB", 40, True), ("WEBP", "RGB", 24, True),
        ("AVIF", "RGB", 24, True), ("HEIF", "RGB", 24, True),
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
@quickly
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
@quickly
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
@quickly
def test_any_json_beside_weights_is_a_card_or_refused(tmp_path_factory, card):
    file = tmp_path_factory.getbasetemp() / "carded.safetensors"
    file.write_bytes(WEIGHTS[0])  # whatever the card says, these are refused
    file.with_suffix(".json").write_text(json.dumps(card))
    with pytest.raises(FeatlibError):
        weights.read_weights(file)


@given(st.data())
@settings(max_examples=settings.default.max_examples // 5)
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
@quickly
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
@quickly
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
@quickly
def test_any_json_that_a_learner_sends_is_reported_or_refused(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("class")
    for name, sent in (("ada", EXPORT), ("ben", data)):
        (folder / f"{name}.json").write_text(json.dumps(sent))
    report = class_report.read(folder)
    assert len(report.learners) + len(report.refused) == 2
    page = class_report.write(report, folder / "page.html").read_text("utf-8")
    assert "<script>alert" not in page


@given(
    damaged([json.dumps(EXPORT).encode(), b"quiz,question,tries\r\na,b,1\r\n"]),
    st.sampled_from([".json", ".csv"]),
)
@quickly
def test_any_bytes_that_a_learner_sends_are_reported_or_refused(tmp_path_factory, data, ending):
    folder = tmp_path_factory.mktemp("class")
    (folder / f"ben{ending}").write_bytes(data)
    (folder / "ada.json").write_text(json.dumps(EXPORT))
    report = class_report.read(folder)
    assert "ada" in str(report.learners)
    class_report.write(report, folder / "page.html")


# Features on disk


NETWORK = backbone.resnet18(size=32)
SETTINGS = {"shard_size": 2, "progress": False}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return a folder with pictures, one of them broken, and with their features."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "pictures").mkdir()
    for i in range(5):
        Image.new("RGB", (32, 32), (50 * i, 0, 99)).save(folder / "pictures" / f"{i}.png")
    (folder / "pictures" / "broken.png").write_text("x")
    shards.extract(folder / "pictures", folder / "out", NETWORK, **SETTINGS)
    return folder


def _table(folder):
    table = parquet.read_table(folder)
    return table["path"].to_pylist(), np.stack(table["features"].to_numpy())


@given(st.data())
@settings(max_examples=max(20, settings.default.max_examples // 4))
@quickly
def test_features_beside_a_damaged_file_are_right_or_refused(tmp_path_factory, finished, data):
    out = tmp_path_factory.mktemp("damaged") / "out"
    shutil.copytree(finished / "out", out)
    names = sorted(path.name for path in out.iterdir() if path.is_file())
    file = out / data.draw(st.sampled_from(names))
    file.write_bytes(data.draw(damaged([file.read_bytes()])))
    try:
        done = shards.extract(finished / "pictures", out, NETWORK, **SETTINGS)
    except FeatlibError:
        return
    assert [name for name, _ in done.unreadable] == ["broken.png"]
    (found_paths, found), (paths, expected) = _table(out), _table(finished / "out")
    assert found_paths == paths
    np.testing.assert_allclose(found, expected, atol=1e-4)


# What a page sends to a widget


FILES = st.sampled_from([[], [b""], [None], [b"x" * 100], [PICTURES[0]], [PICTURES[5]] * 2, None])
MESSAGES = {
    "quiz": [{"check": "purpose", "answer": 2, "sent": "1"}, {"reset": True, "sent": "2"}],
    "cards": [{"card": "frozen", "rating": "good", "sent": "1"}],
    "lab": [{"settings": {"learning_rate": 0.002, "epochs": 2}, "sent": "1"}],
    "own": [
        {"upload": 0, "file": "a.png", "sent": "1"}, {"clear": 0, "sent": "2"},
        {"train": {"0": "cups", "1": "shoes"}, "sent": "3"}, {"try": "a.png", "sent": "4"},
        {"batch": 0, "files": [["a.png", 100]], "sent": "5"}, {"frame": 1, "sent": "6"},
        {"piece": "7", "number": 0, "file": "a.png"}, {"remove": 0}, {"add": "cups"}, {"drop": 1},
        {"rename": 0, "name": "cups"}, {"dismiss": 0}, {"show": [0, 1]},
    ],
    "mine": [{"picture": "a.png", "sent": "1"}, {"cat": True, "sent": "2"}],
    "guess": [{"guess": [0.1, 0.2, 0.9], "sent": "1"}, {"forget": True, "sent": "2"}],
}  # fmt: skip


@pytest.fixture(scope="module")
def widgets(tmp_path_factory):
    """Return a widget of each kind that counts its replies."""
    progress = quiz.Progress(tmp_path_factory.mktemp("widgets") / "answers.jsonl")
    made = {
        "quiz": QuizWidget(quiz.load("source_quiz"), progress),
        "cards": FlashcardsWidget(quiz.load_deck(), progress),
        "lab": featlib.show_lab(),
        "own": featlib.show_own_images(),
        "mine": featlib.show_my_picture(),
        "guess": GuessWidget(quiz.Guess(quiz.find_guess("00-proof"), progress)),
    }
    for widget in made.values():
        widget.replies = []
        widget.send = widget.replies.append
    return made


@given(st.sampled_from(list(MESSAGES)), st.data())
@settings(max_examples=settings.default.max_examples // 2)
@quickly
def test_each_message_gets_one_reply(widgets, name, data):
    widget = widgets[name]
    message, files = data.draw(changed(MESSAGES[name]) | JSON), data.draw(FILES)
    assume(not (isinstance(message, dict) and "folder" in message))  # it may name any of the disk
    widget.replies.clear()
    widget._receive(widget, message, files)
    [reply] = widget.replies
    assert "done" in reply
    assert "\x1b" not in str(reply)


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
@quickly
def test_any_text_is_marked(question, answer):
    found = quiz.mark(question, answer)
    assert isinstance(found.correct, bool)
    assert isinstance(found.feedback, str)


@given(st.sampled_from(QUESTIONS), JSON)
@quickly
def test_an_answer_of_any_kind_is_marked_or_refused(question, answer):
    try:
        found = quiz.mark(question, answer)
    except FeatlibError:
        return
    assert isinstance(found.correct, bool)
