"""A prediction: what the learner expects, entered before the kernel answers, and set against what happened."""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from ..display.widgets import Shown, Widget, block, printable, said
from ..errors import BadParameter

T = TypeVar("T")


class Prediction(Shown, Generic[T]):
    """A question with choices. Made by `predict`; shows itself as buttons, and as text where nobody can click.

    `happened(value)` in the cell that finds out says what was predicted against what happened. What was entered
    until then counts; afterwards it stays as it was.
    """

    def __init__(self, question: str, choices: Mapping[T, str]) -> None:
        self.question, self.choices = question, dict(choices)
        self._entered: int | None = None
        self._closed = False
        if len(self.choices) < 2:
            raise BadParameter(
                f"predict({question!r}, {choices!r})",
                "there is nothing to choose between",
                "a prediction needs two choices or more",
                'give what may happen with words for it: predict("…?", {True: "yes", False: "no"})',
            )

    @property
    def entered(self) -> T | None:
        """The value that was predicted, or None."""
        return None if self._entered is None else list(self.choices)[self._entered]

    def enter(self, letter: str) -> Prediction[T]:
        """Predict by letter, where there are no buttons: `predict(…).enter("b")`. Raises `BadParameter` for others."""
        letters = string.ascii_lowercase[: len(self.choices)]
        if not (isinstance(letter, str) and len(letter) == 1 and letter.lower() in letters):
            raise BadParameter(
                f"enter({letter!r})",
                f"there is no choice {letter!r}",
                "a choice is entered by its letter",
                f"one of: {', '.join(letters)}",
            )
        if not self._closed:
            self._entered = letters.index(letter.lower())
            if "widget" in self.__dict__:
                self._buttons.index = self._entered
        return self

    def happened(self, value: T) -> Outcome:
        """What the kernel did, as one of the choices' values: shown against what was predicted."""
        self._closed = True
        if "widget" in self.__dict__:
            self._buttons.disabled = True
        words = self.choices.get(value)
        mine = None if self._entered is None else list(self.choices.values())[self._entered]
        return Outcome(mine, repr(value) if words is None else words)

    @cached_property
    def widget(self) -> Widget:
        import ipywidgets as w

        options = [(f"{letter})  {words}", index) for index, (letter, words) in enumerate(self._lettered)]
        self._buttons = w.RadioButtons(options=options, index=self._entered, layout={"width": "auto"})
        self._buttons.disabled = self._closed
        self._buttons.observe(self._clicked, "index")
        box: Widget = w.VBox([w.HTML(block(self._asks)), self._buttons])
        return box

    def _clicked(self, change: Mapping[str, int | None]) -> None:
        if not self._closed:
            self._entered = change["new"]

    @property
    def _lettered(self) -> list[tuple[str, str]]:
        return list(zip(string.ascii_lowercase, self.choices.values(), strict=False))

    @property
    def _asks(self) -> str:
        return f"<b>Predict.</b> {printable(self.question)}"

    def still(self) -> str:
        rows = "".join(f"<dt>{letter})</dt><dd>{printable(words)}</dd>" for letter, words in self._lettered)
        hint = 'Without buttons: write <code>.enter("a")</code> behind the question, and run the cell again.'
        return said("wait", f'{self._asks}<dl>{rows}</dl><span class="soft">{hint}</span>')

    def __repr__(self) -> str:
        rows = "".join(f"\n  {letter}) {words}" for letter, words in self._lettered)
        return f'Predict. {self.question}{rows}\n(enter it by .enter("a"))'


@dataclass(frozen=True)
class Outcome:
    """What was predicted (None: nothing was entered), and what happened; true when they are the same."""

    predicted: str | None
    happened: str

    def __bool__(self) -> bool:
        return self.predicted == self.happened

    @property
    def _rows(self) -> tuple[tuple[str, str], ...]:
        return ("predicted", self.predicted or "nothing was entered"), ("happened", self.happened)

    def _repr_html_(self) -> str:
        kind = "yes" if self else "wait" if self.predicted is None else "no"
        rows = "".join(f"<dt>{name}</dt><dd>{printable(words)}</dd>" for name, words in self._rows)
        return block(said(kind, f"<dl>{rows}</dl>{printable(self._comment)}"))

    def __repr__(self) -> str:
        return "\n".join(f"{name}: {words}" for name, words in self._rows) + f"\n{self._comment}".rstrip()

    @property
    def _comment(self) -> str:
        if self.predicted is None:
            return ""
        return "As you said." if self else "Not as you said: find out why before you go on."


def predict(question: str, choices: Mapping[T, str]) -> Prediction[T]:
    """Ask the learner what will happen, before it does.

        guess = predict("Does a reach b?", {True: "yes", False: "no, nothing comes back"})
        guess                                   # as the last line of a cell: shows the buttons
        guess.happened(lab["a"].ping("10.0.0.2").ok)     # in the next cell

    `choices` maps each value that may come out to words for it. Raises `BadParameter` when there are fewer than two.
    """
    return Prediction(question, choices)
