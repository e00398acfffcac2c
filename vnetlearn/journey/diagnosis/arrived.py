"""Lost at its goal: it arrived where it belongs, and nothing came back."""

from __future__ import annotations

from ..goal import broadcast, owns
from ..layers import Layer
from ..lookups import no_way
from ..model import Found
from . import routing
from .case import Case


def at_goal(case: Case) -> Found | None:
    """`silent`, where this namespace has the address that the packet is for."""
    if case.ip is None or case.last.peeled.sealed or not owns(case.now, case.netns, case.ip.text("dst")):
        return None
    return silent(case)


def silent(case: Case) -> Found | None:
    """It arrived where it belongs, and nothing came back: why not, as far as this namespace knows."""
    ip, last = case.last.peeled.ip, case.last.peeled.layers[-1]
    if ip is None:
        return None
    if last.name == "UDP":
        return _no_program(case, ip, last)
    return (
        (routing.forged(case) if not case.last.out and not case.is_port else None)
        or (_ignored(case, ip) if last.name == "ICMP" else None)
        or no_way(
            case.node,
            ip.text("src"),
            f"it arrived, and {case.here} has no way back",
            "it arrived, and the answer was lost",
        )
    )


def _no_program(case: Case, ip: Layer, udp: Layer) -> Found | None:
    port = udp.fields["dport"]
    listeners = case.output("ss", "-Hlun" + ("6" if ip.name == "IPv6" else "4"), f"sport = :{port}")
    if listeners.strip():
        return None
    return Found(f"no program in {case.here} listens on UDP port {port}", (f"ss -lun sport = :{port}: (nothing)",))


def _ignored(case: Case, ip: Layer) -> Found | None:
    """Echo requests that the kernel is set to leave without an answer: ip-sysctl.rst."""
    if broadcast(case.now, case.netns, ip.text("dst")):
        value = case.node.sysctl.get("net.ipv4.icmp_echo_ignore_broadcasts")
        evidence = (f"net.ipv4.icmp_echo_ignore_broadcasts = {value}",)
        return Found(f"{case.here} answers no echo request that is for all", evidence)
    if case.node.sysctl.get("net.ipv4.icmp_echo_ignore_all") == "1":
        return Found(f"{case.here} answers no echo requests", ("net.ipv4.icmp_echo_ignore_all = 1",))
    return None
