"""An exercise in a terminal: a shell in its lab, in which `check`, `hint`, `solution` and `reset` are words."""

from __future__ import annotations

import sys

from ..exercises.attempt import Attempt
from ..exercises.record import plain
from .terminal import shell

CHECK, HINT, SOLUTION, RESET = range(101, 105)  # what the shell ends with, when one of these words was typed
WORDS = {"check": CHECK, "hint": HINT, "solution": SOLUTION, "reset": RESET}
SAYS = "In this lab: check, hint, solution, reset; exit or Ctrl-D ends it."


def practise(attempt: Attempt) -> int:
    """Let somebody try; 0 when the last check said solved, else 1.

    Without a terminal, the commands on standard input are the attempt, and are checked at their end.
    """
    one = attempt.exercise
    print(f"{one.name}: {one.title} ({one.expects})\n\n{plain(one.task)}\n")
    attempt.start()
    if not sys.stdin.isatty():
        shell(attempt.lab.host)
        verdict = attempt.check()
        print(verdict)
        return 0 if verdict else 1
    solved = False
    print(SAYS)
    while (status := shell(attempt.lab.host, WORDS)) in WORDS.values():
        if status == CHECK:
            verdict = attempt.check()
            solved = verdict.solved
            print(verdict)
        elif status == RESET:
            attempt.reset()
            print("This is the start again, in a new lab.")
        else:
            print(attempt.hint() if status == HINT else attempt.solution())
    return 0 if solved else 1
