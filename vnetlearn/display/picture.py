"""A drawing by Graphviz that shows itself in a notebook, and can be saved."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .. import texts
from ..errors import BadParameter, Shortage, ToolMissing
from ..files import written

PAGE_POINTS = 560  # of a cell's output, in a window of 1200 pixels with JupyterLab's file browser beside it


@dataclass(frozen=True)
class Picture:
    """A drawing that shows itself in a notebook; its text is the picture read aloud."""

    dot: str
    text: str

    @property
    def svg(self) -> str:
        """The picture as SVG text. Raises `ToolMissing` when Graphviz's dot is not installed."""
        svg = render(self.dot, "svg").decode()
        title = f'<svg role="img" style="max-width:100%;height:auto" aria-label="{texts.markup_lines(self.text)}"'
        return svg[svg.index("<svg") :].replace("<svg", title, 1)

    def save(self, path: str | Path) -> Path:
        """Write it to a file; its ending (svg, png, pdf) names the format.

        Raises `BadParameter`, `ToolMissing`, `NotWritten`.
        """
        file = Path(path)
        form = file.suffix[1:]
        if form not in ("svg", "png", "pdf"):
            raise BadParameter(
                f"save({str(path)!r})",
                f"no format {form!r}",
                "a picture's name tells its format",
                "end the name in .svg, .png or .pdf",
            )
        data = self.svg.encode() if form == "svg" else render(self.dot, form)
        with written(file, f"save({str(path)!r})") as out:
            out.write(data)
        return file

    def __repr__(self) -> str:
        return texts.lines(self.text)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"image/svg+xml": fitting(self.svg), "text/plain": repr(self)}


def fitting(svg: str) -> str:
    """One that is wider than a page shrinks to its width: JupyterLab shows an SVG as an image of its own size."""
    size = re.search(r'width="(\d+)pt" height="\d+pt"', svg)
    if size is None or int(size[1]) <= PAGE_POINTS:
        return svg
    return svg.replace(size[0], 'width="100%"', 1).replace("max-width:100%", f"max-width:{size[1]}pt", 1)


def render(dot: str, form: str) -> bytes:
    import graphviz

    try:
        return bytes(graphviz.Source(dot).pipe(format=form))
    except graphviz.ExecutableNotFound:
        raise ToolMissing(
            "dot -Tsvg",
            "dot: not found",
            "Graphviz draws the pictures, and is not installed",
            "sudo apt install graphviz (vnetlearn doctor knows the words for other systems)",
        ) from None
    except OSError as error:
        raise Shortage(f"dot -T{form}", error) from None
