"""JSON from any source: what is read can be written again, and numbers are finite."""

import pytest

from featlib.engine.strict_json import parse_json, read_card

READ = {
    "an object": ('{"a": [1, 2.5, null, true]}', {"a": [1, 2.5, None, True]}),
    "bytes": (b'"\xc3\xa4"', "ä"),
    "the mark of some editors": (b"\xef\xbb\xbf3", 3),
    "a character in two halves": (r'"\ud83d\ude00"', "😀"),
    "a backslash before a word": (r'"\\udder"', r"\udder"),
    "a large number": ("9" * 308, 10**308 - 1),
    "a hundred lists": ("[" * 100 + "]" * 100, eval("[" * 100 + "]" * 100)),
}


@pytest.mark.parametrize("case", READ)
def test_what_is_read(case):
    text, wanted = READ[case]
    assert parse_json(text) == wanted


REFUSED = {
    "no JSON": ("{", "Expecting property name"),
    "no UTF-8": (b'"\xff"', "can't decode byte"),
    "NaN": ('{"a": NaN}', "NaN is no number in JSON"),
    "infinity": ("[-Infinity]", "-Infinity is no number in JSON"),
    "half a character": (r'{"a": "\uD83D"}', "half of a character"),
    "half a character as a key": (r'{"\ude00": 1}', "half of a character"),
    "too deep": ("[" * 100_000, "too many brackets"),
    "too deep to be written": ("[" * 101 + "]" * 101, "too many brackets"),
    "too deep in objects": ('{"a":[' * 60 + "]}" * 60, "too many brackets"),
    "a float that is infinite": ("[1e999]", "1e999 is too large a number"),
    "one below zero": ('{"a": -1.5e400}', "too large a number"),
    "a whole number that no float can be": ("1" + "0" * 400, "it has 401 digits"),
    "digits that Python refuses": ("9" * 5000, "it has 5000 digits"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case):
    text, said = REFUSED[case]
    with pytest.raises(ValueError, match=said):
        parse_json(text)


def test_the_card_of_a_file_lies_beside_it(tmp_path):
    (tmp_path / "mine.json").write_text('{"size": 64}')
    assert read_card(tmp_path / "mine.safetensors") == {"size": 64}
    assert read_card(tmp_path / "other.safetensors") == {}


def test_a_card_is_an_object(tmp_path):
    (tmp_path / "mine.json").write_text("[64]")
    with pytest.raises(ValueError, match="no object"):
        read_card(tmp_path / "mine.safetensors")
