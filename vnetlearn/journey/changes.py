"""A packet in words: what it is, and what became of it between two places: headers put on, taken off, rewritten."""

from __future__ import annotations

from collections.abc import Sequence

from . import reasons
from .headers import IPS, NUMBERS
from .keys import Echo, solicited
from .layers import Field, Layer, Peeled

TCP_FLAGS = {"S": "SYN", "F": "FIN", "R": "RST", "A": "ACK"}


def title(peeled: Peeled) -> str:
    """What kind of packet it is, from whom to whom."""
    last, ip = peeled.layers[-1], peeled.ip
    of = last.fields
    if last.name == "ARP":
        return (
            f"ARP {of['op']}: who has {of['dst']}?" if of["op"] == "request" else f"ARP {of['op']}: {of['src']} is here"
        )
    if last.name in ("CAN", "CAN FD"):
        return f"{last.name} frame {of['id']}"
    if peeled.quotes is not None:
        said = reasons.icmp(last.name, last.number("type"), last.number("code"))
        return f"ICMP error from {ip.fields['src'] if ip else '?'}: {said}"
    name = _kind(peeled)
    return f"{name}, {ip.fields['src']} → {ip.fields['dst']}" if ip else f"{name} frame"


def _kind(peeled: Peeled) -> str:
    last, key = peeled.layers[-1], peeled.key
    of = last.fields
    if last.name in ("ICMP", "ICMPv6"):
        if target := solicited(key):
            return f"who has {target}? (neighbour solicitation)"
        return f"echo {key.way}" if isinstance(key, Echo) else f"{last.name} type {of['type']}"
    if last.name in ("UDP", "TCP"):
        flags = [word for letter, word in TCP_FLAGS.items() if letter in str(of.get("flags", ""))]
        return " ".join([last.name, *filter(None, ["-".join(flags)]), f"port {of['dport']}"])
    return f"{last.name} packet" if last.name in IPS else last.name


def begins(peeled: Peeled) -> tuple[str, ...]:
    """What a packet looks like where it is first seen."""
    said = [_headers(peeled.layers[:at]) for at in range(1, len(peeled.layers)) if at == _wrapping(peeled)]
    for layer in peeled.layers[_wrapping(peeled) :]:
        of = layer.fields
        if layer.name == "Ethernet":
            said.append(f"MAC {of['src']} → {of['dst']}")
        elif layer.name == "VLAN":
            said.append(f"VLAN tag {of['id']}")
        elif layer.name in IPS:
            said.append(f"{of['src']} → {of['dst']}, {_lives(layer)}")
            if _pieces(layer) > 1:
                said.append(f"in {of['fragments']} fragments")
        elif layer.name in ("CAN", "CAN FD"):
            said.append(f"id {of['id']}, data {of['data'] or 'none'}")
        elif layer.name == "802.15.4":
            said.append(f"radio address {of.get('src', '?')} → {of.get('dst', '?')}")
        elif layer.name == "6LoWPAN":
            said.append("header compressed by 6LoWPAN")
        elif layer.name == "MACsec" and not peeled.sealed:
            said.append(_macsec(layer))
    if peeled.sealed:
        said.append(f"encrypted by {_sealed(peeled.layers[-1])}: what is inside cannot be read here")
    return tuple(said)


def between(before: Peeled, after: Peeled) -> tuple[str, ...]:
    """What the second has that the first had not, and the other way round."""
    a, b = before.layers, after.layers
    said: list[str] = []
    if before.sealed != after.sealed:
        return tuple(_seal(before, after))
    tail = _same(a[::-1], b[::-1])
    head = _same(a[: len(a) - tail], b[: len(b) - tail])
    off, on = a[head : len(a) - tail], b[head : len(b) - tail]
    said += _taken(off, a[:head])
    said += _put(on, b[:head])
    pairs = [*zip(a[:head], b[:head], strict=True), *zip(a[len(a) - tail :], b[len(b) - tail :], strict=True)]
    for one, other in pairs:
        said += _rewritten(one, other)
    return tuple(said)


def compared(before: Peeled | None, after: Peeled) -> list[tuple[Layer, frozenset[str] | None]]:
    """The layers of `after`, each with the names of the fields that are new in it; None where the whole layer is."""
    if before is None:
        return [(layer, frozenset()) for layer in after.layers]
    a, b = before.layers, after.layers
    tail = 0 if before.sealed != after.sealed else _same(a[::-1], b[::-1])
    head = _same(a[: len(a) - tail], b[: len(b) - tail])
    old: list[Layer | None] = [*a[:head], *(None for _ in b[head : len(b) - tail]), *a[len(a) - tail :]]
    return [
        (new, None if was is None else frozenset(n for n, v in new.fields.items() if was.fields.get(n) != v))
        for was, new in zip(old, b, strict=True)
    ]


def _wrapping(peeled: Peeled) -> int:
    """How many of the layers wrap the innermost frame or packet."""
    if not peeled.depth or peeled.sealed:
        return 0
    names = [layer.name for layer in peeled.layers]
    last = max((at for at, name in enumerate(names) if name in NUMBERS), default=-1)
    if last >= 0:
        return last + 1
    return max((at for at, name in enumerate(names) if name in IPS), default=0)


