"""What nbgrader makes of a verdict: one that did not pass is an error, one that did no number."""

import pytest

from featlib.exercises.scoreboard import Outcome
from featlib.exercises.verdict import Failure, Verdict
from featlib.tables import Table

BOARD = Table("Scoreboard", ("entry",), (("mine",),))


@pytest.fixture(params=[lambda verdict: verdict, lambda verdict: Outcome(verdict, BOARD, None)])
def shown(request):
    return request.param


@pytest.mark.parametrize("passed", [True, False])
def test_a_learner_sees_it_as_any_other_value(shown, passed, monkeypatch):
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)
    with pytest.raises(NotImplementedError):  # IPython's sign for: in the usual way
        shown(Verdict(passed, "words"))._ipython_display_()


@pytest.mark.parametrize("execution", ["autograde", "validate"])
def test_for_nbgrader_what_did_not_pass_is_an_error(shown, execution, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", execution)
    with pytest.raises(Failure, match="the range is wrong"):
        shown(Verdict(False, "the range is wrong"))._ipython_display_()


def test_for_nbgrader_what_passed_is_shown_and_no_result(shown, monkeypatch, capsys):
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert shown(Verdict(True, "words"))._ipython_display_() is None
    assert capsys.readouterr().out
