r"""How a text is made safe for the place that it goes to.

Names of namespaces and links, aliases, and what programs say can be any bytes, some of which a terminal, a page or a
shell would obey. In the package they are text in which a byte that is no UTF-8 stands as a lone surrogate (PEP 383, as
in file names), so that every name can be used back. On its way out a text passes through the function of its place:

    a terminal, a label of a widget      `line`, or `lines` where it has several
    HTML, SVG, Graphviz's HTML labels    `markup`, `markup_lines`
    Graphviz's quoted strings            `quoted`
    sh                                   `word`, `command`
    JSON                                 `json`
    the kernel, programs                 `encoded`, and back `decoded`

What would be obeyed, or would not show, is written the same in all of them but the last three: \x1b, \xff, \u202e.
"""

from __future__ import annotations

import html
import itertools
import json as _json
import re
import shlex
from collections.abc import Iterable

# Of what Python calls printable, that which shows nothing (Default_Ignorable_Code_Point in Unicode's
# DerivedCoreProperties.txt), and the blank pattern of Braille
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def encoded(text: str) -> bytes:
    """The bytes of a name. Of a surrogate that stands for no byte there are some too, but not those of any name."""
    try:
        return text.encode(errors="surrogateescape")
    except UnicodeEncodeError:
        return text.encode(errors="surrogatepass")


def decoded(data: bytes) -> str:
    """A name of these bytes."""
    return data.decode(errors="surrogateescape")


def line(text: str) -> str:
    """In one line, for eyes."""
    if _shows(text):
        return text
    return "".join(c if _shows(c) else _visible(c) for c in text)


def lines(text: str) -> str:
    """For eyes, in as many lines as it has; tabs stay too."""
    if _shows(text):
        return text
    return "".join(c if _shows(c) or c in "\n\t" else _visible(c) for c in text)


def markup(text: str) -> str:
    """`line` between tags, or in the value of an attribute."""
    return html.escape(line(text))


def markup_lines(text: str) -> str:
    """`lines` between tags."""
    return html.escape(lines(text))


def label(text: str) -> str:
    """`markup` in a Graphviz label of tags, where too a backslash begins something: `\\N` is the node's name."""
    return markup(text).replace("\\", "\\\\")


def quoted(text: str) -> str:
    """`line` between Graphviz's double quotes, where a backslash and an ampersand begin something."""
    return line(text).replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")


def word(text: str) -> str:
    """One word of sh, which is this very text: by printf(1) what must not stand in a script as it is."""
    parts = []
    for shows, some in itertools.groupby(text, lambda c: _shows(c) or c in "\n\t"):
        part = "".join(some)
        octal = "".join(f"\\{byte:03o}" for byte in encoded(part)) if not shows else ""
        parts.append(shlex.quote(part) if shows else f"\"$(printf '{octal}')\"")
    return "".join(parts) or "''"


def command(words: Iterable[str]) -> str:
    """A line of sh."""
    return " ".join(map(word, words))


def json(value: object, indent: int | None = None) -> str:
    """JSON that can be printed and stored: it reads as the same value, also where a name is no UTF-8."""
    text = _json.dumps(value, indent=indent, ensure_ascii=False)
    return "".join(c if _shows(c) or c == "\n" else _json.dumps(c)[1:-1] for c in text)


def _shows(text: str) -> bool:
    """Whether all of its characters do."""
    return text.isprintable() and not _INVISIBLE.search(text)


def _visible(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8
        code -= 0xDC00
    elif code >= 0x80:
        return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    return f"\\x{code:02x}"
