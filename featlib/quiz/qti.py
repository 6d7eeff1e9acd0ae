"""Quizzes for Canvas, as a package of QTI 1.2.

The elements are those of "IMS Question & Test Interoperability: ASI XML Binding", version 1.2
(https://www.imsglobal.org/question/qtiv1p2/imsqti_asi_bindv1p2.html), the names of the question
types those of Canvas' own exports. All texts are HTML, as the notebooks show them.

Canvas knows no wrong numbers and texts, so feedback to these is not in the package. It gives a part
of the mark for some of several right choices, or some items in their place; featlib wants all. A
hint comes after a wrong answer.
"""

import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Sequence
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from featlib.quiz.accepted import LeftOut, asked, interval, number, otherwise, typed
from featlib.quiz.html import choice, rich
from featlib.quiz.marking import mark, shuffled
from featlib.quiz.questions import Question

__all__ = ["item", "package"]

_KINDS = {
    "multiple_choice": "multiple_choice_question",
    "many_choice": "multiple_answers_question",
    "numeric": "numerical_question",
    "string": "short_answer_question",
    "order": "matching_question",
}
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PACKAGE = "http://www.imsglobal.org/xsd/imsccv1p1/imscp_v1p1"
_QTI = "http://www.imsglobal.org/xsd/ims_qtiasiv1p2"
_CANVAS = "http://canvas.instructure.com/xsd/cccv1p0"
_ABOUT = "associatedcontent/imscc_xmlv1p1/learning-application-resource"
_LONGEST = 255  # characters of a quiz's title in Canvas
_ZIPPED_ON = (1980, 1, 1, 0, 0, 0)  # the same questions make the same file


def package(quizzes: Sequence[tuple[str, str, Sequence[Element]]]) -> bytes:
    """Return a zip archive that Canvas imports.

    Parameters
    ----------
    quizzes : sequence of tuple
        Name and title of each quiz, and what `item` returned for its questions.

    Returns
    -------
    bytes
    """
    manifest = Element("manifest", {"identifier": "featlib", "xmlns": _PACKAGE})
    about = _add(manifest, "metadata")
    _add(about, "schema", "IMS Content")
    _add(about, "schemaversion", "1.1.3")
    _add(manifest, "organizations")
    resources = _add(manifest, "resources")
    files: dict[str, Element] = {"imsmanifest.xml": manifest}
    for name, title, items in quizzes:
        title = title[:_LONGEST]
        ident = _ident("quiz", name)
        questions, meta = f"{ident}/{ident}.xml", f"{ident}/assessment_meta.xml"
        resource = _add(resources, "resource", identifier=ident, type="imsqti_xmlv1p2")
        _add(resource, "file", href=questions)
        _add(resource, "dependency", identifierref=f"{ident}_meta")
        resource = _add(resources, "resource", identifier=f"{ident}_meta", type=_ABOUT, href=meta)
        _add(resource, "file", href=meta)
        files[questions] = _assessment(ident, title, items)
        files[meta] = _meta(ident, title, len(items))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, root in files.items():
            info = zipfile.ZipInfo(name, _ZIPPED_ON)
            content = tostring(root, encoding="UTF-8", xml_declaration=True)
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def item(name: str, question: Question) -> Element:
    """Return a question as an item of QTI.

    Parameters
    ----------
    name : str
        Of the quiz.
    question : featlib.quiz.Question
        The question.

    Returns
    -------
    xml.etree.ElementTree.Element

    Raises
    ------
    featlib.quiz.accepted.LeftOut
        If Canvas cannot be told what is right.
    """
    body = asked(question)
    ident = _ident("question", f"{name}/{question.id}")
    found = Element("item", {"ident": ident, "title": question.id})
    fields = _add(_add(found, "itemmetadata"), "qtimetadata")
    for label, entry in (("question_type", _KINDS[question.type]), ("points_possible", "1")):
        field = _add(fields, "qtimetadatafield")
        _add(field, "fieldlabel", label)
        _add(field, "fieldentry", entry)
    presentation = _add(found, "presentation")
    _material(presentation, body)
    processing = _add(found, "resprocessing")
    _add(
        _add(processing, "outcomes"),
        "decvar",
        maxvalue="100",
        minvalue="0",
        varname="SCORE",
        vartype="Decimal",
    )
    said = {"general_fb": question.explanation}
    if question.explanation:
        _otherwise(processing, "general_fb")
    said |= _ANSWERS[question.type](question, ident, presentation, processing)
    if wrong := "\n\n".join(filter(None, [otherwise(question), question.hint])):
        _otherwise(processing, "general_incorrect_fb")
        said["general_incorrect_fb"] = wrong
    for feedback, text in said.items():
        if text:
            flow = _add(_add(found, "itemfeedback", ident=feedback), "flow_mat")
            _material(flow, rich(text, question.format))
    return found


def _choices(
    question: Question, ident: str, presentation: Element, processing: Element
) -> dict[str, str]:
    many = question.type == "many_choice"
    response = _add(
        presentation,
        "response_lid",
        ident="response1",
        rcardinality="Multiple" if many else "Single",
    )
    shown, said = _add(response, "render_choice"), {}
    names = [f"{ident}_{n}" for n in range(1, len(question.answers) + 1)]
    for name, answer in zip(names, question.answers, strict=True):
        _material(_add(shown, "response_label", ident=name), choice(question, answer))
        if feedback := answer.get("feedback"):
            said[f"{name}_fb"] = feedback
            _equal(_condition(processing, "Yes", f"{name}_fb"), "response1", name)
    condition = _condition(processing, "No")
    if many:
        condition = _add(condition, "and")
    for name, answer in zip(names, question.answers, strict=True):
        if answer["correct"]:
            _equal(condition, "response1", name)
        elif many:
            _equal(_add(condition, "not"), "response1", name)
    return said


