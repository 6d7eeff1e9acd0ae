"""Where questions may come from: what JupyterQuiz takes loads, or is refused in words."""

import base64
import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import featlib
from featlib import FeatlibError, quiz
from featlib.quiz import sources

ONE = {
    "question": "How much is 1 + 1, in words or as a number?",
    "type": "numeric",
    "answers": [{"type": "value", "value": 2, "correct": True}],
}
TEXT = json.dumps([ONE])
HIDDEN = base64.b64encode(TEXT.encode()).decode()
LINES = "\n".join(HIDDEN[i : i + 64] for i in range(0, len(HIDDEN), 64))


@pytest.mark.parametrize(
    "source",
    [
        [ONE],
        (ONE,),
        ONE,
        {"title": "t", "questions": [ONE]},
        TEXT,
        f"\n {TEXT}\n",
        HIDDEN,
        LINES,
        HIDDEN.encode(),
        f'<span style="display:none" id="q">{HIDDEN}</span>',
        f"<div class='q'>\n{TEXT}\n</div >",
        f"Here is a quiz:\n\n<span style='display:none'>{HIDDEN}</span> \n",
        f"<p><b>Quiz</b> <i><span>{HIDDEN}</span></i></p>",
        f"<div>a <div>b <div class=c>{HIDDEN}</div> </div></div>",
        f"<b>a</b> <br> <i>b</i> <span>{HIDDEN}</span >",
        str(HIDDEN.encode()),
        f'"{HIDDEN}"',
    ],
    ids=[
        "list",
        "tuple",
        "a question",
        "a quiz",
        "JSON",
        "JSON, indented",
        "base64",
        "lines",
        "bytes",
        "an element",
        "an element of JSON",
        "a cell",
        "elements in elements",
        "elements of one name",
        "elements beside it",
        "bytes as printed",
        "quoted",
    ],
)
def test_questions_as_jupyterquiz_takes_them(source):
    widget = featlib.show_quiz(source)
    assert [q.text for q in widget.quiz.questions] == [ONE["question"]]
    widget._receive(widget, {"check": "question-1", "answer": "2"}, [])
    assert widget.view["questions"][0]["state"] == "right"


def test_html_in_questions_is_no_element_that_hides_them():
    asked = [ONE | {"question": "How <b>much</b>?"}]
    for source in (json.dumps(asked), f"<span>{json.dumps(asked)}</span>"):
        assert quiz.load(source).questions[0].text == asked[0]["question"]


# Of so many characters; each took seconds to minutes, or Python's whole stack.
LONG = {
    "quotes in a text without end": ('["' + '\\"' * 200_000, sources.parse),
    "the same after a comma": ('[1,],["' + '\\"' * 200_000 + "\\", sources.parse),
    "commas and blanks": ("[" + ",  " * 100_000, sources.parse),
    "elements in elements": ("<a>x" * 2000 + "</a>" * 2000, quiz.load),
    "elements without end": ("<a>x" * 20_000, quiz.load),
    "one long name": ("<" + "a" * 60_000, quiz.load),
}


@pytest.mark.parametrize("case", LONG)
def test_what_is_long_and_wrong_is_refused_soon(case):
    text, read = LONG[case]
    begun = time.process_time()
    with pytest.raises(ValueError) as error:
        read(text)
    assert read is sources.parse or isinstance(error.value, FeatlibError)
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('["a\\\\", 1, ]', ["a\\", 1]),
        ('["\\",]", ]', ['",]']),
        ('[",}", {"a": ",]",\n}, ]', [",}", {"a": ",]"}]),
        ('\ufeff["a" , ]', ["a"]),
    ],
)
def test_the_comma_that_is_dropped_stands_in_no_text(text, found):
    assert sources.parse(text) == sources.parse(text.encode()) == found


