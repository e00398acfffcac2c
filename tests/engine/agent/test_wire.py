"""What one end of the stream puts into a frame, the other end finds in it."""

from __future__ import annotations

import errno

from hypothesis import given
from hypothesis import strategies as st

from vnetlearn.engine.agent import wire

names = st.text(max_size=60)
frames = st.lists(st.tuples(st.integers(1, 7), st.integers(0, (1 << 32) - 1), st.binary(max_size=50)), max_size=5)


@given(frames, st.integers(1, 40))
def test_frames_that_come_in_pieces(sent: list[tuple[int, int, bytes]], piece: int) -> None:
    stream = b"".join(wire.frame(*one) for one in sent)
    reader, found = wire.Frames(), []
    for at in range(0, len(stream), piece):
        found += reader.cut(stream[at : at + piece])
    assert found == sent


fills = st.lists(st.tuples(st.integers(0, 65535), names | st.integers(0, 254)), max_size=3)


@given(st.lists(st.tuples(names, st.binary(), fills), max_size=4))
def test_a_request_to_the_kernel(row: list[wire.Ask]) -> None:
    assert list(wire.netlink_row(wire.netlink_request(row))) == row


@given(st.integers(0, 3), names, st.binary())
def test_what_a_monitor_tells(what: int, netns: str, datagram: bytes) -> None:
    assert wire.told_parts(wire.told(what, netns, datagram)) == (what, netns, datagram)


def test_an_error_says_which_namespace_is_not_there() -> None:
    assert wire.refusal(wire.NoNamespace("red")) == {
        "errno": errno.ENOENT,
        "text": "No such file or directory: /run/netns/red",
        "file": "/run/netns/red",
        "netns": "red",
    }
    assert wire.refusal(PermissionError(errno.EPERM, "no")) == {"errno": errno.EPERM, "text": "no"}
