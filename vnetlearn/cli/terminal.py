"""A real terminal in a lab, connected to the one that we run in."""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import threading
import tty
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from .. import texts
from ..engine.program import Program
from ..lab.lab import Node


def shell(node: Node, words: Mapping[str, int] = MappingProxyType({})) -> int:
    """bash in a node's namespace, on this terminal; returns its exit status when it ends.

    Without a terminal (in a pipe) it reads commands from standard input. `words` are commands that end it, each with
    its own status.
    """
    name = node.name or "host"
    functions = {f"BASH_FUNC_{word}%%": f"() {{ exit {status}; }}" for word, status in words.items()}
    # In a variable, since bash would run what a prompt has of $(…)
    prompt = {"VNETLEARN_NODE": texts.line(name), "PS1": "$VNETLEARN_NODE:\\w# "}
    env = {**functions, **prompt, "TERM": os.environ.get("TERM", "dumb")}
    if not sys.stdin.isatty():
        return node.run(["bash"], input=sys.stdin.read()).status
    size = os.get_terminal_size(sys.stdin.fileno())
    program = node.start(["bash", "--norc", "-i"], env=env, tty=(size.lines, size.columns))
    with _raw(sys.stdin.fileno()), _resizing(program), _typing(program):
        for _, data in program.output():
            os.write(sys.stdout.fileno(), data)
    return program.status


@contextmanager
def _typing(program: Program) -> Iterator[None]:
    """Keys go to the program as they are pressed, Ctrl-C too: the terminal in the lab makes a signal of it."""
    ended, end = os.pipe()
    thread = threading.Thread(target=_type, args=(program, ended), name="vnetlearn-keys", daemon=True)
    thread.start()
    try:
        yield
    finally:
        os.close(end)
        thread.join()
        os.close(ended)


def _type(program: Program, ended: int) -> None:
    """Until the program has ended: a key that is pressed later is for whoever reads next."""
    keys = sys.stdin.fileno()
    while select.select([keys, ended], [], [])[0] == [keys] and (data := os.read(keys, 4096)):
        program.write(data)


@contextmanager
def _raw(fd: int) -> Iterator[None]:
    before = termios.tcgetattr(fd)
    tty.setraw(fd)
    try:
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


@contextmanager
def _resizing(program: Program) -> Iterator[None]:
    def resized(*_: object) -> None:
        size = os.get_terminal_size(sys.stdin.fileno())
        program.resize(size.lines, size.columns)

    before = signal.signal(signal.SIGWINCH, resized)
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
