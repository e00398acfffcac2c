"""`%%lab` and `%%lab NODE`: a cell of shell text in a lab, as in a terminal there.

%load_ext vnetlearn
lab = Lab()

%%lab ns1
ip addr
"""

from __future__ import annotations

from typing import Any

from IPython.core.magic import Magics, cell_magic, magics_class, needs_local_scope

from .errors import BadParameter
from .lab import Lab


@magics_class
class LabMagics(Magics):
    """The notebook's lab is the variable `lab`, or the only one that is open."""

    @needs_local_scope
    @cell_magic("lab")  # type: ignore[arg-type]
    def lab(self, line: str, cell: str, local_ns: dict[str, Any] | None = None) -> None:
        """Run the cell in a lab: `%%lab [NODE] [--on VARIABLE]`.

        NODE is a namespace, the lab's first one when left out; VARIABLE names the Lab when it is not `lab`. Output
        appears as it comes, the stop button interrupts, the exit status is kept in `_exit_code`.
        """
        assert self.shell is not None  # a magic runs in a shell
        names = {**self.shell.user_ns, **(local_ns or {})}
        words = line.split()
        variable = "lab"
        if "--on" in words[:-1]:
            at = words.index("--on")
            variable = words[at + 1]
            del words[at : at + 2]
        found = names.get(variable)
        if not isinstance(found, Lab) or len(words) > 1:
            raise BadParameter(f"%%lab {line}", f"{variable!r} is not a lab" if len(words) < 2 else "too many words",
                               "%%lab runs in the lab that the notebook calls `lab`, or --on another",
                               "lab = Lab() in a cell before; then %%lab or %%lab NAMESPACE")  # fmt: skip
        node = found.node(words[0] if words else "")
        try:
            status = node.run(cell).status
        except KeyboardInterrupt:
            status = 130
        self.shell.user_ns["_exit_code"] = status
        if status:
            print(f"[exit status {status}]")


def load_ipython_extension(shell: Any) -> None:
    shell.register_magics(LabMagics)
