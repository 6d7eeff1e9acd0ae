"""The project's scoreboard: what it accepts, what it refuses, and that the solution wins."""

import io
import re
import time
from pathlib import Path

import nbformat
import pytest
import torch
from rich.console import Console
from torch import nn

from featlib import FeatlibError, backbone, features, head
from featlib.exercises.scoreboard import Entry, Scoreboard

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "11_project.ipynb"


def hits(right, n=200):
    """Return hits of a classifier that has the first pictures right."""
    return torch.arange(n) < right


SCRATCH = Entry("network from scratch", hits(117), 34_170)


@pytest.fixture(scope="module")
def rows(emoji10):
    return features.extract(emoji10, backbone.resnet18(), progress=False)


@pytest.fixture
def board(rows, emoji10):
    return Scoreboard(rows, emoji10, [SCRATCH])


def simple(x, y):
    return head.train(x, y, 10)[0]


def test_a_head_within_the_rules_is_measured_and_entered(board):
    standing = board.enter("simple", simple)
    assert standing.verdict.passed
    assert standing.entry.parameters == 5130
    assert [row[1] for row in board.table().rows] == ["simple", "network from scratch"]


def test_of_two_with_one_name_the_better_is_kept(board, rows):
    board.enter("mine", simple)
    worse = board.enter("mine", lambda x, y: head.train(x, y, 10, learning_rate=1e-6)[0])
    assert not worse.verdict.passed
    assert board.table().rows[0][1] == "mine"
    assert len(board.table().rows) == 2


def slow(x, y):
    time.sleep(0.3)
    return nn.Linear(512, 10)


class LooksAround(nn.Linear):
    """A head whose answer depends on the other pictures."""

    def forward(self, x):
        return super().forward(x - x.mean(0))


REFUSED = {
    "too many parameters": (lambda x, y: nn.Linear(512, 100), "51,300 parameters; at most 6,000"),
    "too slow": (slow, "seconds; at most 0.2 are allowed"),
    "no head": (lambda x, y: None, "it was to give a torch.nn.Module"),
    "an error": (lambda x, y: 1 / 0, "ZeroDivisionError"),
    "another shape": (lambda x, y: nn.Linear(512, 3), "a logit a class"),
    "looks at the others": (lambda x, y: LooksAround(512, 10), "judged by itself"),
    "no function": (None, "Refused"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_breaks_a_rule_is_refused_with_the_reason(rows, emoji10, case):
    train_head, said = REFUSED[case]
    board = Scoreboard(rows, emoji10, [SCRATCH], max_seconds=0.2)
    standing = board.enter("mine", train_head)
    assert not standing.verdict.passed
    assert standing.entry is None
    assert said in standing.verdict.message
    assert len(board.table().rows) == 1


def test_an_entry_cannot_change_the_features(board, rows):
    before = rows.clone()

    def spoil(x, y):
        x.zero_()
        return nn.Linear(512, 10)

    board.enter("spoil", spoil)
    assert torch.equal(rows, before)


def test_features_of_other_images_are_refused(rows, emoji10):
    with pytest.raises(FeatlibError, match="features of all 1000 images"):
        Scoreboard(rows[:10], emoji10, [SCRATCH])


def test_a_scoreboard_needs_a_baseline(rows, emoji10):
    with pytest.raises(FeatlibError, match="at least one baseline"):
        Scoreboard(rows, emoji10, [])


def saved_row(name):
    """Return the line of a baseline in the notebook's saved scoreboard, and split it."""
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    [text] = [c.outputs[0].data["text/plain"] for c in cells if c.source.endswith("\nboard")]
    [line] = [line for line in text.splitlines() if name in line]
    return re.split(r"\s{2,}", line.strip())


def test_the_solution_is_ahead_of_the_network_that_the_notebook_trained(board):
    _, _, _, accuracy, *_ = saved_row("network from scratch")
    standing = board.enter("simple", simple)
    assert standing.entry.right / 200 > float(accuracy) + 0.1


def test_the_starting_point_keeps_the_rules_and_does_not_win():
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    [cell] = [c for c in cells if c.source.startswith("entered = board.enter(")]
    said = cell.outputs[0].data["text/plain"]
    assert re.match(r"✗ Not yet\. my first try: \d+ of 200 right, [\d.]+ points behind", said)


def test_buffers_are_counted_like_parameters(board):
    class Standardized(nn.Sequential):
        def __init__(self):
            super().__init__(nn.BatchNorm1d(512), nn.Linear(512, 10))

    standing = board.enter("standardized", lambda x, y: Standardized())
    assert standing.verdict.message.startswith("Refused: 7,179 parameters")


class Odd(nn.Linear):
    """A head that gives back whatever it is told to."""

    def __init__(self, value):
        super().__init__(512, 10)
        self.value = value

    def forward(self, x):
        return self.value


class Unprintable:
    def __repr__(self):
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (torch.full((200, 10), torch.nan), "NaN or infinite logits"),
        (None, "NoneType None"),
        (Unprintable(), "The head gave Unprintable"),
    ],
)
def test_whatever_a_head_gives_back_the_scoreboard_answers(board, value, said):
    standing = board.enter("odd", lambda x, y: Odd(value))
    assert said in standing.verdict.message
    assert standing.entry is None


