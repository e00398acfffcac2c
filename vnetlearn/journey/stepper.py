"""A journey step by step: a slider through the hops, each with the packet's layers there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..display.theme import Theme, theme_of
from ..errors import ToolMissing
from ..texts import markup
from . import changes
from .ladder import picture, said, since, text
from .layers import Layer
from .model import Hop, Trail

if TYPE_CHECKING:
    from ipywidgets import Widget as Widget


def slider(journey: Trail) -> Widget:
    """A slider through the main way: the picture as far as that hop, and the packet's layers there, new things bold."""
    try:
        import ipywidgets as widgets
    except ImportError:
        raise ToolMissing(
            "journey.slider()",
            "no module ipywidgets",
            "the slider is a widget of a notebook",
            "pip install ipywidgets; the journey itself shows its ladder without it",
        ) from None
    pages = [step_html(journey, hop) for hop in journey.main]
    page = widgets.HTML(pages[0] if pages else text(journey))
    control = widgets.IntSlider(value=1, min=1, max=max(1, len(pages)), description="hop", continuous_update=True)
    control.observe(lambda change: setattr(page, "value", pages[change["new"] - 1]), names="value")
    return widgets.VBox([control, page])


def step_html(journey: Trail, hop: Hop) -> str:
    """One hop: where, the packet's layers with what is new in bold, and the picture as far as here."""
    theme = theme_of(None)
    before = hop.source.peeled if hop.source else None
    rows = "".join(_layer_row(layer, new, theme) for layer, new in changes.compared(before, hop.peeled))
    way = "out of" if hop.direction == "out" else "in at"
    where = f"{hop.label}. {way} {hop.dev} in {journey.topology.called(hop.netns)}"
    words = "; ".join(said(hop)) or "nothing changed"
    return (
        f'<div style="background:{theme.paper};color:{theme.text};padding:8px;'
        'font:13px/1.45 system-ui,Helvetica,Arial,sans-serif">'
        f"<div><b>{markup(where)}</b> {markup(since(hop.since))}: {markup(words)}</div>"
        f'<table aria-label="{markup("The packet at hop " + hop.label)}"'
        f' style="border-collapse:collapse;margin:6px 0">{rows}</table>'
        f"{picture(journey, hop.label).svg}</div>"
    )


def _layer_row(layer: Layer, new: frozenset[str] | None, theme: Theme) -> str:
    fill = theme.hues["changed"][0] if new is None else theme.box
    parts = [
        f"<b>{markup(f'{n} {v}')}</b>" if new is None or n in new else markup(f"{n} {v}")
        for n, v in layer.fields.items()
    ]
    cell = f"border:1px solid {theme.border};background:{fill};color:{theme.text};padding:2px 8px;text-align:left"
    title = f"{markup(layer.name)} (new)" if new is None else markup(layer.name)
    return f'<tr><th scope="row" style="{cell}">{title}</th><td style="{cell}">{", ".join(parts)}</td></tr>'
