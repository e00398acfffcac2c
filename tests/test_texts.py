"""Every text is safe where it goes, and is still the same: for eyes, pages, pictures, the shell and JSON."""

from __future__ import annotations

import json
import subprocess
from xml.etree import ElementTree

from hypothesis import example, given, settings
from hypothesis import strategies as st

from vnetlearn import texts
from vnetlearn.display.picture import Picture, render
from vnetlearn.errors import VnetlearnError

TRICKY = "a\x00\x07\x1b[2J\x7f\x85\x9b\xa0\xad\u200b\u202e\u2028\u2066\ufeff\u3164\ufe0f\U000e0001\udcff\ud800"
TRICKY += "'\"\\&<>`$%\n\t "
ANY = st.one_of(st.text(), st.text(TRICKY), st.binary().map(texts.decoded))


def shows(text: str, besides: str = "") -> bool:
    text.encode()
    return all(c.isprintable() or c in besides for c in text)


@given(ANY)
@example(TRICKY)
def test_for_eyes(text: str) -> None:
    assert shows(texts.line(text))
    assert shows(texts.lines(text), "\n\t")
    assert texts.line(texts.line(text)) == texts.line(text)
    error = VnetlearnError(text, text, text, text)
    assert shows(str(error), "\n\t")
    assert shows(repr(error))
    assert shows(repr(Picture("", text)), "\n\t")


def test_one_form_for_what_does_not_show() -> None:
    assert texts.line("\x1b\xff\udcff\u202e\U000e0001\n") == r"\x1bÿ\xff\u202e\U000e0001\x0a"
    assert texts.lines("a\n\tb\r") == "a\n\tb\\x0d"
    assert texts.line("läuft → ✓ 漢字") == "läuft → ✓ 漢字"


@given(ANY)
@example(TRICKY)
def test_for_pages(text: str) -> None:
    element = ElementTree.fromstring(f'<p title="{texts.markup(text)}">{texts.markup_lines(text)}</p>')
    assert element.get("title") == texts.line(text)
    assert (element.text or "") == texts.lines(text)


@settings(max_examples=5, deadline=None)
@given(ANY)
@example(TRICKY)
@example("\\\x1f \\\\ \\N \\G \\l")
def test_for_pictures(text: str) -> None:
    dot = f'digraph {{ "{texts.quoted(text)}x" [label="{texts.quoted(text)}x"]; b [label=<{texts.label(text)}x>] }}'
    root = ElementTree.fromstring(render(dot, "svg"))
    found = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    squeezed = " ".join(f"{texts.line(text)}x".split())
    assert [" ".join((one or "").split()) for one in found] == [squeezed, squeezed]


@settings(max_examples=20, deadline=None)
@given(st.lists(ANY.map(lambda text: text.replace("\0", "").encode(errors="ignore").decode()), max_size=4))
@example([TRICKY.replace("\0", "").replace("\ud800", ""), "ends with a line\n", "", "-n"])
def test_for_the_shell(words: list[str]) -> None:
    line = texts.command(["printf", "%s\\0", *words])
    assert shows(line, "\n\t")
    done = subprocess.run(["sh", "-c", line], capture_output=True, check=True)
    assert done.stdout == b"".join(texts.encoded(word) + b"\0" for word in words or [""])


@given(ANY)
@example(TRICKY)
def test_for_json(text: str) -> None:
    for indent in (None, 1):
        written = texts.json({text: [text]}, indent)
        assert shows(written, "\n")
        assert json.loads(written) == {text: [text]}


@given(st.binary())
def test_every_bytes_are_a_text(data: bytes) -> None:
    assert texts.encoded(texts.decoded(data)) == data