REFUSED = {
    "an element": ("#quiz1", "an HTML element of a page. Pass the element's text itself"),
    "an element without questions": ("<span>#quiz1</span>", "an HTML element of a page"),
    "bytes that are none": (b"\xff\xfe", "Check the name and the folder"),
    "an empty list": ([], "the list holds no question"),
    "a list of texts": (["x"], "question 1, as a whole"),
    "a dict": ({"question": "x"}, '"type" is a required property'),
    "another dict": ({"a": 1}, "required property"),
    "what JSON cannot hold": ([{"question": {1}}], "what JSON cannot hold"),
    "half of JSON": (TEXT[:-5], "the text of a list of questions in JSON"),
    "half of base64": (HIDDEN[: len(HIDDEN) // 2], "Copy the element's text as a whole"),
    "base64 of half of JSON": (base64.b64encode(TEXT[:-9].encode()).decode(), "in JSON and base64"),
    "most of base64": (HIDDEN[:-2] * 3, "Copy the element's text as a whole"),
    "a short text": ("W10=", "one of 00_start_here"),
    "a number": (3, "the name of a quiz, its file, questions, or a Quiz"),
    "nothing": (None, "the name of a quiz, its file, questions, or a Quiz"),
    "another protocol": ("ftp://example.org/q.json", "Download it"),
    "no address": ("http://[", "a file that can be fetched"),
    "blanks in it": ("http://a b/c", "a file that can be fetched"),
    "no port": ("http://localhost:99999999/", "a file that can be fetched"),
    "nobody there": ("http://127.0.0.1:9/q.json", "Check the address and the connection"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_loaded_is_refused_in_words(case):
    source, said = REFUSED[case]
    with pytest.raises(FeatlibError) as error:
        featlib.show_quiz(source)
    assert said in str(error.value)
    assert len(str(error.value)) < 1000


@pytest.mark.parametrize(
    "path",
    [
        "/no/such/01_raw_input.json",
        "no_such/01_raw_input.json",
        "no_such/01_raw_input",
        Path("no_such") / "01_raw_input.json",
        "../01_raw_input.json",
    ],
)
def test_a_path_that_is_not_there_is_not_the_quiz_of_that_name(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FeatlibError, match="Pass '01_raw_input' alone"):
        featlib.show_quiz(path)


def test_a_name_is_the_lessons_and_a_file_of_that_name_is_the_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    odd = ("[draft] quiz.json", "#1.json", "{x}.JSON")
    for name in ("01_raw_input.json", "mine.txt", *odd):
        Path(name).write_text(TEXT)
    assert [len(quiz.load(name).questions) for name in odd] == [1, 1, 1]
    assert len(quiz.load("01_raw_input").questions) > 1
    assert len(quiz.load("02_preprocessing.json").questions) > 1
    assert (
        len(quiz.load("01_raw_input.json").questions) == len(quiz.load("mine.txt").questions) == 1
    )


@contextlib.contextmanager
def served(answer):
    """Serve whatever a function writes to each request, and yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            with contextlib.suppress(OSError):  # the client may have left
                answer(self)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def whole(content):
    def answer(request):
        request.send_response(200)
        request.end_headers()
        request.wfile.write(content)

    return answer


def test_a_file_at_an_address():
    with served(whole(TEXT.encode("utf-8-sig"))) as address:
        loaded = featlib.show_quiz(f"{address}/week%201/my%20quiz.json?raw=true").quiz
    assert (loaded.name, loaded.title, len(loaded.questions)) == ("my quiz", "my quiz", 1)


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("/my quiz.json", "/my%20quiz.json"),
        ("/Größe.json?q=ä b", "/Gr%C3%B6%C3%9Fe.json?q=%C3%A4%20b"),
        ("/a%20b.json?x=[1]&y=(2)", "/a%20b.json?x=[1]&y=(2)"),
        ("/q.json \n", "/q.json"),
    ],
)
def test_an_address_as_people_write_it(written, asked):
    seen = []

    def answer(request):
        seen.append(request.path)
        whole(TEXT.encode())(request)

    with served(answer) as address:
        assert len(quiz.load(f" {address}{written}").questions) == 1
    assert seen == [asked]


def drops(request):
    request.send_response(200)
    request.end_headers()
    for _ in range(100):
        request.wfile.write(b" ")
        time.sleep(0.05)


def cut(request):
    request.send_response(200)
    request.send_header("Content-Length", "1000")
    request.end_headers()
    request.wfile.write(b"[")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (whole(b"<!doctype html>"), "on GitHub, that of the button 'Raw'"),
        (whole(b"\xff"), "a JSON file in UTF-8"),
        (whole(b" " * 2_000), "more than 0.001 MB"),
        (whole(b""), "a JSON file in UTF-8"),
        (lambda request: request.send_error(404), "404"),
        (lambda request: request.wfile.write(b"no http\r\n\r\n"), "no http"),
        (lambda request: None, "download the file"),
        (drops, "not all of it within 0.5 seconds"),
        (cut, "a JSON file in UTF-8"),
    ],
    ids=["a page", "no text", "too large", "empty", "404", "no http", "nothing", "drops", "cut"],
)
def test_what_is_no_quiz_at_an_address(answer, said, monkeypatch):
    monkeypatch.setattr(sources, "_SECONDS", 0.5)
    monkeypatch.setattr("featlib.quiz.questions._LARGEST", 1000)
    with served(answer) as address, pytest.raises(FeatlibError) as error:
        quiz.load(f"{address}/q.json")
    assert said in str(error.value)
    assert address in str(error.value)


def test_a_server_that_says_nothing_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(sources, "_SECONDS", 0.3)
    with served(lambda request: time.sleep(1)) as address, pytest.raises(FeatlibError, match="tim"):
        quiz.load(address)
