"""Whatever comes over the stream, at either end: it is refused and things go on, or the stream ends with a sentence.

More examples in `scripts/hammer soak`.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import random
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from labs import draws, eventually, lesson, need_namespaces

from vnetlearn.engine import agent, channel, host
from vnetlearn.engine.agent import wire
from vnetlearn.engine.channel import AgentRefused, Channel
from vnetlearn.engine.program import Program
from vnetlearn.errors import LabDied, VnetlearnError

EXAMPLES = {"agent": 150, "owner": 80}
NUMBERS = st.one_of(st.integers(-5, 70), st.integers(-(1 << 70), 1 << 70))
NAMES = st.one_of(
    st.sampled_from(["", ".", "..", "../x", "a/b", "a\0b", "red", "\udcff", "\ud800", "x" * 300, "/etc"]),
    st.text(max_size=9),
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.floats(), NAMES),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)
# Operations with arguments that are nearly right; what programs are started end at once
ARGUMENTS = {
    "netns_add": {"name": NAMES},
    "netns_delete": {"name": NAMES},
    "nsid": {"netns": NAMES, "others": st.lists(NAMES, max_size=3)},
    "run": {
        "argv": st.lists(st.sampled_from(["true", "", "\0", "no-such", "/"]), max_size=3),
        "netns": NAMES,
        "env": st.dictionaries(NAMES, NAMES, max_size=2),
        "tty": st.one_of(st.none(), st.lists(NUMBERS, max_size=3)),
    },
    "shell": {"text": st.sampled_from(["true", "", "(", "\0", "exit 3"]), "script": st.one_of(st.none(), NUMBERS)},
    "script": {},
    "kill": {"channel": st.integers(200, 300), "number": NUMBERS},
    "resize": {"channel": NUMBERS, "rows": NUMBERS, "columns": NUMBERS},
    "capture": {
        "programs": st.dictionaries(NAMES, st.sampled_from(["", "0600000000000000", "zz", "06"]), max_size=2),
        "everything": st.booleans(),
        "ring": NUMBERS,
    },
    "listen": {"protocol": NUMBERS, "groups": NUMBERS},
    "monitor": {},
    "alive": {},
    "hello": {"time": st.floats(), "seed": st.sampled_from(["", "00", "x"])},
    "netns_list": {},
}


@st.composite
def requests(draw: Callable[..., object]) -> bytes:
    op = draw(st.one_of(st.sampled_from(sorted(ARGUMENTS)), NAMES))
    wanted = ARGUMENTS.get(str(op), {})
    found = {name: draw(st.one_of(values, JSON)) for name, values in wanted.items() if draw(st.integers(0, 9))}
    extra = draw(st.dictionaries(NAMES, JSON, max_size=1)) if not draw(st.integers(0, 9)) else {}
    return json.dumps({"op": op, **found, **extra}).encode()  # type: ignore[dict-item]


def message(kind: int, flags: int, rest: bytes, off: int) -> bytes:
    return struct.pack("=IHHII", max(0, 16 + len(rest) + off), kind, flags, 1, 0) + rest


MESSAGES = st.builds(
    message,
    st.sampled_from([0, 2, 3, 16, 18, 20, 22, 26, 30, 90, 65535]),
    st.sampled_from([0, 1, 4, 5, 0x300, 0x301, 0x305, 0x605]),
    st.binary(max_size=40),
    st.sampled_from([0, 0, 0, 0, 1, -4, 1 << 20]),
)
NETLINKS = st.one_of(
    st.lists(
        st.tuples(
            NAMES.filter(lambda name: "\ud800" not in name and len(name.encode(errors="replace")) < 250),
            MESSAGES,
            st.lists(st.tuples(st.integers(0, 65535), st.one_of(st.just("red"), st.integers(0, 254))), max_size=2),
        ),
        max_size=3,
    ).map(wire.netlink_request),
    st.binary(max_size=40),
)
PAYLOADS = {
    wire.REQUEST: st.one_of(requests(), JSON.map(lambda value: json.dumps(value).encode()), st.binary(max_size=30)),
    wire.NETLINK: NETLINKS,
    wire.DATA: st.binary(max_size=30),
    wire.CREDIT: st.one_of(st.binary(min_size=4, max_size=4), st.binary(max_size=6)),
    wire.EOF: st.binary(max_size=2),
    wire.REPLY: st.binary(max_size=9),
    wire.EXIT: st.binary(max_size=9),
}
FRAMES = st.sampled_from(sorted(PAYLOADS)).flatmap(
    lambda kind: st.tuples(st.just(kind), st.integers(200, 300), PAYLOADS[kind])
)


def fuzz(end: str, test: Callable[..., None]) -> Callable[..., None]:
    """A number of examples, or as many as fit into the time that was asked for."""
    checked = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
    tuned = settings(max_examples=draws(EXAMPLES[end]), deadline=None, suppress_health_check=checked, database=None)
    return tuned(test)


@contextlib.contextmanager
def started() -> Iterator[tuple[socket.socket, subprocess.Popen[bytes]]]:
    """A real agent in fresh namespaces, and our end of its stream."""
    need_namespaces()
    ours, theirs = socket.socketpair()
    with theirs:
        command = [*host._unshare(), sys.executable, "-I", "-S", agent.__path__[0], "host", str(theirs.fileno())]
        process = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
    try:
        yield ours, process
    finally:
        ours.close()
        process.communicate(timeout=60)


class Owner:
    """Reads what the agent sends, and asks it now and then."""

    def __init__(self, stream: socket.socket) -> None:
        self._stream, self._frames, self._asked = stream, wire.Frames(), 0
        stream.settimeout(60)

    def ask(self, kind: int, number: int, payload: bytes) -> dict[str, object]:
        """Send a frame: the REPLY on its channel."""
        self._stream.sendall(wire.frame(kind, number, payload))
        while data := self._stream.recv(1 << 18):
            for kind, at, said in self._frames.cut(data):
                if (kind, at) == (wire.REPLY, number):
                    return wire.json_object(said)
        raise AssertionError("the agent has ended")

    def answers(self) -> bool:
        """Whether a valid request, on a channel that nothing else uses, has its answer."""
        self._asked += 1
        return self.ask(wire.REQUEST, 1_000_000 + self._asked, b'{"op": "alive"}') == {}


def test_an_agent_answers_after_whatever_frames_came() -> None:
    with started() as (stream, process):
        owner = Owner(stream)

        @given(st.lists(FRAMES, max_size=12))
        def frames(sent: list[tuple[int, int, bytes]]) -> None:
            stream.sendall(b"".join(wire.frame(*one) for one in sent))
            assert owner.answers()

        fuzz("agent", frames)()
        assert process.poll() is None


def asked(op: str, **arguments: object) -> tuple[int, bytes]:
    return wire.REQUEST, json.dumps({"op": op, **arguments}).encode()


def sent(flags: int, off: int = 0, kind: int = 18, netns: str = "") -> tuple[int, bytes]:
    return wire.NETLINK, wire.netlink_request([(netns, message(kind, flags, bytes(16), off), ())])


MALFORMED = {
    # what: (kind, payload), a part of what the agent says of it
    "no JSON": ((wire.REQUEST, b"{"), "not JSON"),
    "deep JSON": ((wire.REQUEST, b"[" * 100_000), "not JSON"),
    "no object": ((wire.REQUEST, b"[1]"), "no object"),
    "no operation": (asked("close_fd", fd=3), "no operation 'close_fd'"),
    "a part of Python": (asked("__init__"), "no operation"),
    "an argument too many": (asked("alive", more=1), "no argument 'more'"),
    "an argument too few": (asked("netns_add"), "needs name"),
    "an argument of another type": (asked("netns_add", name=5), "takes name as str"),
    "a list of other things": (asked("run", argv=["a", 1]), "takes argv as list[str]"),
    "true is no number": (asked("kill", channel=True, number=9), "takes channel as int"),
    "an empty name": (asked("netns_add", name=""), "cannot be the name"),
    "a name that leads out": (asked("netns_add", name="../x"), "cannot be the name"),
    "a name with a NUL": (asked("netns_delete", name="a\0b"), "cannot be the name"),
    "a name that is no UTF-8": (sent(5, netns="\udcff"), "No such file"),
    "a message without REQUEST": (sent(4), "flags need REQUEST"),
    "a message without ACK": (sent(1), "flags need REQUEST, and ACK"),
    "a change that looks like a dump": (sent(0x301, kind=16), "flags need REQUEST, and ACK"),
    "a message that is too short": (sent(5, off=4), "says that it has 36"),
    "a message that is too long": (sent(5, off=-4), "says that it has 28"),
    "no message": ((wire.NETLINK, bytes(6)), "16"),
    "a message cut off": ((wire.NETLINK, b"\0\0" + bytes(3)), "cut off"),
    "a name cut off": ((wire.NETLINK, b"\x09ab"), "cut off"),
    "a descriptor cut off": ((wire.NETLINK, b"\0\2\0"), "cut off"),
    "a descriptor outside": (
        (wire.NETLINK, wire.netlink_request([("", message(18, 5, bytes(16), 0), [(9999, "")])])),
        "",
    ),
    "a huge ring": (asked("capture", programs={"": ""}, everything=True, ring=1 << 40), "ring"),
    "a script that is none": (asked("shell", script=5), "no script"),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_an_agent_says_what_is_wrong_with_a_frame(what: str, refusing: tuple[Owner, Iterator[int]]) -> None:
    (kind, payload), part = MALFORMED[what]
    owner, numbers = refusing
    said = owner.ask(kind, next(numbers), payload)
    assert said["errno"]
    assert part in str(said["text"])
    assert owner.answers()


def test_a_channel_that_is_in_use_is_not_used_twice(refusing: tuple[Owner, Iterator[int]]) -> None:
    owner, numbers = refusing
    number = next(numbers)
    assert "pid" in owner.ask(wire.REQUEST, number, asked("run", argv=["cat"])[1])
    assert "in use" in str(owner.ask(wire.REQUEST, number, asked("alive")[1])["text"])
    kill = asked("kill", channel=number, number=99)[1]
    assert "there is no signal 99" in str(owner.ask(wire.REQUEST, next(numbers), kill))
    assert "four bytes" in str(owner.ask(wire.CREDIT, number, b"1")["text"])
    assert "stream 0" in str(owner.ask(wire.DATA, number, b"\7")["text"])
    assert owner.answers()


@pytest.fixture(scope="module")
def refusing() -> Iterator[tuple[Owner, Iterator[int]]]:
    """One agent for all that it refuses, and channels that are free."""
    with started() as (stream, _):
        yield Owner(stream), itertools.count(10)


BROKEN = {
    "kind": struct.pack("!BII", 99, 1, 0),
    "no kind": struct.pack("!BII", 0, 1, 0),
    "four gigabytes": struct.pack("!BII", wire.REQUEST, 1, (1 << 32) - 1),
    "empty pieces": struct.pack("!BII", wire.REQUEST | wire.MORE, 1, 0),
}


@pytest.mark.parametrize("what", BROKEN)
def test_an_agent_says_why_it_cannot_read_on(what: str) -> None:
    with started() as (stream, process):
        assert Owner(stream).answers()
        stream.sendall(BROKEN[what])
        stream.settimeout(60)
        frames, said = wire.Frames(), list[tuple[int, int, bytes]]()
        while data := stream.recv(1 << 16):
            said += frames.cut(data)
        (kind, number, payload) = said[-1]
        assert (kind, number) == (wire.REPLY, 0)
        assert "the stream has" in json.loads(payload)["text"]
        assert process.wait(60) != 0


def test_arbitrary_bytes_end_an_agent_at_most() -> None:
    """They are no frames for long; its end is no traceback."""

    def once() -> None:
        with started() as (stream, process):
            chosen = random.Random(random.random())
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for _ in range(20):
                    stream.sendall(chosen.randbytes(chosen.randrange(5000)))
            stream.shutdown(socket.SHUT_WR)
            said = process.communicate(timeout=60)[1].decode()
            assert "Traceback" not in said or "Unreadable" in said

    for _ in range(draws(1)):
        once()


# The owner's end


@contextlib.contextmanager
def faked(answer: Callable[[int, int, bytes], bytes | None]) -> Iterator[Channel]:
    """A channel whose agent sends what `answer` makes of each frame, and hangs up at None."""
    ours, theirs = socket.socketpair()

    def serve() -> None:
        frames = wire.Frames()
        with theirs, contextlib.suppress(OSError):
            while data := theirs.recv(1 << 16):
                for kind, number, payload in frames.cut(data):
                    if (said := answer(kind, number, payload)) is None:
                        return
                    theirs.sendall(said)

    thread = threading.Thread(target=serve)
    thread.start()
    one = Channel(ours, lambda: "the fake ended", patience=0.5)
    try:
        yield one
    finally:
        one.close()
        thread.join(60)
        assert not thread.is_alive()


ASKED: dict[str, Callable[[Channel], object]] = {
    "hello": Channel.hello,
    "netns_list": Channel.netns_list,
    "netns_unnamed": Channel.netns_unnamed,
    "nsids": lambda one: one.nsids("", ["red"]),
    "holders": Channel.holders,
    "capture": lambda one: one.capture({}, True, 0),
    "netlink": lambda one: one.netlink("", b"x" * 16),
    "netlink_rows": lambda one: one.netlink_rows([[("", b"x" * 16, ())], []]),
    "netns_add": lambda one: one.netns_add("red", lambda error: None),
    "run": lambda one: list(Program(one, ["true"], "", {}).output()),
    "shell": lambda one: list(Program(one, "true", "", {}).output()),
    "script": lambda one: list(Program(one, "true;" * 30_000, "", {}).output()),
}
SAID = st.one_of(
    st.dictionaries(
        st.sampled_from(["errno", "text", "netns", "pid", "kernel", "rings", "hidden", "nsids", "holders", "status"]),
        JSON,
        max_size=4,
    ).map(lambda value: json.dumps(value).encode()),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=30),
    st.just(b'{"pid": 1}'),
    st.just(b"[" * 200_000),
    st.just(b'{"a":' * 100_000),
)
ANSWERS = st.lists(st.tuples(st.integers(1, 7), st.integers(-1, 1), SAID).map(tuple), min_size=1, max_size=4)


def check_asking(name: str, answer: Callable[[int, int, bytes], bytes | None]) -> None:
    with faked(answer) as one:
        try:
            ASKED[name](one)
        except VnetlearnError as error:
            lesson(error)
        except AgentRefused:
            pass  # of what is asked for directly; verbs make a lesson of it


def test_an_owner_takes_whatever_an_agent_says() -> None:
    @given(st.sampled_from(sorted(ASKED)), ANSWERS)
    def answered(name: str, said: list[tuple[int, int, bytes]]) -> None:
        def answer(_: int, number: int, __: bytes) -> bytes:
            return b"".join(wire.frame(kind, max(0, number + off), payload) for kind, off, payload in said)

        check_asking(name, answer)

    fuzz("owner", answered)()


@pytest.mark.parametrize("what", ["bytes", *BROKEN])
def test_an_owner_says_what_it_cannot_read(what: str) -> None:
    said = BROKEN.get(what, bytes(range(100, 256)))
    with faked(lambda *_: said) as one:
        with pytest.raises(LabDied) as caught:
            one.netns_list()
        assert "not to be understood: the stream has" in lesson(caught.value).why


def test_an_agent_that_ends_says_why_to_its_owner() -> None:
    last = wire.frame(wire.REPLY, 0, json.dumps({"errno": 1, "text": "KeyError('x') in run"}).encode())

    def answer(kind: int, number: int, payload: bytes) -> bytes | None:
        return None if b"netns_list" in payload else last

    with faked(answer) as one:
        for _ in range(2):
            with pytest.raises(LabDied) as caught:
                one.request("alive") if one.alive else one.netns_list()
        assert "KeyError('x') in run" in lesson(caught.value).why or "did not answer" in caught.value.why


def test_an_owner_keeps_no_more_than_it_asked_for() -> None:
    """An agent that does not keep to the credit is given up, before the memory is full."""

    def answer(kind: int, number: int, payload: bytes) -> bytes:
        if kind != wire.REQUEST:
            return b""
        return wire.frame(wire.REPLY, number, b'{"pid": 1}') + 40 * wire.frame(
            wire.DATA, number, b"\1" + bytes(1 << 20)[1:]
        )

    with faked(answer) as one:
        program = Program(one, ["true"], "", {})
        assert eventually(lambda: not one.alive)
        with pytest.raises(LabDied) as caught:
            list(program.output())
        assert "nobody asked for" in lesson(caught.value).why


def test_who_waits_for_a_program_notices_an_agent_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel, "ALIVE_SECONDS", 0.05)

    def answer(kind: int, number: int, payload: bytes) -> bytes:
        return wire.frame(wire.REPLY, number, b'{"pid": 1}') if b'"run"' in payload else b""

    for wait in (lambda one: list(one.output()), lambda one: one.write(bytes(2 << 20))):
        with faked(answer) as one:
            program = Program(one, ["true"], "", {})
            with pytest.raises(LabDied) as caught:
                wait(program)
            assert "did not answer" in lesson(caught.value).why
