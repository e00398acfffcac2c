"""Exercises: a task in a fresh lab, a check that reads the kernel, hints, and a solution in `ip` commands.

    ex = exercise("start/first-cable")
    lab = ex.start()

An exercise is data: to add one, write its record in the module of its track, and what is to be tested about it in the
module of the same name in tests/exercises/attempts/. This room stands on all others but `cli`, which nothing in it
imports.
"""

from .attempt import Attempt
from .catalogue import EXERCISES, exercise
from .record import Exercise, Finding, Verdict

__all__ = ["EXERCISES", "Attempt", "Exercise", "Finding", "Verdict", "exercise"]
