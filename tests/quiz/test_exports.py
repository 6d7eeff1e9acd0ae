"""Quizzes for Moodle and Canvas: read back by rules of their own, and marked alike."""

import itertools
import re
import zipfile
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from featlib import FeatlibError, quiz
from featlib.quiz import exports
from featlib.quiz.accepted import interval
from featlib.quiz.html import choice, code, rich
from featlib.quiz.questions import CHOICES

HOSTILE = [
    "}", "{a}", "=x", "~", "a~b=c", "# not a heading", "####", "::", "a:b", "\\", "\\}", "\\n",
    "$5 and $7", "$x_1$", "$CATEGORY: x", "// no comment", "a\n\nb", "->", "%50%", "%-100%x",
    "[html]x", "[plain]", "<script>x</script>", "a & b < c", "&&058;", "]]>", "a\u2028b", "日本 ✓",
    "'\"", "#}",
]  # fmt: skip


ASKED = {"question": "?"}


# --- GIFT, read as Moodle's documentation describes it ---


def mask(text):
    """Hide what is escaped from the search for signs with a meaning."""
    return re.sub(r"\\(.)", lambda found: chr(0xE000 + ord(found[1])), text)


def unmask(text):
    """Return the text that was meant."""
    text = text.strip()
    number = r"-?[\d.e+-]+"
    assert not re.search("[~=#{}:]", text) or re.fullmatch(f"{number}:{number}", text)
    if found := re.match(r"\[(html|plain|markdown|moodle)\]", text):
        text = text[found.end() :]
    plain = (c if not 0xE000 <= ord(c) < 0xE080 else chr(ord(c) - 0xE000) for c in text)
    hidden = {chr(0xE000 + ord("n")): "\n"}
    return "".join(hidden.get(raw, c) for raw, c in zip(text, plain, strict=True)).strip()


def parse_gift(text):
    """Return each question: its name, its text, the kind, the answers, and what is said after."""
    found, category = {}, ""
    for block in re.split(r"\n\s*\n", text.strip()):
        assert "\n" not in block
        if block.startswith("$CATEGORY:"):
            category = block[10:].strip()
            continue
        block = mask(block)
        name, body, answers = re.fullmatch(r"::(.*?)::([^{}]*)\{([^{}]*)\}", block).groups()
        assert body.startswith("[html]")
        answers, _, general = answers.partition("####")
        assert "####" not in general
        kind, parsed = parse_answers(answers.strip())
        assert unmask(name) not in found
        found[unmask(name)] = category, unmask(body), kind, parsed, unmask(general)
    return found


def parse_answers(text):
    if text.startswith("#"):
        said, _, wrong = text[1:].partition("~")
        right = [weighed(part, 100.0) for part in said.split("=")[1:]]
        return "numeric", [*right, *([weighed(wrong)] if wrong else [])]
    if "~" in text:
        parts = [part for part in text.replace("=", "~=").split("~") if part.strip()]
        kind = "single" if "=" in text else "many"
        return kind, [
            weighed(part.removeprefix("="), 100.0 if part[0] == "=" else 0.0) for part in parts
        ]
    parts = text.split("=")[1:]
    if "->" in text:
        return "match", [tuple(map(unmask, part.split("->"))) for part in parts]
    return "short", [weighed(part, 100.0) for part in parts]


def weighed(part, default=0.0):
    found = re.match(r"\s*%(-?\d{1,2}\.?\d*)%", part)
    answer, _, feedback = part[found.end() if found else 0 :].partition("#")
    return float(found[1]) if found else default, unmask(answer), unmask(feedback)


def gift_right(kind, answers, given):
    """Mark a number or a text as Moodle does: the first answer that matches counts."""
    for weight, answer, _ in answers:
        if kind == "short":
            pattern = re.sub(r"(?<!\\\\)\\\*", ".*", re.escape(answer)) if answer == "*" else None
            text = answer.replace("\\*", "*")
            hit = bool(pattern and re.fullmatch(pattern, given)) or text.lower() == given.lower()
        elif ".." in answer:
            low, high = map(float, answer.split(".."))
            hit = low - 1e-12 <= given <= high + 1e-12
        elif answer:
            value, around = map(float, answer.split(":"))
            hit = abs(given - value) <= around + 1e-12 * abs(value)
        else:
            hit = True
        if hit:
            return weight == 100
    return False


