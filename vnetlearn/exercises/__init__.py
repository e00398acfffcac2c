"""Exercises: a task in a fresh lab, a check that reads the kernel, hints, and a solution in `ip` commands.

    ex = exercise("start/first-cable")
    lab = ex.start()

An exercise is a record: to add one, write it in the module of its track (`tracks/`) and name it at that module's end,
and write what is to be tested about it in the module of the same name in tests/exercises/attempts/. What it wants of
the kernel is mostly in `wanted.py`. Only `cli` stands above this room.
"""

from .attempt import Attempt
from .catalogue import EXERCISES, exercise
from .record import Exercise, Finding, Verdict

__all__ = ["EXERCISES", "Attempt", "Exercise", "Finding", "Verdict", "exercise"]
