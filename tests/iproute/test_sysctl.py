"""Settings read and written by the agent itself, held against the real sysctl(8) in the same namespace."""

from __future__ import annotations

import pytest

from tests.labs import lesson
from vnetlearn import Lab, Node
from vnetlearn.errors import BadParameter, NotFound, VnetlearnError


def said(node: Node, *words: str) -> str:
    return node.ask(["sysctl", *words]).stderr.strip()


KEYS = """net.ipv4.ip_forward net/ipv4/ip_forward net.ipv4.tcp_rmem net.ipv4.ping_group_range
    net.ipv4.conf.v/1.forwarding net/ipv4/conf/v.1/forwarding""".split()


@pytest.mark.parametrize("key", KEYS)
def test_a_key_means_what_it_means_to_sysctl(node: Node, key: str) -> None:
    node.link.add("v.1", kind="bridge")
    assert node.sysctl.get(key) == node.ask(["sysctl", "-n", key]).stdout.strip() != ""


@pytest.mark.parametrize(
    ("key", "value"), [("net.ipv4.conf.all.arp_ignore", 1), ("net.ipv4.tcp_rmem", "4096 5000 6000")]
)
def test_what_is_written_is_that_namespaces_alone(node: Node, shared: Lab, key: str, value: int | str) -> None:
    before = shared.sysctl.get(key)
    node.sysctl.set(key, value)
    assert node.sysctl.get(key).split() == str(value).split()
    assert node.ask(["sysctl", "-n", key]).stdout.split() == str(value).split()
    assert shared.sysctl.get(key) == before
    assert shared.netns.written[-1].startswith(f"ip netns exec {node.name} sysctl -q -w ")


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [
        ("net.ipv4.nothing", 1, NotFound),
        ("net.ipv4.ip_forward", "x", BadParameter),
        ("net.ipv4.ip_forward", "", BadParameter),
        ("net.ipv4.ip_default_ttl", 9999, BadParameter),
        ("net.ipv4.tcp_congestion_control", "none-such", BadParameter),
    ],
)
def test_a_refusal_is_told_in_sysctls_words(node: Node, key: str, value: object, error: type[VnetlearnError]) -> None:
    written = node.netns.written
    with pytest.raises(error) as caught:
        node.sysctl.set(key, str(value))
    assert lesson(caught.value).said == said(node, "-q", "-w", f"{key}={value}")
    assert node.netns.written == written


def test_an_unknown_setting_is_told_in_sysctls_words(node: Node) -> None:
    with pytest.raises(NotFound) as caught:
        node.sysctl.get("net.ipv4.conf.nolink.forwarding")
    assert lesson(caught.value).said == said(node, "-n", "net.ipv4.conf.nolink.forwarding")


HOSTILE = """../../etc/passwd /proc/sys/net/ipv4/ip_forward /etc/passwd net/../../version net/./ipv4/ip_forward
    . .. / net.ipv4 net//ipv4/ip_forward net.ipv4.* net.ipv4.ip_forward\0 net/ipv4/\0""".split()


@pytest.mark.parametrize("key", ["", *HOSTILE])
def test_no_key_leads_out_of_the_settings(node: Node, key: str) -> None:
    with pytest.raises(NotFound):
        node.sysctl.get(key)
    with pytest.raises(NotFound):
        node.sysctl.set(key, 0)


def test_only_the_networks_settings_can_be_written(node: Node, engine: str) -> None:
    """`host` shares the rest with the computer; in `vm` the kernel, and so all settings, are the lab's own."""
    before = node.sysctl.get("kernel.core_pattern")
    if engine == "vm":
        node.sysctl.set("kernel.core_pattern", before)
        return
    for key in ("kernel.core_pattern", "vm.overcommit_memory", "fs.file-max"):
        with pytest.raises(NotFound) as caught:
            node.sysctl.set(key, node.sysctl.get(key))
        assert caught.value.said == f'sysctl: permission denied on key "{key}"'


def test_a_namespace_that_is_gone(shared: Lab) -> None:
    gone = shared.netns.add("gone")
    shared.netns.delete(gone)
    for use in (lambda: gone.sysctl.get("net.ipv4.ip_forward"), lambda: gone.sysctl.set("net.ipv4.ip_forward", 1)):
        with pytest.raises(NotFound) as caught:
            use()
        assert "gone" in lesson(caught.value).said


def test_many_settings_of_many_namespaces_at_once(node: Node, shared: Lab) -> None:
    node.link.add("v.1", kind="bridge")
    node.sysctl.set("net.ipv4.conf.v/1.forwarding", 1)
    found = shared.channel.sysctls(["", node.name], ["net/ipv4/ip_forward", "net/ipv4/conf/*/forwarding", "net/no/*/x"])
    assert found[node.name]["net/ipv4/conf/v.1/forwarding"] == "1"
    for name, settings in found.items():
        asked = "cd /proc/sys && grep -s . net/ipv4/ip_forward net/ipv4/conf/*/forwarding"
        lines = shared.netns.named(name).ask(["sh", "-c", asked]).stdout.splitlines()
        assert sorted(f"{path}:{value}" for path, value in settings.items()) == sorted(lines)
