"""Large data of a web page: what the blocks hold, in a file and in a page."""

import base64
import gzip
import re

import onnx
import pytest

from featlib import FeatlibError, web
from featlib.web import blocks

TEXT = r"[A-Za-z0-9+/]+=*"


def test_the_blocks_of_the_network():
    graph = onnx.load_from_string(web.block("network")).graph
    assert [one.name for one in (*graph.input, *graph.output)] == ["images", "features"]
    assert web.block("wasm").startswith(b"\0asm")
    assert re.search(rb"const ort=\{.*\};\n$", web.block("ort"))


@pytest.mark.parametrize("name", ["ort", "wasm"])
def test_a_block_is_the_same_in_a_file_and_in_a_page(name):
    call = rf'^/\* ONNX .* MIT License.* \*/\nfeatlib\.block\("{name}", "({TEXT})"\);\n$'
    (in_file,) = re.findall(call, web.block_script(name))
    before = f'<script type="application/octet-stream" data-featlib-block="{name}">'
    (in_page,) = re.findall(
        rf"^<!-- ONNX .* -->\n{before}({TEXT})</script>\n$", web.inline_block(name)
    )
    assert in_file == in_page
    assert gzip.decompress(base64.b64decode(in_file)) == web.block(name)


def test_a_block_has_the_same_text_each_time():
    assert web.block_script("ort") == web.block_script("ort")


def test_each_kind_of_widget_says_what_it_needs():
    needed = {name for kind in blocks.NEEDS for name in web.needs(kind)}
    assert needed == set(web.block_names())
    assert web.needs("quiz") == ()


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: web.block("wasn"), "one of .*'wasm'"),
        (lambda: web.block_script(3), "one of .*'wasm'"),
        (lambda: web.inline_block(None), "one of .*'wasm'"),
        (lambda: web.needs("cats"), "one of .*'own_images'"),
    ],
)
def test_what_is_refused(made, said):
    with pytest.raises(FeatlibError, match=said):
        made()
