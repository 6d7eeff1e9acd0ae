"""The live lab on a plain page, without Python: the same runs, the same words, and soon enough."""

import json
import math
import random
import re

import pytest
import torch
from axe_playwright_python.sync_playwright import Axe
from beside import caller
from playwright.sync_api import expect

import featlib
from featlib import head, quiz, web
from featlib.engine.paths import PACKAGE
from featlib.widgets.lab import DIVERGED, LabWidget

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A lesson</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>:root {{ color-scheme: light dark }}</style>{script}
</head><body><main><h1>A lesson</h1>{place}</main>{blocks}</body></html>"""
BESIDE = '<script src="featlib.js"></script>'
QUESTIONS = PACKAGE / "site" / "lab_run.json"
START = {"learning_rate": 0.002, "epochs": 5, "per_class": 80, "weight_decay": 0.01}
FAR = (
    {},
    {"epochs": 10},
    {"epochs": 1},
    {"per_class": 1},
    {"learning_rate": 1},
    {"learning_rate": 1e-5},
    {"weight_decay": 100},
    {"weight_decay": 0},
    {"learning_rate": 1, "weight_decay": 100, "epochs": 10},  # diverges
    {"learning_rate": 0.1, "per_class": 20},
)


@pytest.fixture(scope="module")
def lab():
    return featlib.show_lab()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, lab):
    """Return a folder with a page, its script, and a block beside it."""
    folder = tmp_path_factory.mktemp("a site")
    (folder / "featlib.js").write_text(web.script(), encoding="utf-8")
    write(folder, "lab-pretrained")
    place = web.embed("lab", web.data(lab))
    place += web.embed("quiz", web.data(quiz.load(QUESTIONS), lab))
    text = PAGE.format(script=BESIDE, place=place, blocks="")
    (folder / "lab.html").write_text(text, encoding="utf-8")
    return folder


def write(folder, *blocks):
    for name in blocks:
        (folder / f"featlib-{name}.js").write_text(web.block_script(name), encoding="utf-8")


@pytest.fixture
def all_blocks(folder):
    write(folder, *web.needs("lab"))


@pytest.fixture(scope="module")
def context(chromium):
    context = chromium.new_context(offline=True)
    yield context
    context.close()


@pytest.fixture
def opened(context, folder):
    """Return the page, on which nothing may go wrong."""
    page, said = context.new_page(), []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto((folder / "lab.html").as_uri())
    yield page
    assert said == []
    page.close()


@pytest.fixture(scope="module")
def javascript(context, folder):
    """Return a function that runs JavaScript beside the script, with arguments in JSON."""
    page = context.new_page()
    page.goto((folder / "lab.html").as_uri())
    yield caller(page)
    page.close()


def test_random_numbers_are_pytorchs(javascript):
    chance = random.Random(0)
    seeds = [0, 1, 5489, 2**31, 2**32 - 1, 2**32, 2**53 + 1, 2**63 - 1]
    counts = [1, 2, 3, 624, 800, 20_000, *(chance.randint(1, 3000) for _ in range(12))]
    shapes = [(1, 2), (3, 5), (512, 10), (3072, 10), (333, 7)]
    found = javascript(
        """(seeds, counts, shapes) => seeds.map(seed => [
          counts.map(count => {
            const random = featlib.torchRandom(seed);
            return [1, 2].map(() => [...random.permutation(count)]);
          }),
          shapes.map(([width, classes]) => {
            const random = featlib.torchRandom(seed), bound = 1 / Math.sqrt(width);
            return [width * classes, classes].map(count => [...random.uniform(count, bound)]);
          })])""",
        list(map(str, seeds)), counts, shapes,
    )  # fmt: skip
    for seed, (orders, layers) in zip(seeds, found, strict=True):
        for count, order in zip(counts, orders, strict=True):
            generator = torch.Generator().manual_seed(seed)
            wanted = [torch.randperm(count, generator=generator).tolist() for _ in range(2)]
            assert order == wanted, (seed, count)
        for shape, layer in zip(shapes, layers, strict=True):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                wanted = torch.nn.Linear(*shape)
            assert layer == [wanted.weight.flatten().tolist(), wanted.bias.tolist()], (seed, shape)


def test_numbers_get_the_words_that_python_has_for_them(javascript):
    chance, asked = random.Random(0), []
    for _ in range(5000):
        classes = chance.choice((2, 3, 10, 10, 10, 1000))
        losses, seen = [_loss(chance), _loss(chance)], [_share(chance) for _ in range(4)]
        if chance.random() < 0.5:  # near each other, as epochs are
            losses[1] = losses[0] * chance.choice(
                (0.7, 0.75, 0.85, 0.9, 0.97, 0.995, 1, 1.005, 1.1)
            )
        unseen = [None if chance.random() < 0.2 else share for share in seen[2:]]
        asked.append([chance.random() < 0.1, losses, seen[:2], unseen, classes])
    wanted = []
    for first, losses, seen, unseen, classes in asked:
        before = head.Epoch(1, losses[0], seen[0], unseen[0], "")
        rows = [] if first else [before]
        wanted.append(head.observe(rows, losses[1], seen[1], unseen[1], classes))
    kinds = {words.split()[0] for words in wanted}
    assert len(kinds) >= 8, kinds
    found = javascript(
        """asked => asked.map(([first, losses, seen, unseen, classes]) => {
          const [before, loss] = losses.map(Number);
          const row = { loss: before, accuracy: seen[0], val_accuracy: unseen[0] };
          return featlib.observe(first ? undefined : row, loss, seen[1], unseen[1], classes);
        })""",
        [[first, list(map(_js, losses)), *rest] for first, losses, *rest in asked],
    )
    for given, ours, theirs in zip(asked, wanted, found, strict=True):
        assert theirs == ours, given


def _js(number):
    return str(number).replace("inf", "Infinity").replace("nan", "NaN")


def _loss(chance):
    """Return a loss, some of them halfway between two that are shown, huge, or no number."""
    kinds = (
        chance.random() * 3, chance.random() / 500, 0.0625, 0.5, 2.0, 0.0,
        chance.choice((2500.0, 4500.0, 9500.0, 1e22, 95e20, 3.4e38, 1e300)),
        10 ** chance.uniform(-6, 12), float(chance.randint(0, 30)) / 8, math.inf, math.nan,
    )  # fmt: skip
    return chance.choices(kinds, (9, 3, 1, 1, 1, 1, 2, 3, 2, 1, 1))[0]


def _share(chance):
    return chance.choice((chance.random(), chance.randint(0, 200) / 200, 0.0, 1.0, 0.0625))


def test_runs_are_those_of_pytorch(javascript, lab):
    compare(javascript, lab, [("pretrained", each) for each in FAR])


@pytest.mark.long
@pytest.mark.usefixtures("all_blocks")
def test_runs_over_all_sliders_are_those_of_pytorch(javascript, lab):
    chance, table = random.Random(0), []
    for name in lab.inputs:
        table += [(name, each) for each in FAR]
        for _ in range(30):
            changes = {
                "learning_rate": 10 ** (chance.randint(-50, 0) / 10),
                "epochs": chance.randint(1, 10),
                "per_class": chance.randint(1, 80),
                "weight_decay": chance.choice((0, 10 ** (chance.randint(-29, 20) / 10))),
            }
            table.append((name, changes))
    compare(javascript, lab, table)


def compare(javascript, lab, table):
    """Make the same changes in Python and in JavaScript, one after the other."""
    table = [{"features": name} | START | changes for name, changes in table]
    lab = LabWidget(lab.images, lab.inputs)
    found = javascript(
        """async (data, table) => {
          const model = featlib.labModel(data), views = [];
          for (const [sent, settings] of table.entries()) {
            const done = new Promise(resolve => model.on("msg:custom",
              message => message.done === `${sent}` && resolve(message)));
            model.send({ settings, sent: `${sent}` });
            views.push({ said: (await done).status ?? "", ...model.get("view") });
          }
          return views;
        }""",
        web.data(lab), table,
    )  # fmt: skip
    off, unsteady, before = [], 0, lab.view["run"]
    for settings, view in zip(table, found, strict=True):
        lab.retrain(settings)
        ours, theirs = lab.view["run"], view["run"]
        assert (view["said"], view["settings"]) == ("", settings)
        assert view["before"] == before
        assert [*map(len, theirs.values())] == [*map(len, ours.values())], settings
        assert view["words"] == words(lab, settings, theirs)
        if not theirs["loss"]:
            continue
        before = theirs
        if not steady(lab, settings, ours["loss"]):
            unsteady += 1
            continue
        off += [distance(a, b) for a, b in zip(ours["loss"], theirs["loss"], strict=True)]
        assert off[-1] < 1e-3, (settings, ours["loss"], theirs["loss"])
        for name, n in (("accuracy", 10 * settings["per_class"]), ("val_accuracy", 200)):
            assert theirs[name] == pytest.approx(ours[name], abs=1.01 / n), settings
    assert max(off) < 1e-3
    assert unsteady < len(table) / 3
    print(
        f"{len(off)} losses, at most {max(off):.1e} off; of {len(table)} runs, {unsteady} unsteady"
    )


def distance(ours, theirs):
    return abs(ours - theirs) / max(1, ours)


def steady(lab, settings, losses):
    """Return whether PyTorch itself ends there, from features that a float32 hardly tells apart.

    At large learning rates it does not: one step too far leads to the next.
    """
    shown, rows = dict(lab.view), lab.inputs[settings["features"]]
    noise = torch.randn(rows.shape, generator=torch.Generator().manual_seed(0))
    lab.inputs = {**lab.inputs, settings["features"]: rows * (1 + 1e-6 * noise)}
    lab.retrain(settings)
    again = lab.view["run"]["loss"]
    lab.inputs = {**lab.inputs, settings["features"]: rows}
    lab.view = shown
    return max(map(distance, losses, again)) < 1e-4


def words(lab, settings, run):
    """Return the words that Python has for a run."""
    if not run["loss"]:
        return DIVERGED
    rows = []
    for epoch, numbers in enumerate(zip(*run.values(), strict=True), 1):
        rows.append(head.Epoch(epoch, *numbers, head.observe(rows, *numbers, n_classes=10)))
    lab.training = head.TrainingTrace(tuple(rows), head.Recipe(), 0)
    return lab._words(10 * settings["per_class"], settings["features"])


def test_by_keyboard_it_redraws_soon(opened):
    widget, key = opened.get_by_role("region", name="Live lab"), opened.keyboard
    status = widget.get_by_role("status")
    expect(status).to_contain_text("800 images of 10 classes, pretrained: loss")
    first = widget.locator("svg").first.get_attribute("aria-label")
    widget.get_by_label("learning rate").focus()
    key.press("ArrowRight")
    expect(widget.locator("svg").first).not_to_have_attribute("aria-label", first)
    now = widget.locator("svg").first.get_attribute("aria-label")
    assert first.split("this run ")[1] in now.split("run before ")[1]
    key.press("Tab")
    key.press("ArrowRight")
    key.press("ArrowLeft")
    key.press("Tab")
    key.press("Home")
    expect(status).to_contain_text("10 images of 10 classes, pretrained: loss")
    widget.get_by_role("button", name="Back to the start").press("Enter")
    expect(status).to_contain_text("800 images of 10 classes, pretrained: loss")
    took = [opened.evaluate(REDRAW, 0.002 + i / 10_000) for i in range(8)]
    print("milliseconds to redraw:", *map(round, took))
    assert min(took) < 200
    for scheme in ("light", "dark"):
        opened.emulate_media(color_scheme=scheme)
        assert [v["id"] for v in Axe().run(opened).response["violations"]] == []


REDRAW = """rate => new Promise(resolve => {
  const lab = document.querySelector(".fq-lab"), charts = lab.querySelector(".fq-charts");
  const slider = lab.querySelector("input");
  const began = performance.now();
  new MutationObserver((_, watcher) => {
    watcher.disconnect();
    resolve(performance.now() - began);
  }).observe(charts, { childList: true });
  slider.value = Math.log10(rate) + Number(slider.step);
  slider.dispatchEvent(new Event("input"));
})"""


def test_questions_on_a_run_take_the_numbers_of_the_visitors_own(opened, lab):
    widget = opened.get_by_role("region", name="Live lab")
    asked = opened.get_by_role("region", name=re.compile("^Quiz: "))
    mine = LabWidget(lab.images, lab.inputs)
    asked.get_by_role("button", name="Show all").click()
    answer(asked, mine.values)
    expect(asked.locator(".fq-score")).to_have_text("3 of 3 right ✓")
    widget.get_by_label("images per class").press("Home")
    expect(widget.get_by_role("status")).to_contain_text("10 images of 10 classes")
    expect(asked.locator(".fq-score")).to_have_text("0 of 3 right")  # another run, asked anew
    answer(asked, mine.values)
    expect(asked.locator(".fq-card.fq-wrong")).to_have_count(3)
    mine.retrain({"per_class": 1})
    answer(asked, mine.values)
    expect(asked.locator(".fq-score")).to_have_text("3 of 3 right ✓")
    kept = json.loads(opened.evaluate("featlib.exportProgress()"))
    assert [one["correct"] for one in kept["answers"]] == 3 * [True] + 3 * [False] + 3 * [True]
    opened.reload()  # begins with a run of its own
    expect(asked.locator(".fq-score")).to_have_text("0 of 3 right")
    opened.evaluate("localStorage.clear()")


def test_what_is_read_of_a_run_is_what_python_reads(javascript, lab):
    last = lab.training.epochs[-1]
    row = {"accuracy": last.accuracy, "val_accuracy": last.val_accuracy}
    assert javascript("featlib.runValues", row, 800, 200) == pytest.approx(lab.values)


def answer(asked, values):
    for number, name in enumerate(("gap_points", "wrong_in_validation", "right_in_training")):
        card = asked.locator("form").nth(number)
        card.get_by_label("Your answer").fill(f"{values[name]:.1f}")
        card.get_by_role("button").click()
        expect(card).to_have_class(re.compile("fq-right|fq-wrong"))


def test_a_run_without_a_curve_is_asked_nothing(opened):
    widget = opened.get_by_role("region", name="Live lab")
    asked = opened.get_by_role("region", name=re.compile("^Quiz: "))
    for control in ("learning rate", "epochs", "weight decay"):
        widget.get_by_label(control).press("End")
    expect(widget.get_by_role("status")).to_have_text(DIVERGED)
    field = asked.get_by_label("Your answer")
    field.fill("10")
    asked.get_by_role("button", name="Check").click()
    said = "Not counted: this run has no curve to read. Move a slider first."
    expect(asked.get_by_role("status")).to_have_text(said)
    expect(asked.locator("form")).to_have_class(re.compile("fq-open"))
    widget.get_by_role("button", name="Back to the start").click()
    expect(field).to_have_value("")  # of another run
    assert json.loads(opened.evaluate("featlib.exportProgress()"))["answers"] == []


@pytest.mark.long
@pytest.mark.usefixtures("all_blocks")
def test_while_raw_pixels_are_trained_on_the_page_answers_and_the_last_change_wins(opened):
    widget = opened.get_by_role("region", name="Live lab")
    status, epochs = widget.get_by_role("status"), widget.get_by_label("epochs")
    widget.get_by_label("trained on").select_option("raw pixels")
    expect(status).to_contain_text("800 images of 10 classes, raw pixels: loss")
    epochs.fill("10")
    for value in "789":
        epochs.fill(value)  # while the first of them is under way
    expect(widget.locator("polyline.fq-this").first).to_have_attribute("points", points(10))
    expect(epochs).to_have_value("9")
    expect(widget.locator("polyline.fq-this").first).to_have_attribute("points", points(9))
    expect(epochs).to_have_value("9")


def points(count):
    return re.compile(rf"^(\S+ ){{{count - 1}}}\S+$")


def test_blocks_are_loaded_when_they_are_needed_and_may_stand_in_the_page(context, tmp_path, lab):
    block = web.inline_block("lab-untrained")
    script = f"<script>{web.script()}</script>"
    file = tmp_path / "one page.html"
    text = PAGE.format(script=script, place=web.embed("lab", web.data(lab)), blocks=block)
    file.write_text(text, encoding="utf-8")
    page, asked = context.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri())
    widget = page.get_by_role("region", name="Live lab")
    status, which = widget.get_by_role("status"), widget.get_by_label("trained on")
    which.select_option("untrained")
    expect(status).to_contain_text("800 images of 10 classes, untrained: loss")
    which.select_option("pretrained")
    expect(status).to_contain_text('This page was made without the block "lab-pretrained"')
    which.select_option("untrained")
    expect(status).to_contain_text("800 images of 10 classes, untrained: loss")
    assert asked == [file.as_uri()]
    page.close()
