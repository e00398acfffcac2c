"""Figures of results, by matplotlib (imported when the first one is drawn)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..display.amounts import value

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"macvlan": "#15803d", "ipvlan": "#1d4ed8"}
PANELS = {"child": "child to child", "neighbour": "child to neighbour"}


def round_trips(times: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Every round-trip time (ms, logarithmic) of each mode as a dot, with the median and the middle half as a box."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator

    figure = Figure(figsize=(10, 0.9 + 0.42 * len(times)), layout="constrained")
    panels = figure.subplots(1, len(PANELS), sharex=True, sharey=True)
    for panel, (key, title) in zip(panels, PANELS.items(), strict=True):
        for row, (mode, measured) in enumerate(times.items()):
            _row(panel, row, measured.get(key, ()), COLOURS[mode.split()[0]])
        panel.set_title(title)
        panel.set_xscale("log")
        panel.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.xaxis.set_major_formatter(lambda x, _: value(x))
        panel.xaxis.set_minor_formatter("")
        panel.set_xlabel("round-trip time, ms (each dot is one reply)")
        panel.grid(axis="x", alpha=0.3)
    panels[0].set_yticks(range(len(times)), list(times))
    panels[0].set_ylim(len(times) - 0.5, -0.5)
    return figure


def _row(panel: Axes, row: int, values: Sequence[float], colour: str) -> None:
    if not values:
        panel.text(
            0.5,
            row,
            "no answer",
            transform=panel.get_yaxis_transform(),
            ha="center",
            va="center",
            color="#b3261e",
            fontsize=8,
        )
        return
    # The dots of a row lie beside one another in the order in which they were measured.
    heights = [row - 0.25 + 0.5 * i / max(len(values) - 1, 1) for i in range(len(values))]
    panel.plot(values, heights, ".", markersize=2.5, alpha=0.45, color=colour)
    panel.boxplot(
        values,
        positions=[row],
        widths=0.6,
        orientation="horizontal",
        showfliers=False,
        whis=(5, 95),
        manage_ticks=False,
        medianprops={"color": "black", "linewidth": 1.5},
    )