def _same(a: Sequence[Layer], b: Sequence[Layer]) -> int:
    count = 0
    for one, other in zip(a, b, strict=False):
        if one.name != other.name:
            break
        count += 1
    return count


def _seal(before: Peeled, after: Peeled) -> list[str]:
    if after.sealed:
        return [f"encrypted by {_sealed(after.layers[-1])}: what is inside cannot be read here"]
    return [f"decrypted: {_sealed(before.layers[-1])} taken off"]


def _sealed(layer: Layer) -> str:
    of = layer.fields
    number = f"packet {of['packet']}" if "packet" in of else ""
    name = f"SPI {of['SPI']:#x}" if "SPI" in of else f"SCI {of['SCI']}" if of.get("SCI") else ""
    return f"{layer.name} ({', '.join(filter(None, (name, number)))})"


def _macsec(layer: Layer) -> str:
    return f"signed, not encrypted, by {_sealed(layer)}"


def _put(layers: Sequence[Layer], around: Sequence[Layer]) -> list[str]:
    return _each(layers, around, "pushed", "wrapped in", "put on")


def _taken(layers: Sequence[Layer], around: Sequence[Layer]) -> list[str]:
    return _each(layers, around, "popped", "unwrapped from", "taken off")


def _each(layers: Sequence[Layer], around: Sequence[Layer], tag: str, wrapped: str, header: str) -> list[str]:
    """Tags one by one; a tunnel with all its headers as one."""
    said = [f"VLAN tag {layer.fields['id']} {tag}" for layer in layers if layer.name == "VLAN"]
    said += [f"{_macsec(layer)}: {header}" for layer in layers if layer.name == "MACsec"]
    said += [f"HSR tag {layer.fields['number']} {header}" for layer in layers if layer.name == "HSR"]
    rest = [layer for layer in layers if layer.name not in ("VLAN", "MACsec", "HSR")]
    if any(layer.name in (*NUMBERS, *IPS) for layer in rest):
        said.append(f"{wrapped} {_headers(rest)}")
    elif any(layer.name == "Ethernet" for layer in rest):
        of = rest[0].fields
        said.append(f"Ethernet header {header}: {of['src']} → {of['dst']}")
    elif any(layer.name == "6LoWPAN" for layer in rest):
        said.append("header compressed by 6LoWPAN" if header == "put on" else "6LoWPAN header made whole again")
    return said


def _headers(layers: Sequence[Layer]) -> str:
    """A tunnel's headers: what it is, its number, and between whom."""
    tunnel = next((layer for layer in reversed(layers) if layer.name in NUMBERS), None)
    ip = next((layer for layer in reversed(layers) if layer.name in IPS), None)
    name = "IP" if tunnel is None else tunnel.name
    if tunnel is not None and (number := tunnel.fields.get(NUMBERS[tunnel.name])) is not None:
        name += f" {NUMBERS[tunnel.name]} {number}"
    if ip is None:
        return name
    pieces = f", in {ip.fields['fragments']} fragments" if _pieces(ip) > 1 else ""
    name = ip.name if tunnel is None else name
    return f"{name}, {ip.fields['src']} → {ip.fields['dst']}{pieces}"


def _rewritten(a: Layer, b: Layer) -> list[str]:
    if a == b:
        return []
    one, other = a.fields, b.fields
    changed = [n for n in other if one.get(n) != other[n]]
    said = []
    if a.name == "Ethernet":
        said.append(f"MACs rewritten: {other['src']} → {other['dst']}")
    elif a.name in IPS:
        for end, word in (("src", "source"), ("dst", "destination")):
            if end in changed:
                said.append(f"{word} address translated: {one[end]} is now {other[end]}")
        if _ttl(one) != _ttl(other):
            said.append(f"{'TTL' if a.name == 'IPv4' else 'hop limit'} {_ttl(one)} → {_ttl(other)}")
        before, after = _pieces(a), _pieces(b)
        if after != before:
            said.append(f"cut into {after} fragments" if after > 1 else f"put together from {before} fragments")
        said += [f"{n} {one.get(n)} → {other[n]}" for n in changed if n in ("TOS", "class")]
    elif a.name in ("UDP", "TCP"):
        for end, word in (("sport", "source"), ("dport", "destination")):
            if end in changed:
                said.append(f"{word} port translated: {one[end]} is now {other[end]}")
    elif a.name in ("ICMP", "ICMPv6") and "id" in changed:
        said.append(f"ICMP id translated: {one['id']} is now {other['id']}")
    elif a.name == "VLAN" and "id" in changed:
        said.append(f"VLAN tag {one['id']} is now {other['id']}")
    elif a.name in NUMBERS and changed:
        said.append(f"{a.name} {changed[0]} {one.get(changed[0])} is now {other[changed[0]]}")
    return said


def _pieces(layer: Layer) -> int:
    return int(layer.fields.get("fragments", 1))


def _ttl(of: dict[str, Field]) -> Field | None:
    return of.get("TTL", of.get("hop limit"))


def _lives(layer: Layer) -> str:
    return f"TTL {layer.fields['TTL']}" if layer.name == "IPv4" else f"hop limit {layer.fields['hop limit']}"
