"""A real terminal in a lab, connected to the one that we run in."""

from __future__ import annotations

import os
import signal
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager

from .lab import Node
from .program import Program


def shell(node: Node) -> int:
    """bash in a node's namespace, on this terminal; returns its exit status when it ends.

    Without a terminal (in a pipe) it reads commands from standard input.
    """
    name = node.name or "host"
    env = {"TERM": os.environ.get("TERM", "dumb"), "PS1": f"{name}:\\w# "}
    if not sys.stdin.isatty():
        return node.run(["bash"], input=sys.stdin.read()).status
    size = os.get_terminal_size(sys.stdin.fileno())
    program = node.start(["bash", "--norc", "-i"], env=env, tty=(size.lines, size.columns))
    with _raw(sys.stdin.fileno()), _resizing(program):
        threading.Thread(target=_type, args=(program,), name="vnetlearn-keys", daemon=True).start()
        for _, data in program.output():
            os.write(sys.stdout.fileno(), data)
    return program.status


def _type(program: Program) -> None:
    """Keys go to the program as they are pressed, Ctrl-C too: the terminal in the lab makes a signal of it."""
    while data := os.read(sys.stdin.fileno(), 4096):
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