def exported(tmp_path, quizzes, format="gift"):
    path = tmp_path / "out"
    done = exports.export(quizzes, path, format=format)
    assert done.files == (path,)
    return done, path


def read_gift(tmp_path, quizzes):
    done, path = exported(tmp_path, quizzes)
    return done, parse_gift(path.read_text(encoding="utf-8"))


def same(html, other):
    """Whether two texts differ only in blanks at their ends."""
    return html.strip() == other.replace("\u2028", "\n").strip()


def shown(question):
    return rich(question.text, question.format) + code(question.code)


def tried(question):
    """Return numbers at and around all that a question compares with."""
    edges = set()
    for answer in question.answers:
        edges |= {answer["value"]} if "value" in answer else set(answer.get("range", ()))
    steps = (0, 1e-4, -1e-4, question.tolerance, question.tolerance * 1.01, -question.tolerance, 1)
    return [round(float(edge + step), 12) for edge, step in itertools.product(edges, steps)]


@pytest.fixture(scope="module")
def lesson():
    return {f"{of.name} {q.id}": q for of in quiz.bundled_quizzes() for q in of.pool}


def test_gift_holds_all_that_it_can_of_the_lesson(tmp_path, lesson):
    done, found = read_gift(tmp_path, [])
    left = {f"{name} {question}" for name, question, _ in done.left_out}
    assert found.keys() | left == lesson.keys()
    assert not found.keys() & left
    assert done.questions == len(found) > 120
    for name in left:
        question = lesson[name]
        spelled = any("fuzzy_threshold" in answer for answer in question.answers)
        assert question.type == "shape" or question.asks or spelled
    for name, (category, body, kind, answers, general) in found.items():
        question = lesson[name]
        assert category.startswith(f"featlib/{name.split()[0]} ")
        assert body.startswith(shown(question).strip())
        assert same(general, rich(question.explanation, question.format))
        check_gift(question, kind, answers)


def check_gift(question, kind, answers):
    if question.type in CHOICES:
        texts = [choice(question, answer) for answer in question.answers]
        assert all(map(same, (text for _, text, _ in answers), texts))
        right = [answer["correct"] for answer in question.answers]
        assert [weight > 0 for weight, *_ in answers] == right
        assert sum(max(weight, 0) for weight, *_ in answers) == pytest.approx(100, abs=1e-3)
        assert kind == ("single" if question.type == "multiple_choice" else "many")
        if kind == "many":
            assert all(weight == -100 for weight, *_ in answers if weight <= 0)
        said = [rich(answer.get("feedback", ""), question.format) for answer in question.answers]
        assert all(map(same, (feedback for *_, feedback in answers), said))
    elif question.type == "numeric":
        assert kind == "numeric"
        for given in tried(question):
            right = quiz.mark(question, repr(given)).correct
            assert gift_right(kind, answers, given) == right, (question.id, given)
    else:
        assert (question.type, kind) == ("order", "match")
        in_order = [text for text, _ in sorted(answers, key=lambda pair: int(pair[1]))]
        assert all(map(same, in_order, (rich(item, question.format) for item in question.items)))
        assert [int(place) for _, place in answers] != sorted(int(place) for _, place in answers)


