"""Values for any parameter of the catalogue: strategies for Hypothesis, made from the parameter's own description."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st

from vnetlearn import kinds
from vnetlearn.errors import BadParameter
from vnetlearn.kinds import lists, values
from vnetlearn.kinds.families import secure
from vnetlearn.kinds.record import Kind, Param

LINKS = {"eth0": 2, "eth1": 3}
MACS = st.binary(min_size=6, max_size=6).map(lambda data: (bytes([data[0] & 0xFE]) + data[1:]).hex(":"))
V4 = st.sampled_from(["192.0.2.1", "192.0.2.77", "198.51.100.9"])
V6 = st.sampled_from(["2001:db8::1", "2001:db8::77", "2001:db8:1::9"])
GROUPS = st.sampled_from(["239.1.1.1", "ff05::100"])
PRIORITIES = st.dictionaries(st.integers(0, 7), st.integers(0, 7), min_size=1, max_size=8)
PORTS = st.lists(st.integers(0, 65535), min_size=2, max_size=2).map(lambda ports: tuple(sorted(ports)))
PREFIXES = {4: st.sampled_from(["0.0.0.0/0", "10.0.0.0/8"]), 6: st.sampled_from(["2001:db8::/32", "fd00::/16"])}


def _addresses(value: values.Address) -> st.SearchStrategy[str]:
    if value.multicast:
        return GROUPS
    addresses = {4: V4, 6: V6, 0: V4 | V6}[value.family]
    return addresses | st.sampled_from(["any"] if value.family else ["any", "::"]) if value.any else addresses


STRATEGIES: Mapping[type, Callable[[Any], st.SearchStrategy[Any]]] = {
    values.Number: lambda v: st.integers(v.low, v.high) | st.sampled_from([v.low, v.high, *v.names]),
    values.Choice: lambda v: st.sampled_from(list(v.numbers)),
    values.Switch: lambda v: st.booleans(),
    values.Flag: lambda v: st.booleans(),
    values.Address: _addresses,
    values.Addresses: lambda v: st.lists(_addresses(v.item), max_size=v.most, min_size=1),
    values.Prefix: lambda v: PREFIXES[v.family],
    values.Mac: lambda v: MACS,
    values.Link: lambda v: st.sampled_from(list(LINKS)),
    values.Name: lambda v: st.sampled_from(["root", "1000"]),
    secure._Id: lambda v: st.sampled_from(["root", "1000"]),
    secure.SecureChannel: lambda v: st.integers(1, 2**64 - 1),
    values.Key: lambda v: st.integers(0, 2**32 - 1) | st.just("10.0.0.1") | (st.just(False) if v.no else st.nothing()),
    values.Thousandths: lambda v: st.integers(0, 999).map(lambda n: n / 1000),
    lists.QosMap: lambda v: PRIORITIES,
    lists.Ports: lambda v: PORTS,
    lists.Sources: lambda v: st.lists(MACS, max_size=4) | st.just("flush") | MACS.map(lambda m: ("add", m)),
    lists.Choices: lambda v: st.lists(st.sampled_from(list(v.bits)), min_size=1, unique=True),
    lists.Peer: lambda v: st.just("eth7") | st.just({"name": "eth7", "mtu": 1400, "up": True}),
}


def values_of(param: Param) -> st.SearchStrategy[Any]:
    """Any value that the parameter can have."""
    strategy = next(STRATEGIES[cls] for cls in type(param.value).__mro__ if cls in STRATEGIES)
    return strategy(param.value)


@st.composite
def params_of(draw: st.DrawFn, kind: Kind) -> dict[str, Any]:
    """Any valid parameters of a kind: some of them, of which those go that cannot stand with those before."""
    names = draw(st.lists(st.sampled_from(list(kind.params)), unique=True)) if kind.params else []
    found = {k: v for k, v in kind.example.items() if k != "link"} if draw(st.booleans()) else {}
    required = [p.name for p in kind.params.values() if p.required]
    for name in dict.fromkeys([*required, *names]):
        found[name] = draw(values_of(kind.params[name]))
    while (said := refused(kind, found)) is not None:
        droppable = [name for name in found if name not in required]
        if not droppable:  # a rule asks for what is only in the example
            found = {k: v for k, v in kind.example.items() if k != "link"}
            assert refused(kind, found) is None, said
            break
        del found[droppable[-1]]
    return found


def refused(kind: Kind, params: dict[str, Any]) -> str | None:
    try:
        kinds.checked(kind, params)
    except BadParameter as error:
        return error.said
    return None
