"""The agent as a program: its folder is what Python is given to run, and nothing of it has to be installed."""

from __future__ import annotations

import os
import sys
from importlib import import_module

if __name__ == "__main__":
    folder = sys.path.pop(0)
    sys.path.append(os.path.dirname(folder))
    import_module(f"{os.path.basename(folder)}.operations").main(*sys.argv[1:])
