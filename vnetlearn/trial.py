"""Which kinds an engine's kernel can create, found by creating each of them once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import kinds
from .errors import VnetlearnError

if TYPE_CHECKING:
    from .lab import Lab


def try_kinds(engine: str) -> dict[str, str]:
    """Create each kind in a lab on this engine: its name, and "" or what the kernel, or a program, answered."""
    from .lab import Lab

    with Lab("empty", engine=engine) as lab:
        return {kind.name: try_kind(lab, kind) for kind in kinds.KINDS.values()}


def try_kind(lab: Lab, kind: kinds.Kind) -> str:
    """Create the kind's example in a namespace of its own; "" or what the kernel answered."""
    if kind.setup and lab.engine == "host":
        return f"it needs `{kind.setup}`, which would change the computer's own kernel"
    try:
        if kind.setup:
            lab.run(kind.setup, quiet=True, check=True)
        node = lab.host if kind.setup else lab.netns.add(f"try-{kind.name}")
        for name in kind.needs:
            if name not in node.link:
                node.link.add(name, kind="veth", peer=f"{name}p")
        if kind.via == "set":
            node.link.set(f"{kind.name}0", kind=kind.name, **kind.example)
        else:
            node.link.add("try0", kind=kind.name, **kind.example)
    except VnetlearnError as error:
        return error.said
    finally:
        if not kind.setup:
            lab.netns.delete(f"try-{kind.name}")
    return ""


def table() -> list[dict[str, object]]:
    """For each kind {"kind", "host", "vm", "why"}: bool, bool, and why not where one of them cannot."""
    answers = {}
    for engine in ("host", "vm"):
        try:
            answers[engine] = try_kinds(engine)
        except VnetlearnError as error:
            answers[engine] = dict.fromkeys(kinds.KINDS, error.said)
    rows: list[dict[str, object]] = []
    for name in kinds.KINDS:
        why = "; ".join(f"{engine}: {said[name]}" for engine, said in answers.items() if said[name])
        rows.append({"kind": name, "host": not answers["host"][name], "vm": not answers["vm"][name], "why": why})
    return rows
