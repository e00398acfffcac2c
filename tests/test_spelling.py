"""The words of lessons and pages are in the dictionary, or in words.txt: the field's words, British spellings."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from spellchecker import SpellChecker

ROOT = Path(__file__).parent.parent
WORDS = set(ROOT.joinpath("tests/words.txt").read_text().split())
NO_PROSE = re.compile(r"```.*?```|``.*?``|`[^`]*`|\]\([^)]*\)|https?://\S+|<[^>]+>", re.DOTALL)
DICTIONARY = SpellChecker()
PAGES = [
    page
    for ending in ("ipynb", "md")
    for page in [*ROOT.joinpath("notebooks").rglob(f"*.{ending}"), *ROOT.glob(f"*.{ending}")]
    if ".ipynb_checkpoints" not in page.parts
]


def prose(page: Path) -> str:
    if page.suffix == ".md":
        return page.read_text()
    cells = nbformat.read(page, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def unknown(text: str) -> set[str]:
    """Words that nobody knows. What has digits or capitals inside is a name."""
    words = re.findall(r"(?<![\w@/.-])[A-Za-z][a-z]+(?![\w@])", NO_PROSE.sub(" ", text).replace("’", "'"))
    return {word for word in DICTIONARY.unknown(words) if word not in WORDS}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_word_is_known(page):
    assert not unknown(prose(page)), "a slip, or a word for tests/words.txt"


def test_a_slip_is_found():
    assert unknown("The brigde lerns `adress`, see [the pgae](https://example.org/pgae).") == {
        "brigde",
        "lerns",
        "pgae",
    }
