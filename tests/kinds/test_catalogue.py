"""The catalogue is whole: every kind, every word of `ip link help KIND`, every field."""

from __future__ import annotations

import keyword
import re
import subprocess
import sys

import pytest

from vnetlearn import kinds
from vnetlearn.kinds import lists, values
from vnetlearn.kinds.record import Kind

ORDER = (
    "bridge bond can dummy hsr ifb ipoib macvlan macvtap vcan veth vlan vxlan ip6tnl ipip sit gre gretap ip6gre "
    "ip6gretap vti nlmon ipvlan lowpan geneve macsec vrf tun"
)

# What the help of a kind prints beside its parameters and their values
PROSE = {
    "usage",
    "ip",
    "link",
    "add",
    "set",
    "name",
    "type",
    "device",
    "help",
    "to",
    "get",
    "options",
    "is",
    "are",
    "of",
    "the",
    "for",
    "in",
    "or",
    "last",
    "used",
    "slave",
    "bound",
    "two",
    "new",
    "e.g",
    "default",
    "defaults",
    "values",
    "first",
    "if",
    "nothing",
    "specified",
    "byte",
    "multicast",
    "bps",
    "ns",
    "ms",
    "tq",
    "tc",
    "be",
    "devices",
    "frames",
    "length",
    "rx",
    "queue",
    "broadcast",
}
WHERE = {
    "hsr": {"hsr0", "address", "protocol"},
    # ip reads these words for ipip and sends nothing; they are sit's
    "ipip": {"6rd-prefix", "6rd-relay_prefix", "6rd-reset"},
    # ip reads these for all its GRE kinds over IPv6; only ip6erspan has them
    "ip6gre": {"erspan_ver", "erspan", "erspan_dir", "erspan_hwid", "ingress", "egress", "hwid", "version"},
    "ip6gretap": {"erspan_ver", "erspan", "erspan_dir", "erspan_hwid", "ingress", "egress", "hwid", "version"},
}
# The help prints a word that ip does not take
MISPRINTED = {"encap-csum6": "encap-udp6-csum", "noencap-csum6": "noencap-udp6-csum"}
# Words that came with releases of iproute2 after 6.1, which is the guest's
LATER = {"mst_enabled", "fdb_max_learned", "localbypass", "nolocalbypass", "bccutoff", "interlink", "coupled_control"}


def said(*command: str) -> str:
    """Help goes to either stream."""
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout


def helped(kind: str) -> set[str]:
    """The words in small letters that `ip link help KIND` prints; `[no]x` is x and nox, `[i|o]x` is x, ix and ox."""
    text = said("ip", "link", "help", kind)
    if kind == "macsec":
        text = text.replace("1..2^16-1", "").replace("0..2^32-1", "").replace("u64", "").replace("lladdr", "")
    text = re.sub(r"\[no\]\[i\|o\](\S+)", r"\1 i\1 o\1 no\1 noi\1 noo\1", text)
    text = re.sub(r"no\[i\|o\](\S+)", r"no\1 noi\1 noo\1", text)
    text = re.sub(r"\[i\|o\](\S+)", r"\1 i\1 o\1", text)
    text = re.sub(r"\[no\](\S+)", r"\1 no\1", text)
    words = re.split(r"[\s\[\]{}|,():<>=;]+|\.\.+", text)
    return {
        MISPRINTED.get(w.lstrip("-"), w)
        for w in words
        if re.fullmatch(r"[a-z0-9][a-z0-9+_.-]*[a-z0-9+]", w) and not re.match(r"(0x|\d+-|\d+$|\d\.)", w)
    }


def known(kind: Kind) -> set[str]:
    """All words with which parameters of a kind start, and all words that are values."""
    found = {start for p in kind.params.values() for start in p.value.starts(p.word)}
    found |= {name.replace("_", "-") for p in kind.params.values() for name in p.also} | {
        name for p in kind.params.values() for name in p.also
    }
    for param in kind.params.values():
        value = param.value
        found |= set(getattr(value, "numbers", ())) | set(getattr(value, "names", ())) | set(getattr(value, "bits", ()))
        found |= set(getattr(value, "then", ())) | {getattr(value, "on", "on"), getattr(value, "off", "off")}
        found |= {"any"} if isinstance(value, (values.Address, values.Addresses)) else set()
        found |= {"add", "del", "set", "flush", "macaddr"} if isinstance(value, lists.Sources) else set()
    return found