def hostile_quiz(text):
    """Return questions of all types with a text in every place."""
    feedback = f"say {text}"
    choices = [
        {"answer": text, "correct": True, "feedback": text},
        {"answer": f"{text} {text}", "correct": False, "feedback": feedback},
        {"answer": "z", "code": text, "correct": True},
    ]
    fields = {"question": text, "explanation": text, "hint": text, "code": text}
    return [
        {**fields, "type": "multiple_choice", "answers": choices[:2]},
        {**fields, "type": "many_choice", "answers": choices, "format": "markdown"},
        {**fields, "type": "numeric", "answers": [{"value": 1, "correct": True, **choices[0]}]},
        {**fields, "type": "string", "answers": choices[:2]},
        {
            **fields,
            "type": "order",
            "items": [text, "b", f"{text}c"],
            "feedback": {"correct": text, "wrong": text},
        },
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_gift_with_hostile_texts(tmp_path, text):
    quizzes = [quiz.load(hostile_quiz(text))]
    done, found = read_gift(tmp_path, quizzes)
    short, left = quizzes[0].pool[3], [question for _, question, _ in done.left_out]
    assert left == ([short.id] if "->" in text or "&&0" in text else [])
    for question in quizzes[0].pool:
        if question.id in left:
            continue
        _, body, kind, answers, general = found[f"own questions {question.id}"]
        assert body.startswith(shown(question).replace("\u2028", "\n").strip())
        assert same(general, rich(text, question.format))
        if question is short:
            assert kind == "short"
            assert [weight for weight, *_ in answers] == [100, 0]
            assert gift_right(kind, answers, " ".join(text.split()))
        else:
            check_gift(question, kind, answers)


# --- Numbers ---


NUMBERS = [
    {"answers": [{"value": 0.8, "correct": True}], "tolerance": 0.01},
    {"answers": [{"value": 1, "correct": True}], "precision": 2},
    {"answers": [{"value": -1, "correct": True}], "precision": 2},
    {"answers": [{"value": 0.3, "correct": True}], "precision": 2, "tolerance": 0.1},
    {"answers": [{"value": 123456, "correct": True}], "precision": 3},
    {"answers": [{"value": 0, "correct": True}], "precision": 1},
    {"answers": [{"value": 0, "correct": True}], "precision": 1, "tolerance": 0.5},
    {"answers": [{"range": [780, 821], "correct": True}]},
    {"answers": [{"range": [-2, 3], "correct": True}], "precision": 1},
    {"answers": [{"range": [0.994, 1.05], "correct": True}], "precision": 2},
    {"answers": [{"value": 400, "correct": False}, {"range": [300, 500], "correct": True}]},
]


@pytest.mark.parametrize("entry", NUMBERS, ids=str)
def test_an_interval_holds_what_is_marked_right(tmp_path, entry):
    of = quiz.load([{**ASKED, "type": "numeric", **entry}])
    (question,) = of.questions
    right = question.answers[-1]
    low, high = interval(question, right)
    inside = (high - low) * 1e-3
    probes = [low, high, (low + high) / 2, low + inside, high - inside]
    beyond = [low - max(inside, 1e-5), high + max(inside, 1e-5)]
    alone = replace(question, answers=(right,))
    assert all(quiz.mark(alone, f"{given:.15g}").correct for given in probes)
    assert not any(quiz.mark(alone, f"{given:.15g}").correct for given in beyond)
    (*_, kind, answers, _) = read_gift(tmp_path, [of])[1]["own questions question-1"]
    for given in {*probes, *beyond, 400.0}:
        assert gift_right(kind, answers, given) == quiz.mark(question, repr(given)).correct


def test_the_upper_end_of_a_range_is_wrong_and_what_is_just_below_is_right():
    (question,) = quiz.load([{**ASKED, "type": "numeric", **NUMBERS[7]}]).questions
    low, high = interval(question, question.answers[0])
    assert low == 780
    assert 820.999 < high < 821


# --- QTI 1.2 ---

QTI = "{http://www.imsglobal.org/xsd/ims_qtiasiv1p2}"
PACKAGE = "{http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1}"


def read_qti(tmp_path, quizzes):
    """Return the items of each assessment of a package, by the assessment's title."""
    done, path = exported(tmp_path, quizzes, "qti")
    found = {}
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
        manifest = ElementTree.fromstring(archive.read("imsmanifest.xml"))
        listed = {"imsmanifest.xml"}
        resources = manifest.findall(f"{PACKAGE}resources/{PACKAGE}resource")
        idents = [resource.get("identifier") for resource in resources]
        assert len(idents) == len(set(idents))
        for resource in resources:
            (file,) = resource.findall(f"{PACKAGE}file")
            listed.add(file.get("href"))
            for needed in resource.findall(f"{PACKAGE}dependency"):
                assert needed.get("identifierref") in idents
            if resource.get("type") == "imsqti_xmlv1p2":
                root = ElementTree.fromstring(archive.read(file.get("href")))
                (assessment,) = root.findall(f"{QTI}assessment")
                found[assessment.get("title")] = assessment.findall(f"{QTI}section/{QTI}item")
        assert listed == names
    return done, found


def texts(parent, path):
    return [each.text or "" for each in parent.findall("/".join(f"{QTI}{p}" for p in path.split()))]


def holds(condition, given):
    """Whether what is in a conditionvar is true of a set of choices, a number, or a text."""
    tag, text = condition.tag.removeprefix(QTI), condition.text
    inner = [holds(each, given) for each in condition]
    if tag in ("and", "conditionvar"):
        return all(inner)
    if tag == "or":
        return any(inner)
    if tag == "not":
        return not inner[0]
    if tag == "other":
        return True
    if isinstance(given, float):
        limit = float(text)
        return {"varequal": given == limit, "vargte": given >= limit, "varlte": given <= limit}[tag]
    assert tag == "varequal"
    return text.lower() == given.lower() if isinstance(given, str) else text in given


def qti_right(item, given):
    """Mark an answer by the conditions that give the whole mark."""
    for condition in item.findall(f"{QTI}resprocessing/{QTI}respcondition"):
        (asked,) = condition.findall(f"{QTI}conditionvar")
        if condition.find(f"{QTI}setvar") is None:
            continue
        any_of = isinstance(given, str)  # several texts stand side by side
        if any(holds(each, given) for each in asked) if any_of else holds(asked, given):
            return True
    return False


def check_qti(question, item):
    kinds = dict(
        zip(
            texts(item, "itemmetadata qtimetadata qtimetadatafield fieldlabel"),
            texts(item, "itemmetadata qtimetadata qtimetadatafield fieldentry"),
            strict=True,
        )
    )
    kind = kinds["question_type"]
    assert texts(item, "presentation material mattext")[0].startswith(shown(question))
    feedback = {each.get("ident") for each in item.findall(f"{QTI}itemfeedback")}
    asked = {each.get("linkrefid") for each in item.iter(f"{QTI}displayfeedback")}
    assert asked == feedback - {"correct_fb"}
    labels = item.findall(f"{QTI}presentation/{QTI}response_lid/{QTI}render_choice/*")
    names = [label.get("ident") for label in labels]
    if question.type in CHOICES:
        assert [texts(label, "material mattext")[0] for label in labels] == [
            choice(question, answer) for answer in question.answers
        ]
        assert len(set(names)) == len(names)
        most = 2 if question.type == "multiple_choice" else len(names) + 1
        for size in range(1, most):
            for some in itertools.combinations(range(len(names)), size):
                answer = some[0] if question.type == "multiple_choice" else list(some)
                right = quiz.mark(question, answer).correct
                assert qti_right(item, {names[n] for n in some}) == right
        return kind
    if question.type == "numeric":
        for given in tried(question):
            assert qti_right(item, given) == quiz.mark(question, repr(given)).correct
    if question.type == "order":
        places = {}
        for condition in item.findall(f"{QTI}resprocessing/{QTI}respcondition"):
            for equal in condition.findall(f"{QTI}conditionvar/{QTI}varequal"):
                places[equal.get("respident")] = equal.text
        in_order = {}
        for response in item.findall(f"{QTI}presentation/{QTI}response_lid"):
            right = places[response.get("ident")]
            place = {
                label.get("ident"): texts(label, "material mattext")[0]
                for label in response.findall(f"{QTI}render_choice/{QTI}response_label")
            }
            # Canvas tells the places apart by the first digits of their names.
            digits = {re.search(r"\d+", name)[0] for name in place}
            assert len(digits) == len(question.items)
            in_order[int(place[right])] = texts(response, "material mattext")[0]
        wanted = [rich(each, question.format) for each in question.items]
        assert [in_order[n] for n in sorted(in_order)] == wanted
    return kind


def test_qti_holds_all_that_it_can_of_the_lesson(tmp_path):
    done, found = read_qti(tmp_path, [])
    left = {(name, question) for name, question, _ in done.left_out}
    idents, kinds = [], set()
    for of in quiz.bundled_quizzes():
        items = found.pop(of.title)
        kept = [question for question in of.pool if (of.name, question.id) not in left]
        assert [item.get("title") for item in items] == [question.id for question in kept]
        idents += [item.get("ident") for item in items]
        kinds |= {check_qti(question, item) for question, item in zip(kept, items, strict=True)}
    assert not found
    assert len(set(idents)) == len(idents) == done.questions > 120
    assert kinds == {
        "multiple_choice_question",
        "multiple_answers_question",
        "numerical_question",
        "matching_question",
    }


@pytest.mark.parametrize("text", [*HOSTILE, "\x00\x0b", "\x1b[1m"])
def test_qti_with_hostile_texts(tmp_path, text):
    entries = hostile_quiz(text)
    if text != text.strip("\x00\x0b\x1b"):  # what no XML can hold is replaced
        done, found = read_qti(tmp_path, [quiz.load(entries)])
        assert done.questions == 5
        return
    of = quiz.load(entries)
    done, found = read_qti(tmp_path, [of])
    assert done.left_out == ()
    (items,) = found.values()
    for question, item in zip(of.pool, items, strict=True):
        check_qti(question, item)
        if question.type == "string":
            assert qti_right(item, " ".join(text.split()))
            assert not qti_right(item, f"{text} {text}")


def test_a_wrong_number_among_right_ones_is_left_out_of_qti(tmp_path):
    entry = {**ASKED, "type": "numeric", **NUMBERS[10]}
    other = {**ASKED, "type": "numeric", **NUMBERS[7]}
    done, _ = read_qti(tmp_path, [quiz.load([entry, other])])
    why = "a wrong number of it lies among the right ones"
    assert done.left_out == (("own questions", "question-1", why),)


def test_a_text_that_is_wrong_before_it_is_right_is_not_right_in_qti(tmp_path):
    answers = [("b", False), ("A", True), ("B", True)]
    answers = [{"answer": text, "correct": right} for text, right in answers]
    _, found = read_qti(tmp_path, [quiz.load([{**ASKED, "type": "string", "answers": answers}])])
    ((item,),) = found.values()
    assert [qti_right(item, text) for text in ("a", "b")] == [True, False]


def test_hints_come_with_what_is_wrong(tmp_path):
    entry = {**ASKED, "type": "numeric", "hint": "Look.", **NUMBERS[0]}
    _, found = read_qti(tmp_path, [quiz.load([entry])])
    ((item,),) = found.values()
    (said,) = [f for f in item.iter(f"{QTI}itemfeedback") if "incorrect" in f.get("ident")]
    assert texts(said, "flow_mat material mattext") == ["Look."]


@pytest.mark.parametrize("format", exports.FORMATS)
def test_the_same_quizzes_make_the_same_file(tmp_path, format):
    first, second = (exported(tmp_path, ["03_feature_extraction"], format) for _ in range(2))
    before = first[1].read_bytes()
    exports.export(["03_feature_extraction"], tmp_path / "again", format=format)
    assert before == (tmp_path / "again").read_bytes() == second[1].read_bytes()


# --- What is refused ---


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ({"type": "shape", "answers": [{"shape": [1], "correct": True}]}, "many ways"),
        (
            {"type": "numeric", "answers": [{"range": [-1e308, 1e308], "correct": True}]},
            "too large",
        ),
        (
            {"type": "numeric", "precision": 2, "answers": [{"value": 1.7e308, "correct": True}]}
            | {"tolerance": 1e308},
            "too large",
        ),
        ({"type": "numeric", "answers": [{"ask": "x", "correct": True}]}, "own run"),
        (
            {"type": "string", "answers": [{"answer": "A", "correct": True, "match_case": True}]},
            "capital letters count",
        ),
        (
            {
                "type": "string",
                "answers": [{"answer": "A", "correct": True, "fuzzy_threshold": 0.9}],
            },
            "nearly spelled right",
        ),
    ],
)
@pytest.mark.parametrize("format", exports.FORMATS)
def test_what_no_system_can_mark_is_named(tmp_path, entry, why, format):
    plain = {**ASKED, "type": "numeric", **NUMBERS[0]}
    done, _ = exported(tmp_path, [quiz.load([{**ASKED, **entry}, plain])], format)
    ((name, question, said),) = done.left_out
    assert (name, question, done.questions) == ("own questions", "question-1", 1)
    assert why in said
    with pytest.raises(FeatlibError, match="wanted a question that can be exported"):
        exports.export([quiz.load([{**ASKED, **entry}])], tmp_path / "x", format=format)
    assert not (tmp_path / "x").exists()