class Faulty(nn.Linear):
    def eval(self):
        raise RuntimeError("no")


def test_a_head_that_cannot_be_examined_is_refused(board):
    standing = board.enter("faulty", lambda x, y: Faulty(512, 10))
    assert "cannot be examined (RuntimeError)" in standing.verdict.message
    assert standing.entry is None


def test_chance_is_the_same_for_each_entry_and_the_session_keeps_its_own(board):
    def by_chance(x, y):
        return nn.Linear(512, 10)

    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    first, second = (board.enter("by chance", by_chance).entry for _ in range(2))
    assert torch.equal(first.hits, second.hits)
    assert torch.equal(torch.rand(1), expected)


def test_other_features_may_be_entered(board, rows):
    standing = board.enter("half", lambda x, y: simple(x, y), features=rows[:, :256].contiguous())
    assert standing.entry.parameters == 2570
    with pytest.raises(FeatlibError, match="features of all 1000 images"):
        board.enter("too few", simple, features=rows[:10])


def test_only_the_best_five_are_shown_and_baselines_always(rows, emoji10):
    board = Scoreboard(rows, emoji10, [SCRATCH, Entry("perfect", hits(200), 0)])
    for number in range(7):
        board.enter(f"try {number}", lambda x, y: nn.Linear(512, 10))
    names = [row[1] for row in board.table().rows]
    assert len(names) == 7
    assert {"network from scratch", "perfect"} < set(names)


def test_a_standing_shows_verdict_and_table_in_text_and_html(board):
    standing = board.enter("<simple>", simple)
    assert repr(standing).startswith("✓ Passed. <simple>: ")
    assert "Scoreboard of this session" in repr(standing)
    html = standing._repr_html_()
    assert "<strong>✓ Passed.</strong>" in html
    assert "&lt;simple&gt;" in html
    assert "<simple>" not in html
    assert repr(board) == repr(standing.table)
    assert board._repr_html_() in html


def test_the_table_says_accuracy_distance_and_what_was_won_and_lost(board):
    [row] = board.table().rows
    assert row == ("1", "network from scratch", "34,170", "0.585", "the baseline", "–", "–", "–")
    entry = board.enter("simple", simple).entry
    best, last = board.table().rows
    assert best[3:5] == (f"{entry.right / 200:.3f}", f"{(entry.right - 117) / 2:+.1f} points")
    won, lost = (entry.hits & ~SCRATCH.hits).sum(), (SCRATCH.hits & ~entry.hits).sum()
    assert best[5:] == (str(int(won)), str(int(lost)), "< 0.001")
    assert [best[0], last] == ["1", ("2", *row[1:])]


def with_hits(wanted, emoji10):
    """Return features that are the logits, right where wanted, and a head that passes them on."""
    said = emoji10.labels.clone()
    said[emoji10.validation[~wanted]] = (said[emoji10.validation[~wanted]] + 1) % 10
    layer = nn.Linear(10, 10, bias=False)
    layer.weight.data = torch.eye(10)
    return nn.functional.one_hot(said, 10).float(), lambda x, y: layer


# Won and lost against a baseline that has 100 of 200 right. Of the two-sided exact test, by hand:
# 1 to 0 and 2 to 1 are p = 1; of n pictures all won it is 2 / 2^n, so 5 are 0.0625, 6 are 0.031.
AGAINST = {
    "one ahead": (1, 0, False, "0.5 points ahead of scratch, but within chance", "p = 1.000"),
    "one ahead, with more": (41, 40, False, "0.5 points ahead", "p = 1.000"),
    "five ahead": (5, 0, False, "2.5 points ahead of scratch, but within chance", "p = 0.062"),
    "six ahead": (6, 0, True, "3.0 points ahead of scratch, beyond chance", "p = 0.031"),
    "far ahead": (80, 10, True, "35.0 points ahead of scratch, beyond chance", "p < 0.001"),
    "as many": (0, 0, False, "100 of 200 right, as many as scratch", None),
    "as many, of others": (9, 9, False, "100 of 200 right, as many as scratch", None),
    "behind": (0, 6, False, "3.0 points behind scratch", None),
}


