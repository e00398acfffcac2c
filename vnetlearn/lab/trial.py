"""Which kinds an engine's kernel can create, found by creating each of them once."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from .. import kinds
from ..errors import VnetlearnError
from ..iproute.netns import Namespaces, Node
from . import engines


def brings_links(module: str) -> bool:
    """Whether this module, when it is loaded, puts links of its own into namespaces: tunl0, gre0, sit0, bond0, …"""
    return any(kind.brings for kind in kinds.every() if kind.module == module)


def try_kinds(engine: str) -> dict[str, str]:
    """Create each kind in a lab on this engine: its name, and "" or what the kernel, or a program, answered."""
    running, netns = engines.start(engine, Node)
    with contextlib.closing(running):
        return {kind.name: try_kind(netns, kind, engine) for kind in kinds.KINDS.values()}


def try_kind(netns: Namespaces[Node], kind: kinds.Kind, engine: str) -> str:
    """Create the kind's example in a namespace of its own; "" or what the kernel answered."""
    if kind.setup and engine == "host":
        return f"it needs `{kind.setup}`, which would change the computer's own kernel"
    if engine == "host" and brings_links(kind.module) and would_load(kind.module):
        return f"loading its module {kind.module} would put links into the computer's own network"
    try:
        if kind.setup:
            netns.host.run(kind.setup, quiet=True, check=True)
        node = netns.host if kind.setup else netns.add(f"try-{kind.name}")
        example: dict[str, Any] = {**kind.example}
        for name in kind.needs:
            if name not in node.link:
                node.link.add(name, kind="veth", peer=f"{name}p")
        if kind.via == "set":
            node.link.set(f"{kind.name}0", kind=kind.name, **example)
        else:
            node.link.add("try0", kind=kind.name, **example)
    except VnetlearnError as error:
        return error.said
    finally:
        if not kind.setup:
            netns.delete(f"try-{kind.name}")
    return ""


def would_load(module: str, modular: Path = Path("/proc/modules"), present: Path = Path("/sys/module")) -> bool:
    """Whether the running kernel would load this module on first use: it has loadable modules, and not this one yet."""
    return modular.exists() and not (present / module).exists()


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