def test_eleven_right_choices_are_no_parts_of_a_mark(tmp_path):
    answers = [{"answer": f"n{i}", "correct": i < 11} for i in range(12)]
    of = quiz.load([{**ASKED, "type": "many_choice", "answers": answers}])
    with pytest.raises(FeatlibError, match="cannot divide a mark into 11 parts"):
        exports.export([of], tmp_path / "x")
    assert exports.export([of], tmp_path / "x", format="qti").questions == 1


def empty(kind, text):
    answers = [{"answer": text, "correct": True}, {"answer": "b", "correct": False}]
    return {"type": kind, "answers": answers}


FEEDBACK = {"correct": "y", "wrong": "n"}


@pytest.mark.parametrize(
    ("entry", "why", "formats"),
    [
        (empty("multiple_choice", " "), "a choice or an item of it is empty", ("gift", "qti")),
        (empty("many_choice", "<!-- x -->"), "a choice or an item of it is empty", ("gift", "qti")),
        (empty("string", " "), "no answer of it is right", ("gift", "qti")),
        (
            {"type": "order", "items": ["a", "b", " "], "feedback": FEEDBACK},
            "a choice or an item of it is empty",
            ("gift", "qti"),
        ),
        (
            {"type": "order", "items": ["a", "b"], "feedback": FEEDBACK},
            "Moodle wants 3 items",
            ("gift",),
        ),
        (empty("string", "&&058;"), "another sign", ("gift",)),
    ],
)
@pytest.mark.parametrize("format", exports.FORMATS)
def test_nothing_stops_an_import(tmp_path, entry, why, formats, format):
    """Moodle drops the questions after one that it objects to."""
    plain = {**ASKED, "type": "numeric", **NUMBERS[0]}
    done, _ = exported(tmp_path, [quiz.load([{**ASKED, **entry}, plain])], format)
    assert done.questions == (1 if format in formats else 2)
    assert [why in said for *_, said in done.left_out] == [True] * (format in formats)


