"""A prediction, by button, by letter, and not at all; set against what happened."""

from __future__ import annotations

import pytest
from labs import lesson

from vnetlearn import predict
from vnetlearn.display.widgets import VIEW
from vnetlearn.errors import BadParameter
from vnetlearn.lessons.prediction import Prediction


@pytest.fixture
def guess() -> Prediction[bool]:
    return predict("Does a reach b?", {True: "yes", False: "no: <b>nothing</b>"})


def test_nothing_was_entered(guess: Prediction[bool]) -> None:
    outcome = guess.happened(True)
    assert not outcome
    assert repr(outcome) == "predicted: nothing was entered\nhappened: yes"
    assert 'class="said wait"' in outcome._repr_html_()


@pytest.mark.parametrize(("letter", "right"), [("a", True), ("b", False), ("B", False)])
def test_by_letter(guess: Prediction[bool], letter: str, right: bool) -> None:
    assert guess.enter(letter) is guess
    assert guess.entered is right
    assert bool(guess.happened(True)) is right
    assert ("As you said." in repr(guess.happened(True))) is right
    assert f'class="said {"yes" if right else "no"}"' in guess.happened(True)._repr_html_()


def test_by_button(guess: Prediction[bool]) -> None:
    question, buttons = guess.widget.children
    assert "Does a reach b?" in question.value
    assert buttons.index is None  # nothing is chosen for the learner
    buttons.index = 1
    assert guess.entered is False
    guess.enter("a")
    assert buttons.index == 0


def test_it_cannot_be_changed_afterwards(guess: Prediction[bool]) -> None:
    _, buttons = guess.widget.children
    buttons.index = 0
    assert guess.happened(False).predicted == "yes"
    assert buttons.disabled
    buttons.index = 1
    guess.enter("b")
    assert guess.happened(False).predicted == "yes"


def test_something_else_happened(guess: Prediction[bool]) -> None:
    assert "happened: 'a third thing'" in repr(guess.enter("a").happened("a third thing"))  # type: ignore[arg-type]


def test_without_a_live_front_end(guess: Prediction[bool]) -> None:
    bundle = guess._repr_mimebundle_()
    assert VIEW not in bundle
    assert "no: &lt;b&gt;nothing&lt;/b&gt;" in bundle["text/html"]
    assert '.enter("a")' in bundle["text/html"]
    assert "b) no: <b>nothing</b>" in bundle["text/plain"]
    assert "&lt;b&gt;" in guess.enter("b").happened(True)._repr_html_()


@pytest.mark.parametrize("letter", ["c", "", "ab", "1", None, 0])
def test_a_letter_that_is_no_choice(guess: Prediction[bool], letter: object) -> None:
    with pytest.raises(BadParameter) as raised:
        guess.enter(letter)  # type: ignore[arg-type]
    assert "one of: a, b" in str(lesson(raised.value))
    assert guess.entered is None


def test_one_choice_is_none() -> None:
    with pytest.raises(BadParameter):
        predict("Does it?", {True: "yes"})
