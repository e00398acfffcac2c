"""Pictures: the same topology gives the same picture, what is said in it is all there, and nothing lies on anything."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from vnetlearn import KINDS, Lab
from vnetlearn.display.picture import Picture
from vnetlearn.iproute import Addr, Link
from vnetlearn.topology.diagram import draw
from vnetlearn.topology.model import Key, Relation
from vnetlearn.topology.topology import Topology

SVG = "{http://www.w3.org/2000/svg}"


def link(netns: str, name: str, kind: str = "veth", up: bool = True, **more: object) -> Link:
    flags = ("UP", "LOWER_UP") if up else ()
    state = "UP" if up else "DOWN"
    return Link(netns, 1, name, kind, state, flags, 1500, "02:00:00:00:00:01", "", "", **more)  # type: ignore[arg-type]


def topology(*links: Link, addrs: dict[Key, str] | None = None, relations: tuple[Relation, ...] = ()) -> Topology:
    found = {key: (Addr(*key, *_parts(text), "global", "inet"),) for key, text in (addrs or {}).items()}
    names = tuple(dict.fromkeys(one.netns for one in links))
    return Topology(names, {(one.netns, one.name): one for one in links}, found, relations)


def _parts(text: str) -> tuple[str, int]:
    address, length = text.split("/")
    return address, int(length)


def texts(picture: Picture) -> list[str]:
    return ["".join(e.itertext()).strip() for e in ElementTree.fromstring(picture.svg).iter(f"{SVG}text")]


STAR = topology(
    link("", "br0", "bridge"),
    *(link("", f"v{i}") for i in range(10)),
    *(link(f"n{i}", "eth0") for i in range(10)),
    addrs={(f"n{i}", "eth0"): f"10.0.0.{i + 1}/24" for i in range(10)},
    relations=(
        *(Relation("master", ("", f"v{i}"), ("", "br0")) for i in range(10)),
        *(Relation("peer", (f"n{i}", "eth0"), ("", f"v{i}")) for i in range(10)),
    ),
)


def test_the_same_topology_gives_the_same_bytes() -> None:
    assert draw(STAR).svg == draw(STAR).svg


def test_two_labs_of_one_world_look_the_same() -> None:
    with Lab(engine="host") as one, Lab(engine="host") as other:
        assert one.draw().svg == other.draw().svg


def test_everything_is_said() -> None:
    said = texts(draw(STAR))
    assert {"host", *(f"n{i}" for i in range(10)), *(f"10.0.0.{i}/24" for i in range(1, 11))} <= set(said)
    assert said.count("eth0") == 10


def test_names_of_namespaces_are_not_crossed_by_edges() -> None:
    """In a star, whose cables come from above and from below."""
    svg = ElementTree.fromstring(draw(STAR).svg)
    names = [_box(e) for g in svg.iter(f"{SVG}g") if g.get("class") == "cluster" for e in g.iter(f"{SVG}text")]
    points = [
        p for g in svg.iter(f"{SVG}g") if g.get("class") == "edge" for e in g.iter(f"{SVG}path") for p in _curve(e)
    ]
    assert names
    assert not [
        (x, y) for x, y in points for left, top, right, bottom in names if left < x < right and top < y < bottom
    ]


def _box(text: ElementTree.Element) -> tuple[float, float, float, float]:
    """About where a text is: the picture's letters are less than 0.7 of their height wide."""
    x, y, size = (float(text.get(name, 0)) for name in ("x", "y", "font-size"))
    width = 0.7 * size * len(text.text or "")
    left = x - width / 2 if text.get("text-anchor") == "middle" else x
    return left, y - size, left + width, y


def _curve(path: ElementTree.Element) -> list[tuple[float, float]]:
    """Points on the Bézier curves of a path."""
    numbers = [float(n) for n in re.findall(r"-?[\d.]+", path.get("d", ""))]
    corners = list(zip(numbers[::2], numbers[1::2], strict=True))
    found = []
    for at in range(0, len(corners) - 3, 3):
        a, b, c, d = corners[at : at + 4]
        for t in (i / 20 for i in range(21)):
            weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
            x, y = (sum(w * p[axis] for w, p in zip(weights, (a, b, c, d), strict=True)) for axis in (0, 1))
            found.append((x, y))
    return found


def test_a_picture_is_an_image_with_its_words_for_who_cannot_see_it() -> None:
    picture = draw(topology(link("", 'a"<b>&'), addrs={("", 'a"<b>&'): "10.0.0.1/8"}))
    root = ElementTree.fromstring(picture.svg)
    assert root.get("role") == "img"
    assert root.get("aria-label") == picture.text == repr(picture)
    assert 'a"<b>&' in texts(picture)


def test_only_a_wide_picture_shrinks_to_the_page() -> None:
    small, wide = (Picture(f"digraph {{ rankdir=LR {' -> '.join('abcdefghij'[:count])} }}", "") for count in (3, 10))
    assert small._repr_mimebundle_()["image/svg+xml"] == small.svg
    of_file, shown = (ElementTree.fromstring(svg) for svg in (wide.svg, wide._repr_mimebundle_()["image/svg+xml"]))
    assert (shown.get("width"), shown.get("height"), shown.get("viewBox")) == ("100%", None, of_file.get("viewBox"))
    assert f"max-width:{of_file.get('width')};" in str(shown.get("style"))


def test_what_does_not_work_is_marked() -> None:
    assert "down" in texts(draw(topology(link("", "d0", "dummy", up=False))))
    assert "down" not in texts(draw(topology(link("", "d0", "dummy"))))


def test_what_says_nothing_is_left_out() -> None:
    quiet = topology(link("", "lo", "loopback"), link("", "gre0", "gre", up=False), link("", "gre1", "gre", up=False))
    assert {"lo", "gre0"}.isdisjoint(texts(draw(quiet)))
    assert "gre1" in texts(draw(quiet))
    assert {"lo", "gre0"} <= set(texts(draw(quiet, everything=True)))


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_can_be_drawn(kind: str) -> None:
    assert "x0" in texts(draw(topology(link("", "x0", kind))))
