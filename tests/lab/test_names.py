"""Names and aliases of any bytes that the kernel takes: everything shows them, saves them, and takes them back."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from labs import draws, eventually, lesson

from vnetlearn import Lab, texts
from vnetlearn.errors import BadParameter, CommandFailed, NotFound
from vnetlearn.topology.topology import Topology, as_json

# What dev_valid_name (net/core/dev.c) takes; a percent sign asks the kernel for a number
OF_LINKS = bytes(set(range(1, 256)) - set(b"/:% \t\n\v\f\r\xa0"))
OF_NETNS = bytes(set(range(1, 256)) - set(b"/"))
TRICKS = ["\u202egpj.exe", "a\u200bb", "\u2028", "x\x9b1m", "\u2066<b>", "$(reboot)", "`x`", "';x", '"', "\\x1b"]
TRICKS += ["&amp;", "-", "--", "1e5"]
TAKEN = {b".", b"..", b"all", b"default", b"lo", b"host"}


def names(alphabet: bytes, most: int) -> st.SearchStrategy[bytes]:
    any_bytes = st.lists(st.sampled_from(alphabet), min_size=1, max_size=most).map(bytes)
    tricks = st.sampled_from(TRICKS).map(str.encode)
    return (any_bytes | tricks).filter(lambda name: name not in TAKEN and not name.isdigit())


def bash(name: bytes) -> str:
    return "$'" + "".join(f"\\x{byte:02x}" for byte in name) + "'"


def safe(text: str) -> str:
    """It obeys nothing and hides nothing, and it is UTF-8."""
    text.encode()
    hidden = {c for c in text if not c.isprintable()} - {"\n", "\xa0"}  # of which Graphviz puts some in
    assert not hidden, (hidden, text)
    return text


def drawn(svg: str) -> str:
    """All texts of a picture that an XML parser takes."""
    return "\n".join(ElementTree.fromstring(safe(svg)).itertext())


def shown(value: object) -> None:
    """What a terminal and a notebook get of a value."""
    safe(repr(value))
    bundle = getattr(value, "_repr_mimebundle_", dict)()
    json.dumps(bundle).encode()
    for kind, text in bundle.items():
        if isinstance(text, str):
            safe(text)
        if kind == "image/svg+xml":
            drawn(text)
    if hasattr(value, "_repr_html_"):
        safe(value._repr_html_())


def same(topology: Topology, other: Topology) -> str:
    return str(topology.diff(other)) if topology.diff(other) else ""


Scripts: TypeAlias = Callable[[Topology, Lab], list[str]]


def try_all(
    engine: str, spaces: Sequence[bytes], links: Sequence[bytes], alias: bytes, folder: Path, scripts: Scripts
) -> None:
    with Lab("empty", engine=engine) as lab:
        made = [f"ip netns add {bash(name)}" for name in spaces]
        made += [f"ip -n {bash(spaces[0])} link add name {bash(name)} type bridge" for name in links[2:]]
        lab.run("set -e\n" + "\n".join(made), check=True, quiet=True)
        panel = lab.panel()
        here, there = (lab[texts.decoded(name)] for name in spaces[:2])
        mine, theirs = map(texts.decoded, links[:2])
        here.link.add(mine, kind="veth", up=True, peer={"name": theirs, "netns": there})
        there.link.set(theirs, up=True)
        here.addr.add("10.0.0.1/24", dev=mine)
        there.addr.add("10.0.0.2/24", dev=theirs)
        here.run(f"ip link set dev {bash(links[0])} alias {bash(alias)}", check=True, quiet=True)

        # They are what they are, and can be used back
        assert {texts.encoded(one.name) for one in lab.netns.show()} == set(spaces)
        assert {texts.encoded(one.name) for one in here.link.show()} == {*links[:1], *links[2:], b"lo"}
        assert texts.encoded(here.link[mine].alias) == alias
        assert there.addr.show(dev=theirs)[0].local == "10.0.0.2"
        for value in (lab, lab.netns, here, here.link.show(), here.link[mine], here.addr.show(), here.route.show()):
            shown(value)

        topology = lab.topology(settled=True)
        shown(topology)
        shown(topology.draw(focus=(here, mine), highlight=here))
        picture = drawn(topology.draw(legend=False).svg)
        assert all(texts.line(texts.decoded(name)) in picture for name in links)
        saved = [topology.save(folder / f"lab.{form}") for form in ("svg", "png", "json", "dot", "sh")]
        assert json.loads(saved[2].read_bytes()) == json.loads(json.dumps(as_json(topology)))
        safe(saved[2].read_text())

        with lab.capture() as cap:
            ping = here.ping("10.0.0.2", journey=True, timeout=20)
        assert ping.ok
        assert ping.journey is not None
        for value in (ping, cap, cap.table(), ping.journey, ping.journey.draw(1)):
            shown(value)
        for page in (ping.journey.slider().children[1].value,):
            safe(page)
        read(cap.save(folder / "frames.pcapng"), links[:2])

        for wrong in (
            lambda: here.link.get(f"{mine[:1]}\x1b?"),
            lambda: lab[f"{here.name[:99]}\x1b?"],
            lambda: lab.netns.delete(f"{here.name[:99]}\x1b?"),
            lambda: topology.draw(focus=f"{mine}\x1b?"),
            lambda: here.run(["cat", f"/{mine}\x1b"], check=True, quiet=True),
        ):
            with pytest.raises((NotFound, CommandFailed)) as raised:
                wrong()
            safe(str(lesson(raised.value)).replace("\t", ""))

        # The panel has followed all of it, and takes a hand's change
        assert eventually(lambda: panel.topology and (here.name, mine) in panel.topology.links)
        shown(panel)
        switch = panel._switches[here.name, mine]
        safe(switch.description + switch.tooltip)
        switch.value = False
        assert eventually(lambda: not here.link[mine].up)
        assert panel.wait(60)
        assert panel.error is None
        panel.close()
        here.link.set(mine, up=True)

        # Scripts make the same again
        topology = lab.topology(settled=True)
        for script in scripts(topology, lab):
            with Lab("empty", engine=engine) as other:
                safe(script.replace("\t", ""))
                other.run(script, quiet=True)
                macs = {key: link.address for key, link in topology.links.items()}
                for (netns, dev), mac in macs.items():
                    other[netns].link.set(dev, address=mac) if dev != "lo" else None
                assert eventually(lambda other=other: not same(lab.topology(), other.topology())), script

        here.link.delete(mine)
        for name in spaces:
            lab.netns.delete(texts.decoded(name))
        assert not lab.netns.show()


def read(file: Path, links: Sequence[bytes]) -> None:
    """Wireshark and Scapy take the file; the names in it are UTF-8, and show."""
    from scapy.utils import RawPcapNgReader

    with RawPcapNgReader(str(file)) as reader:
        assert len(list(reader)) >= 4
        named = [interface[2]["name"].decode() for interface in reader.interfaces]
    assert {texts.line(texts.decoded(link)) for link in links} <= {safe(name).rpartition("/")[2] for name in named}
    if tshark := shutil.which("tshark"):
        subprocess.run([tshark, "-n", "-r", file], check=True, capture_output=True)


def test_every_byte_that_the_kernel_takes(engine: str, tmp_path: Path) -> None:
    links = [OF_LINKS[at : at + 15] for at in range(0, len(OF_LINKS), 15)]
    tricks = "".join(TRICKS).encode()
    spaces, others = [OF_NETNS, b"\xff", tricks], [tricks[:15], b"\\x01"]
    try_all(engine, spaces, [*links, *others], OF_NETNS + b"/", tmp_path, lambda topology, _: [topology.to_script()])


def test_any_names(engine: str, tmp_path: Path) -> None:
    @settings(max_examples=draws(1), deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    @given(
        st.lists(names(OF_NETNS, 255), min_size=2, max_size=4, unique=True),
        st.lists(names(OF_LINKS, 15), min_size=2, max_size=5, unique=True),
        st.lists(st.integers(1, 255), min_size=1, max_size=255).map(bytes),
    )
    def tried(spaces: list[bytes], links: list[bytes], alias: bytes) -> None:
        try_all(engine, spaces, links, alias, tmp_path, lambda topology, lab: [topology.to_script(), lab.transcript])

    tried()


def test_names_that_nothing_can_have(engine: str) -> None:
    half = "\ud800"  # of a pair of UTF-16, and no byte either
    with Lab("empty", engine=engine) as lab:
        for error, wrong in (
            (NotFound, lambda: lab[half]),
            (NotFound, lambda: lab.link.get(half)),
            (BadParameter, lambda: lab.netns.add(half)),
            (BadParameter, lambda: lab.netns.delete("n" * 300)),
            (BadParameter, lambda: lab.link.add("b", kind="bridge", netns=half)),
            (BadParameter, lambda: lab.link.add("b", kind="bridge", netns="n" * 300)),
            (BadParameter, lambda: lab.link.add("à", kind="bridge")),  # 0xa0, which is white space to the kernel
        ):
            with pytest.raises(error) as raised:
                wrong()
            safe(str(lesson(raised.value)))
        assert [one.name for one in lab.link.show()] == ["lo"]
        assert lab.run(f"ip link add name {bash('à'.encode())} type bridge", quiet=True).status