def test_a_typed_answer_is_one_line(tmp_path):
    of = quiz.load(
        [{**ASKED, "type": "string", "answers": [{"answer": " a\n b ", "correct": True}]}]
    )
    (*_, answers, _) = read_gift(tmp_path, [of])[1]["own questions question-1"]
    assert answers == [(100, "a b", "")]
    ((item,),) = read_qti(tmp_path, [of])[1].values()
    assert qti_right(item, "a b")


def test_long_titles_fit_the_columns_of_both_systems(tmp_path):
    long = replace(quiz.load("source_quiz"), title="long / " * 100)
    _, path = exported(tmp_path, [long])
    category = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("$CATEGORY: featlib/")
    assert 240 < len(category.replace("//", "/")) <= 255
    (title,) = read_qti(tmp_path, [long])[1]
    assert len(title) == 255


def test_a_wrong_value_of_the_run_does_not_stop_a_question(tmp_path):
    answers = [{"value": 2, "correct": True}, {"ask": "mine", "correct": False, "feedback": "no"}]
    of = quiz.load([{**ASKED, "type": "numeric", "answers": answers}])
    done, found = read_gift(tmp_path, [of])
    assert done.left_out == ()
    (*_, kind, answers, _) = found["own questions question-1"]
    assert gift_right(kind, answers, 2.0)
    assert not gift_right(kind, answers, 3.0)


