"""The JSON files that come with featlib are read as they were published, or not at all."""

import hashlib
from pathlib import Path

import pytest

import featlib
from featlib.engine import assets

FOLDER = Path(featlib.__file__).parent / "assets"


def test_the_checksum_of_each_bundled_json_file_is_known():
    found = {file.name: file.read_bytes().replace(b"\r\n", b"\n") for file in FOLDER.glob("*.json")}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in found.items()}
    assert digests == assets.SHA256, "after making one anew, put its checksum into engine/assets.py"


@pytest.mark.parametrize("name", assets.SHA256)
def test_a_published_file_is_read_with_lines_of_any_system(name, tmp_path):
    copy = tmp_path / name
    copy.write_bytes((FOLDER / name).read_bytes().replace(b"\n", b"\r\n"))
    assert assets.read_published(copy) == assets.read_published(FOLDER / name)


@pytest.mark.parametrize(
    "alter",
    [lambda b: b[:-2], lambda b: b.replace(b"0", b"1", 1), lambda b: b"", lambda b: b + b" "],
)
def test_an_altered_file_is_refused(alter, tmp_path):
    copy = tmp_path / "strategies.json"
    copy.write_bytes(alter((FOLDER / copy.name).read_bytes()))
    with pytest.raises(ValueError, match="altered or cut off"):
        assets.read_published(copy)


def test_a_file_of_another_name_is_none_of_them(tmp_path):
    copy = tmp_path / "mine.json"
    copy.write_bytes((FOLDER / "strategies.json").read_bytes())
    with pytest.raises(ValueError, match="altered or cut off"):
        assets.read_published(copy)
