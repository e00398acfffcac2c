"""Trying the kinds, above all: without touching the computer's own network."""

from __future__ import annotations

from pathlib import Path

from vnetlearn import KINDS, Lab
from vnetlearn.lab import trial


def test_a_module_is_loaded_by_a_kernel_with_modules_that_lacks_it(tmp_path: Path) -> None:
    modular, present = tmp_path / "modules", tmp_path / "module"
    (present / "sit").mkdir(parents=True)
    assert not trial.would_load("ipip", modular, present)  # a kernel without loadable modules
    modular.touch()
    assert trial.would_load("ipip", modular, present)
    assert not trial.would_load("sit", modular, present)


def test_in_a_guest_the_modules_named_bring_links_and_others_do_not() -> None:
    modules = sorted({kind.module for kind in KINDS.values() if kind.module and not kind.setup and not kind.hardware})
    with Lab("empty", engine="vm") as lab:
        lab.run("mv /etc/modprobe.d /etc/modprobe.off", quiet=True, check=True)  # as without systemd's options
        brought = set()
        for module in modules:
            before = {link.name for link in lab.host.link.show()}
            lab.run(f"modprobe {module}", quiet=True, check=True)
            if {link.name for link in lab.host.link.show()} != before:
                brought.add(module)
    assert brought <= {module for module in modules if trial.brings_links(module)}
    assert {"ip_gre", "ipip", "sit", "ip_vti", "ip6_gre", "bonding"} <= brought  # ip6_gre loads ip6_tunnel