def test_the_kinds_and_their_order() -> None:
    assert list(kinds.KINDS) == ORDER.split()


@pytest.mark.parametrize("name", [n for n, k in kinds.KINDS.items() if k.params and k.via != "tuntap"] + [*kinds.PORTS])
def test_every_word_of_ips_help_is_known(name: str) -> None:
    words = helped(name)
    assert words, f"ip link help {name} said nothing"
    missing = words - known(kinds.kind(name)) - PROSE - WHERE.get(name, set()) - LATER - {name}
    assert not missing


@pytest.mark.parametrize("name", [n for n, k in kinds.KINDS.items() if k.params and k.via != "tuntap"])
def test_ips_help_has_every_parameter(name: str) -> None:
    """Nothing is invented: what we send has a word in ip's own help."""
    words = helped(name)
    unknown = {p.word for p in kinds.KINDS[name].params.values() if not words & set(p.value.starts(p.word))}
    assert unknown == set()


def test_tuntaps_words_are_known() -> None:
    text = said("ip", "tuntap", "help")
    words = set(re.findall(r"\b[a-z_]{2,}\b", text.split("Where")[0].split("}", 1)[1]))
    assert words - {"dev", "name"} == known(kinds.KINDS["tun"]) - {"on", "off"}


@pytest.mark.parametrize("name", [*kinds.KINDS, *kinds.PORTS])
def test_every_record_is_whole(name: str) -> None:
    kind = kinds.kind(name)
    assert all((kind.title, kind.family, kind.module, kind.source, kind.doc))
    assert kind.says.endswith(".")
    assert kind.parent in ("required", "optional", "none")
    assert (kind.parent == "required") == ("link" in kind.example)
    assert (kind.parent == "none") == (not kind.parent_word)
    assert kind.parent_word in ("", "link") or kind.parent_word in kind.params
    assert kind.via in ("link", "set", "tuntap")
    assert all(attribute in kind.numbers for attribute in kind.attributes)
    kinds.checked(kind, {k: v for k, v in kind.example.items() if k != "link"}, new=name not in kinds.PORTS)
    for param in kind.params.values():
        assert param.says.endswith("."), param.word
        assert not keyword.iskeyword(param.name)
        assert param.name.isidentifier() or any(other.isidentifier() for other in param.also), param.word
    starts = [start for p in kind.params.values() for start in p.value.starts(p.word)]
    assert len(starts) == len(set(starts))


def test_attributes_have_the_kernels_numbers() -> None:
    """The last of each enum, as in the kernel's headers of 6.1."""
    last = {
        "IFLA_BR_MULTI_BOOLOPT": 46,
        "IFLA_BOND_NS_IP6_TARGET": 31,
        "IFLA_BRPORT_LOCKED": 39,
        "IFLA_VLAN_PROTOCOL": 5,
        "IFLA_MACVLAN_BC_QUEUE_LEN": 7,
        "IFLA_IPVLAN_FLAGS": 2,
        "IFLA_VXLAN_VNIFILTER": 30,
        "IFLA_VTI_FWMARK": 6,
        "IFLA_GENEVE_INNER_PROTO_INHERIT": 14,
        "IFLA_MACSEC_OFFLOAD": 15,
        "IFLA_HSR_PROTOCOL": 7,
        "IFLA_CAN_CTRLMODE_EXT": 17,
        "IFLA_IPOIB_UMCAST": 3,
        "IFLA_GRE_FWMARK": 20,
        "IFLA_IPTUN_FWMARK": 20,
        "IFLA_BOND_SLAVE_PRIO": 9,
    }
    numbers = {name: n for kind in (*kinds.KINDS.values(), *kinds.PORTS.values()) for name, n in kind.numbers.items()}
    assert {name: numbers[name] for name in last} == last


def test_the_catalogue_needs_no_pyroute2() -> None:
    code = "import vnetlearn.kinds, sys; assert not [m for m in sys.modules if m.startswith('pyroute2')]"
    subprocess.run([sys.executable, "-c", code], check=True)
