"""The colours of widgets in pages of several hosts, and without motion for whom it disturbs."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from featlib.widgets.base import Widget

PAGE = """<!doctype html><html lang="en" {html}><title>A host</title>
<style>{css} {rules}</style><body {body}><main><section class="fq" aria-label="A quiz">
<p class="fq-title">Title</p><p class="fq-note">Note</p>
<label for="answer" class="fq-field">Your answer</label>
<input type="text" id="answer" placeholder="such as (3, 8, 8)"> <button>Check</button>
<div class="fq-card fq-wrong"><div class="fq-feedback"><strong>Not right yet.</strong></div></div>
<div class="fq-card fq-right"><div class="fq-feedback"><strong>Right.</strong></div></div>
<pre><code>features.extract(pictures)</code></pre></section></main></body></html>"""
VSCODE = "--vscode-editor-background: {}; --vscode-editor-foreground: {}; --jp-layout-color1: #777;"
DARK_VSCODE = {
    "body": f'class="vscode-dark" style="{VSCODE.format("#1f1f1f", "#cccccc")}'
    ' --vscode-input-background: #313131; --vscode-editorWidget-background: #202020"'
}
LIGHT_VSCODE = {"body": f'class="vscode-light" style="{VSCODE.format("#fffffe", "#3b3b3b")}"'}
DARK_COLAB = {
    "html": 'theme="dark"',
    "body": 'style="--colab-primary-surface-color: #383838; --colab-primary-text-color: #fff"',
}
HOSTS = {
    "none, light system": ({}, "light", "rgb(255, 255, 255)"),
    "none, dark system": ({}, "dark", "rgb(30, 30, 30)"),
    "dark VS Code": (DARK_VSCODE, "light", "rgb(31, 31, 31)"),
    "light VS Code": (LIGHT_VSCODE, "dark", "rgb(255, 255, 254)"),
    "dark Colab": (DARK_COLAB, "light", "rgb(56, 56, 56)"),
    "light JupyterLab": ({"body": 'data-jp-theme-light="true"'}, "dark", "rgb(255, 255, 255)"),
    "dark JupyterLab": ({"body": 'data-jp-theme-light="false"'}, "light", "rgb(30, 30, 30)"),
}


@pytest.fixture
def page(chromium):
    page = chromium.new_page()
    yield page
    page.close()


def write(page, rules="", html="", body=""):
    css = str(Widget._css)
    page.set_content(PAGE.format(css=css, rules=rules, html=html, body=body))


@pytest.mark.parametrize(("host", "system", "ground"), HOSTS.values(), ids=HOSTS)
def test_it_has_the_colours_of_its_host_and_can_be_read(page, host, system, ground):
    page.emulate_media(color_scheme=system)
    write(page, **host)
    color = page.locator(".fq").evaluate("node => getComputedStyle(node).backgroundColor")
    assert color == ground
    found = Axe().run(page, context=".fq").response["violations"]
    assert [v["id"] for v in found] == []


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves_for_whom_it_disturbs(page, motion):
    page.emulate_media(reduced_motion=motion)
    write(page, "@keyframes turn { to { rotate: 1turn } } .fq button { animation: turn 9s }")
    moving = page.evaluate("() => document.getAnimations().length")
    assert moving == (motion != "reduce")