@pytest.mark.parametrize("case", AGAINST)
def test_an_entry_passes_only_if_it_is_ahead_beyond_chance(emoji10, case):
    won, lost, passed, said, p = AGAINST[case]
    wanted = hits(100).clone()
    wanted[100 : 100 + won], wanted[:lost] = True, False
    rows, train_head = with_hits(wanted, emoji10)
    board = Scoreboard(rows, emoji10, [Entry("scratch", hits(100), 1)])
    outcome = board.enter("mine", train_head)
    assert torch.equal(outcome.entry.hits, wanted)
    assert outcome.verdict.passed is passed
    assert said in outcome.verdict.message
    assert p is None or f"(right alone {won}, wrong alone {lost}, {p})" in outcome.verdict.message
    assert ("do not tell who is better" in outcome.verdict.message) == (won > lost and not passed)


@pytest.mark.parametrize(
    "old",
    [
        117,
        117.0,
        torch.tensor(117),
        torch.ones(200),
        torch.ones(1, 200).bool(),
        [True] * 200,
        torch.ones(0).bool(),
        torch.ones(200, dtype=torch.bool, device="meta"),
    ],
)
def test_a_baseline_of_the_older_form_is_told_what_is_asked_for_now(old):
    with pytest.raises(FeatlibError, match="hits as a bool tensor, one element a validation pict"):
        Entry("network from scratch", old, 34_170)


def test_a_baseline_of_other_pictures_is_refused(rows, emoji10):
    with pytest.raises(FeatlibError, match="hits on the 200 validation pictures"):
        Scoreboard(rows, emoji10, [SCRATCH, Entry("others", hits(3, n=10), 1)])


def test_it_cannot_see_a_head_that_was_trained_on_all_and_its_words_say_so(board, rows, emoji10):
    """The notebook may not say that the scoreboard keeps this rule."""

    def peeking(x, y):
        return head.train(rows, emoji10.labels, 10, epochs=60)[0]

    assert board.enter("peeking", peeking).entry.right > 195
    assert "cannot see what else a function looked at" in " ".join(Scoreboard.__doc__.split())
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    [task] = [cell.source for cell in cells if "## Your task" in cell.source]
    assert "It cannot see" in task


def test_it_is_measured_on_validation_pictures_alone(board, rows, emoji10):
    seen = []

    def remembering(x, y):
        seen.append((x.clone(), y.clone()))
        return simple(x, y)

    layer = head.train(rows[emoji10.train], emoji10.labels[emoji10.train], 10)[0]
    entry = board.enter("mine", remembering).entry
    [(x, y)] = seen
    assert torch.equal(x, rows[emoji10.train])
    assert torch.equal(y, emoji10.labels[emoji10.train])
    with torch.no_grad():
        said = layer(rows[emoji10.validation]).argmax(1)
    assert entry.right == int((said == emoji10.labels[emoji10.validation]).sum())


NAMES = {
    "mine [/v2]": "mine [/v2]",
    "[red]mine": "[red]mine",
    "\x1b[31mmine\u202e": r"\x1b[31mmine\u202e",
    "a\nb": r"a\nb",
    3: "3",
}


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_shown_as_it_is(board, name):
    outcome = board.enter(name, simple)
    assert outcome.table.rows[0][1] == NAMES[name]
    assert f" {NAMES[name]}: " in repr(outcome.verdict)
    assert NAMES[name] in repr(outcome.table)
    assert "\x1b" not in repr(outcome)
    with Console(file=io.StringIO(), width=140) as console:
        console.print(board.table())
    assert NAMES[name] in console.file.getvalue()


class Unwritable:
    def __str__(self):
        raise KeyError("no")


class OddError(Exception):
    __str__ = Unwritable.__str__


def odd(x, y):
    raise OddError


def hostile(x, y):
    raise ValueError("\x1b[2J\u202e")


def test_what_cannot_be_written_and_what_a_terminal_obeys(board):
    with pytest.raises(FeatlibError, match="the name as text"):
        board.enter(Unwritable(), simple)
    assert "OddError: no message" in board.enter("mine", odd).verdict.message
    assert r"\x1b[2J\u202e" in board.enter("mine", hostile).verdict.message