def _numbers(
    question: Question, ident: str, presentation: Element, processing: Element
) -> dict[str, str]:
    response = _add(presentation, "response_str", ident="response1", rcardinality="Single")
    shown = _add(response, "render_fib", fibtype="Decimal")
    _add(shown, "response_label", ident=f"{ident}_0")
    said, wrong = {}, []
    for n, answer in enumerate(question.answers, 1):
        if "value" not in answer and "range" not in answer:
            continue
        low, high = interval(question, answer)
        if not answer.get("correct"):
            wrong.append((low, high))
            continue
        if any(low <= last and first <= high for first, last in wrong):
            raise LeftOut("a wrong number of it lies among the right ones")
        condition = _condition(
            processing, "No", f"{ident}_{n}_fb" if answer.get("feedback") else ""
        )
        said[f"{ident}_{n}_fb"] = answer.get("feedback", "")
        if "range" not in answer and not question.precision:
            either = _add(condition, "or")
            _equal(either, "response1", number(answer["value"]))
            condition = _add(either, "and")
        _add(condition, "vargte", number(low), respident="response1")
        _add(condition, "varlte", number(high), respident="response1")
    return said


def _texts(
    question: Question, ident: str, presentation: Element, processing: Element
) -> dict[str, str]:
    response = _add(presentation, "response_str", ident="response1", rcardinality="Single")
    _add(_add(response, "render_fib"), "response_label", ident=f"{ident}_0", rshuffle="No")
    said, right = {}, []
    for n, answer in enumerate(question.answers, 1):
        text = typed(answer)
        # An earlier wrong answer may be the same text.
        if answer.get("correct") and text and mark(question, text).correct:
            right.append(text)
            if feedback := answer.get("feedback"):
                said[f"{ident}_{n}_fb"] = feedback
                _equal(_condition(processing, "Yes", f"{ident}_{n}_fb"), "response1", text)
    condition = _condition(processing, "No")
    for text in right:
        _equal(condition, "response1", text)
    return said


def _pairs(
    question: Question, ident: str, presentation: Element, processing: Element
) -> dict[str, str]:
    places, share = range(len(question.items)), number(round(100 / len(question.items), 2))
    names = [f"place{at + 1}_{ident}" for at in places]  # Canvas tells them apart by their numbers
    for at in shuffled(question):
        response = f"response_{ident}_{at + 1}"
        asked = _add(presentation, "response_lid", ident=response, rcardinality="Single")
        _material(asked, rich(question.items[at], question.format))
        shown = _add(asked, "render_choice")
        for place in places:
            _material(_add(shown, "response_label", ident=names[place]), str(place + 1))
        _equal(_condition(processing, "Yes", adds=share), response, names[at])
    return {"correct_fb": question.feedback["correct"]}


_ANSWERS: dict[str, Callable[[Question, str, Element, Element], dict[str, str]]] = {
    "multiple_choice": _choices,
    "many_choice": _choices,
    "numeric": _numbers,
    "string": _texts,
    "order": _pairs,
}


def _condition(processing: Element, goes_on: str, feedback: str = "", adds: str = "") -> Element:
    """Add a condition, and return where to say what of.

    It shows a feedback, adds a part of the mark, or both; it gives the whole mark if it is the last
    one that is looked at.
    """
    condition = SubElement(processing, "respcondition", {"continue": goes_on})
    found = _add(condition, "conditionvar")
    if adds:
        _add(condition, "setvar", adds, action="Add", varname="SCORE")
    elif goes_on == "No":
        _add(condition, "setvar", "100", action="Set", varname="SCORE")
    if feedback:
        _show(condition, feedback)
    return found


def _otherwise(processing: Element, feedback: str) -> None:
    _add(_condition(processing, "Yes", feedback), "other")


def _show(condition: Element, feedback: str) -> None:
    _add(condition, "displayfeedback", feedbacktype="Response", linkrefid=feedback)


def _equal(condition: Element, response: str, text: str) -> None:
    _add(condition, "varequal", text, respident=response)


def _material(parent: Element, html: str) -> None:
    _add(_add(parent, "material"), "mattext", html, texttype="text/html")


def _assessment(ident: str, title: str, items: Sequence[Element]) -> Element:
    root = Element("questestinterop", {"xmlns": _QTI})
    assessment = _add(root, "assessment", ident=ident, title=title)
    _add(assessment, "section", ident=f"{ident}_section").extend(items)
    return root


def _meta(ident: str, title: str, points: int) -> Element:
    root = Element("quiz", {"identifier": ident, "xmlns": _CANVAS})
    facts: dict[str, Any] = {
        "title": title,
        "quiz_type": "assignment",
        "points_possible": f"{points}.0",
        "shuffle_answers": "true",
        "scoring_policy": "keep_highest",
        "available": "false",
    }
    for tag, text in facts.items():
        _add(root, tag, text)
    return root


def _add(parent: Element, tag: str, text: str = "", **attributes: str) -> Element:
    """Add an element; what XML cannot hold is replaced."""
    clean = {key: _NO_XML.sub("\N{REPLACEMENT CHARACTER}", of) for key, of in attributes.items()}
    found = SubElement(parent, tag, clean)
    found.text = _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
    return found


def _ident(kind: str, name: str) -> str:
    return f"{kind}_{hashlib.sha256(name.encode(errors='replace')).hexdigest()[:16]}"
