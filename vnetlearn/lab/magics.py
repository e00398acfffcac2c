"""`%%lab` and `%%lab NODE`: a cell of shell text in a lab, as in a terminal there.

%load_ext vnetlearn
lab = Lab()

%%lab ns1
ip addr
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import NoReturn

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, cell_magic, magics_class, needs_local_scope
from IPython.display import display

from ..errors import BadParameter
from .lab import Lab

WHERE = "%%lab runs in the lab that the notebook calls `lab`, or --on another"


@magics_class
class LabMagics(Magics):
    """The notebook's lab is the variable `lab`, or the only one that is open."""

    @needs_local_scope
    @cell_magic("lab")  # type: ignore[arg-type]
    def lab(self, line: str, cell: str, local_ns: Mapping[str, object] | None = None) -> None:
        """Run the cell in a lab: `%%lab [NODE] [--on VARIABLE] [--draw] [--diff]`.

        NODE is a namespace, the lab's first one when left out; VARIABLE names the Lab, or an exercise, when it is not
        `lab`. Output appears as it comes, the stop button interrupts, the exit status is kept in `_exit_code`. `--draw`
        shows the topology afterwards, `--diff` what the cell changed in it.
        """
        assert self.shell is not None  # a magic runs in a shell
        options = _options(line)
        names = {**self.shell.user_ns, **(local_ns or {})}
        found = names.get(options.on)
        if not isinstance(found, Lab):
            found = getattr(found, "lab", None)  # of an exercise
        if not isinstance(found, Lab):
            raise BadParameter(
                f"%%lab {line}",
                f"{options.on!r} is not a lab",
                WHERE,
                "lab = Lab() in a cell before; then %%lab or %%lab NAMESPACE",
            )
        node = found.node(options.node)
        before = found.topology(settled=True) if options.diff else None
        try:
            status = node.run(cell).status
        except KeyboardInterrupt:
            status = 130
        self.shell.user_ns["_exit_code"] = status
        if status:
            print(f"[exit status {status}]")
        if before is not None:
            display(before.diff(found.topology(settled=True)))  # type: ignore[no-untyped-call]
        if options.draw:
            display(found.draw())  # type: ignore[no-untyped-call]


class _Words(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadParameter(
            "%%lab …", message, WHERE, f"lab = Lab() in a cell before; then {self.format_usage()[7:].strip()}"
        )


def _options(line: str) -> argparse.Namespace:
    words = _Words(
        prog="%%lab", usage="%%%%lab [NODE] [--on VARIABLE] [--draw] [--diff]", add_help=False, allow_abbrev=False
    )
    words.add_argument("node", nargs="?", default="")
    words.add_argument("--on", default="lab")
    words.add_argument("--draw", action="store_true")
    words.add_argument("--diff", action="store_true")
    return words.parse_args(line.split())


def load_ipython_extension(shell: InteractiveShell) -> None:
    shell.register_magics(LabMagics)
