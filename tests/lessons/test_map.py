"""The map of all kinds, and the pages that are written from the same tables."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from vnetlearn.kinds import KINDS
from vnetlearn.lessons.lessons import LESSONS, TRACKS
from vnetlearn.lessons.map import Map

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"


def test_every_kind_is_there_once():
    families = Map().families
    assert sorted(kind.name for kinds in families.values() for kind in kinds) == sorted(KINDS)
    shown = Map()._repr_mimebundle_()
    for kind in KINDS.values():
        assert shown["text/html"].count(f"<b>{kind.name}</b>") == 1
        assert kind.says in shown["text/plain"]
        assert (kind.lesson or f'explore("{kind.name}")') in shown["text/plain"]


def test_the_picture_is_of_all_kinds():
    picture = Map().picture
    for kind in KINDS.values():
        assert f">{kind.name}</text>" in picture.svg
        assert kind.name in picture.text


def test_links_open_the_lessons():
    shown = Map(folder="..")._repr_mimebundle_()["text/html"]
    links = re.findall(r"href='([^']+)'", shown)
    assert set(links) == {f"../{kind.lesson}" for kind in KINDS.values() if kind.lesson}
    assert all((NOTEBOOKS / "01-foundations" / link).exists() for link in links)


def test_the_pages_say_what_the_tables_say():
    done = subprocess.run([sys.executable, "scripts/pages", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_links_of_the_pages_hold():
    for page in [*NOTEBOOKS.rglob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), (page, target)


def test_the_glossary_is_in_order():
    words = re.findall(r"^\*\*([^*]+)\*\*", (NOTEBOOKS / "glossary.md").read_text(), re.MULTILINE)
    assert words == sorted(words, key=str.lower)
    assert len(words) > 40


def test_the_readme_says_how_long_the_tracks_take():
    text = (ROOT / "README.md").read_text()
    for track in TRACKS:
        assert f"[{track.title}](notebooks/{track.folder}/README.md)" in text
        hours, rest = divmod(track.minutes, 60)
        assert (f"{hours} h {rest:02} min" if hours else f"{rest} minutes") in text, track
    assert len(LESSONS) == sum(len(track.lessons) for track in TRACKS)