def test_quizzes_of_one_name_are_refused(tmp_path):
    with pytest.raises(FeatlibError, match="'05_validation' twice"):
        exports.export(["05_validation", "05_validation"], tmp_path / "x")


@pytest.mark.parametrize("bad", [5, None, [5], [None], "no_such_quiz"])
def test_what_is_no_quiz_is_refused(tmp_path, bad):
    with pytest.raises(FeatlibError):
        exports.export(bad, tmp_path / "x")


# --- The command ---


def test_the_command_names_what_it_leaves_out(run, tmp_path):
    code, out, err = run("quiz-export", "05_validation", "--format", "gift", "--out", "five.txt")
    assert (code, err) == (0, "")
    *left, last = out.splitlines()
    assert left[0].startswith("left out 05_validation, accuracy: its right answer is a value of")
    assert len(left) == 5
    assert last == "five.txt: 10 questions"
    assert (tmp_path / "five.txt").is_file()


def test_the_command_writes_a_file_each_into_a_folder(run, tmp_path):
    words = ("10_challenge", "source_quiz", "--format", "qti", "--out", f"{tmp_path}/bank/")
    code, out, _ = run("quiz-export", *words)
    assert code == 0
    assert {path.name for path in (tmp_path / "bank").iterdir()} == {
        "10_challenge.zip",
        "source_quiz.zip",
    }
    assert out.count("left out") == 2
    again = run("quiz-export", *words[:-1], tmp_path / "bank")  # now that it is there
    assert (again[0], again[1].count("\n")) == (0, 3)
    assert len(list((tmp_path / "bank").iterdir())) == 2


def test_the_command_without_a_format_is_wrong_use(run):
    assert run("quiz-export", "--out", "x")[0] == 2
    assert run("quiz-export", "--format", "qti2", "--out", "x")[0] == 2
