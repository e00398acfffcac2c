"""A control for each parameter of a kind, made from the catalogue: what it may be, its limits, its sentence.

A control's value is words of the `ip` command, so that a parameter is left out by leaving its control empty, and what
is typed is read, and refused, by the catalogue itself.
"""

from __future__ import annotations

import html
import shlex
from collections.abc import Callable, Iterable, Sequence

from ..kinds import Kind, Param, parse
from ..kinds.record import Params
from ..kinds.values import Choice, Flag, Link, Number, Switch

LEFT_OUT = "–"


class Control:
    """One parameter: `widget` is what is shown, `words` what it stands for ([] when it is left out)."""

    def __init__(self, param: Param, value: object, suggestions: Sequence[str], changed: Callable[[], None]) -> None:
        import ipywidgets

        self.param = param
        options = _options(param)
        self._chosen = bool(options)  # from a list, and not typed
        look = {
            "description": param.word,
            "tooltip": _plain(param),
            "description_allow_html": False,
            "style": {"description_width": "11em"},
            "layout": {"width": "25em"},
        }
        if options:
            self.input = ipywidgets.Dropdown(options=[(LEFT_OUT, ""), *options], **look)
        elif known := [*(param.value.names if isinstance(param.value, Number) else ()), *suggestions]:
            self.input = ipywidgets.Combobox(options=known, placeholder=_hint(param), **look)
        else:
            self.input = ipywidgets.Text(placeholder=_hint(param), **look)
        self.set(value)
        self.input.observe(lambda _: changed(), "value")
        says = f'<div class="vnl soft" style="line-height:1.35">{html.escape(param.says)}</div>'
        self.widget = ipywidgets.HBox(
            [self.input, ipywidgets.HTML(says, layout={"flex": "1 1 0", "min_width": "12em"})],
            layout={"align_items": "center", "margin": "1px 0"},
        )

    def set(self, value: object) -> None:
        """Show a value; None leaves the parameter out."""
        words = [] if value is None else self.param.value.words(self.param.word, self.param.value.check(value))
        self.input.value = shlex.join(words if self._chosen else words[1:])

    @property
    def words(self) -> list[str]:
        text = str(self.input.value).strip()
        if not text:
            return []
        try:
            words = shlex.split(text)
        except ValueError:  # a quotation mark that is not closed
            words = [text]
        return words if self._chosen else [self.param.word, *words]


class Controls:
    """All parameters of a kind: `first` of them open, the rest in a fold."""

    def __init__(
        self,
        kind: Kind,
        values: Params,
        first: Iterable[str],
        links: Sequence[str],
        changed: Callable[[], None],
    ) -> None:
        import ipywidgets

        self.kind, self._values = kind, values
        names = list(first) or list(kind.params)
        names += [name for name in kind.params if name not in names and (len(kind.params) < 9 or name in values)]
        rest = [name for name in kind.params if name not in names]
        self.controls = {
            name: Control(kind.params[name], values.get(name), _links(kind.params[name], links), changed)
            for name in (*names, *rest)
        }
        shown = [self.controls[name].widget for name in names if name in self.controls]
        if not shown:
            shown = [ipywidgets.HTML(f'<span class="vnl soft">{kind.name} has no parameters of its own.</span>')]
        if rest:
            fold = ipywidgets.Accordion([ipywidgets.VBox([self.controls[name].widget for name in rest])])
            fold.set_title(0, f"{len(rest)} more parameters")
            fold.selected_index = None
            shown.append(fold)
        self.widget = ipywidgets.VBox(shown)

    def reset(self) -> None:
        for name, control in self.controls.items():
            control.set(self._values.get(name))

    def params(self) -> Params:
        """The parameters as they stand. Raises `BadParameter` for what cannot be read."""
        return parse(self.kind, [word for control in self.controls.values() for word in control.words])


def _options(param: Param) -> list[tuple[str, str]]:
    """(what is shown, the words it stands for) where a parameter can have a few values only."""
    value = param.value
    found: list[object] = []
    if isinstance(value, Choice):
        found = list(value.numbers)
    elif isinstance(value, Switch) or (isinstance(value, Flag) and value.no):
        found = [True, False]
    elif isinstance(value, Flag):
        found = [True]
    spelled = [value.words(param.word, one) for one in found]
    return [(words[-1] if len(words) > 1 else words[0], shlex.join(words)) for words in spelled]


def _hint(param: Param) -> str:
    """What may be typed, in a few words."""
    value = param.value
    if isinstance(value, Number):
        low, high = (f"{n:#x}" if value.hexadecimal else str(n) for n in (value.low, value.high))
        return " or ".join([f"{low} to {high}", *value.names])
    return "left out"


def _links(param: Param, links: Sequence[str]) -> Sequence[str]:
    return links if isinstance(param.value, Link) else ()


def _plain(param: Param) -> str:
    return f"{param.word}: {param.says}"
