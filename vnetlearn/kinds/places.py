"""Where a parameter's value goes in a link's IFLA_INFO_DATA: which netlink attributes, and as which bytes.

Each class has `put`, which adds a normal value to the attributes {name: bytes}, and `get`, which reads it back or
gives None when it is not there. Parameters can share an attribute (flags do): `put` changes its own bits only.
Attributes are in the machine's byte order unless the wire type says otherwise. From the kernel's
include/uapi/linux/if_link.h, if_tunnel.h and can/netlink.h.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from .values import Spelling, Switch, V

L = TypeVar("L", bound="Later")
How_contra = TypeVar("How_contra", contravariant=True)
"""What a place has to be told of how a value is a number: its Spelling, or nothing (object)."""

Attributes = dict[str, bytes]
WIRE = {"u8": "=B", "u16": "=H", "u32": "=I", "u64": "=Q", "s32": "=i", "be16": ">H", "be32": ">I", "be64": ">Q"}


class Later(bytes):
    """Four bytes of a message that whoever sends it has to look up by a name: zeros until then."""

    name: str

    def __new__(cls: type[L], name: str) -> L:
        one = super().__new__(cls, bytes(4))
        one.name = str(name)
        return one


class IndexOf(Later):
    """The index of the link with this name."""


class DescriptorOf(Later):
    """A descriptor of the namespace with this name; "" is the lab's first one."""


@dataclass(frozen=True)
class Links:
    """How names of links become indices, and back, in the namespace that the message is for."""

    index: Callable[[str], int | IndexOf]
    name: Callable[[int], str]


class Place(Protocol[V, How_contra]):
    @property
    def names(self) -> tuple[str, ...]: ...
    def put(self, value: V, spelling: How_contra, attributes: Attributes, links: Links) -> None: ...
    def get(self, spelling: How_contra, attributes: Attributes, links: Links) -> V | None: ...


class _OneAttribute:
    name: str

    @property
    def names(self) -> tuple[str, ...]:
        return (self.name,)


@dataclass(frozen=True)
class Whole(_OneAttribute):
    """A number that is a whole attribute."""

    name: str
    wire: str

    def put(self, value: V, spelling: Spelling[V], attributes: Attributes, links: Links) -> None:
        attributes[self.name] = struct.pack(WIRE[self.wire], spelling.number(value))

    def get(self, spelling: Spelling[V], attributes: Attributes, links: Links) -> V | None:
        data = attributes.get(self.name)
        return None if data is None else spelling.named(struct.unpack_from(WIRE[self.wire], data)[0])


@dataclass(frozen=True)
class Present(_OneAttribute):
    """An attribute without content: it is there when the value is True. Some the kernel tells as a byte, 0 or 1."""

    name: str

    def put(self, value: bool, spelling: object, attributes: Attributes, links: Links) -> None:
        if value:
            attributes[self.name] = b""

    def get(self, spelling: object, attributes: Attributes, links: Links) -> bool | None:
        data = attributes.get(self.name)
        return None if data is None else not data or any(data)


@dataclass(frozen=True)
class Index(_OneAttribute):
    """The index of another link."""

    name: str

    def put(self, value: str, spelling: object, attributes: Attributes, links: Links) -> None:
        index = links.index(value)
        attributes[self.name] = struct.pack("=I", index) if isinstance(index, int) else index

    def get(self, spelling: object, attributes: Attributes, links: Links) -> str | None:
        index = struct.unpack("=I", attributes.get(self.name, bytes(4)))[0]
        return links.name(index) if index else None


@dataclass(frozen=True)
class Bytes(_OneAttribute):
    """Text that stands for bytes: an address of some family, or a MAC."""

    name: str
    pack: Callable[[str], bytes]
    unpack: Callable[[bytes], str]

    def put(self, value: str, spelling: object, attributes: Attributes, links: Links) -> None:
        if value != "any":
            attributes[self.name] = self.pack(value)

    def get(self, spelling: object, attributes: Attributes, links: Links) -> str | None:
        data = attributes.get(self.name)
        return None if data is None else self.unpack(data)


def address_bytes(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def address_text(data: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET6 if len(data) == 16 else socket.AF_INET, data)


def mac_bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def ip(name: str) -> Bytes:
    """An attribute that is an IP address; "any", which is the unspecified address, is not sent."""
    return Bytes(name, address_bytes, lambda data: address_text(data) if any(data) else "any")


def mac(name: str) -> Bytes:
    """An attribute that is a MAC address."""
    return Bytes(name, mac_bytes, lambda data: data.hex(":"))


@dataclass(frozen=True)
class EitherIp:
    """An IPv4 address in one attribute, or an IPv6 address in another."""

    v4: str
    v6: str
    multicast: bool | None = None
    """Whether only multicast addresses, or only others, belong to this parameter."""

    @property
    def names(self) -> tuple[str, ...]:
        return self.v4, self.v6

    def put(self, value: str, spelling: object, attributes: Attributes, links: Links) -> None:
        attributes[self.v6 if ":" in value else self.v4] = address_bytes(value)

    def get(self, spelling: object, attributes: Attributes, links: Links) -> str | None:
        data = attributes.get(self.v6) or attributes.get(self.v4)
        if not data or not any(data):
            return None
        multicast = data[0] == 0xFF if len(data) == 16 else 224 <= data[0] < 240
        return address_text(data) if self.multicast in (None, multicast) else None


@dataclass(frozen=True)
class Bits(_OneAttribute):
    """Some bits of an attribute that is a number: `mask` says which. Other parameters have the other bits.

    `layout` is that of the attribute: one field, or two where the kernel wants the bits that are meant beside their
    values; `value` and `meant` are the positions of the two in it.
    """

    name: str
    mask: int
    layout: str = "=H"
    value: int = 0
    meant: int | None = None

    def put(self, value: V, spelling: Spelling[V], attributes: Attributes, links: Links) -> None:
        fields = self._fields(attributes)
        fields[self.value] = (fields[self.value] & ~self.mask) | (spelling.number(value) * self._shift & self.mask)
        if self.meant is not None:
            fields[self.meant] |= self.mask
        attributes[self.name] = struct.pack(self.layout, *fields)

    def get(self, spelling: Spelling[V], attributes: Attributes, links: Links) -> V | None:
        if self.name not in attributes:
            return None
        return spelling.named((self._fields(attributes)[self.value] & self.mask) // self._shift)

    @property
    def _shift(self) -> int:
        return self.mask & -self.mask

    def _fields(self, attributes: Attributes) -> list[int]:
        return list(struct.unpack(self.layout, attributes.get(self.name, bytes(struct.calcsize(self.layout)))))


@dataclass(frozen=True)
class Both(Generic[V]):
    """The same value in several places; it reads back only when it is the same in all."""

    places: tuple[Place[V, Spelling[V]], ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for place in self.places for name in place.names)

    def put(self, value: V, spelling: Spelling[V], attributes: Attributes, links: Links) -> None:
        for place in self.places:
            place.put(value, spelling, attributes, links)

    def get(self, spelling: Spelling[V], attributes: Attributes, links: Links) -> V | None:
        values = [place.get(spelling, attributes, links) for place in self.places]
        return values[0] if all(value == values[0] for value in values) else None


def both(*places: Place[V, Spelling[V]]) -> Both[V]:
    return Both(places)


@dataclass(frozen=True)
class WithBit(Generic[V]):
    """A number in one place, and a bit in another that says whether it counts.

    With `named`, the bit stands for that value in place of a number (which then is `otherwise`); without it, the bit
    says that there is a number at all, and the value False that there is none.
    """

    place: Place[V, Spelling[V]]
    bit: Place[bool, Spelling[bool]]
    named: V | None = None
    otherwise: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.place.names, *self.bit.names)

    def put(self, value: V, spelling: Spelling[V], attributes: Attributes, links: Links) -> None:
        if self.named is None:
            self.place.put(value, spelling, attributes, links)
            self.bit.put(value is not False, _AS_BOOL, attributes, links)
        elif value == self.named:
            self.place.put(spelling.named(self.otherwise), spelling, attributes, links)
            self.bit.put(True, _AS_BOOL, attributes, links)
        else:
            self.place.put(value, spelling, attributes, links)
            if any(name in attributes for name in self.bit.names):
                self.bit.put(False, _AS_BOOL, attributes, links)

    def get(self, spelling: Spelling[V], attributes: Attributes, links: Links) -> V | None:
        bit = self.bit.get(_AS_BOOL, attributes, links)
        if self.named is None:
            return self.place.get(spelling, attributes, links) if bit else None
        return self.named if bit else self.place.get(spelling, attributes, links)


_AS_BOOL = Switch()


@dataclass(frozen=True)
class Field(_OneAttribute):
    """One of the `size` 32-bit numbers of which an attribute is made."""

    name: str
    position: int
    size: int

    def put(self, value: V, spelling: Spelling[V], attributes: Attributes, links: Links) -> None:
        fields = self._fields(attributes)
        fields[self.position] = spelling.number(value)
        attributes[self.name] = struct.pack(f"={self.size}I", *fields)

    def get(self, spelling: Spelling[V], attributes: Attributes, links: Links) -> V | None:
        return spelling.named(self._fields(attributes)[self.position]) if self.name in attributes else None

    def _fields(self, attributes: Attributes) -> list[int]:
        return list(struct.unpack(f"={self.size}I", attributes.get(self.name, bytes(4 * self.size))))


def attribute(number: int, data: bytes) -> bytes:
    """One netlink attribute: length, type, data, and zeros up to a multiple of four (netlink(7))."""
    return struct.pack("=HH", 4 + len(data), number) + data + bytes(-len(data) % 4)


def attributes_in(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The attributes (type, data) in a row of them; what is cut short ends the row."""
    at = 0
    while at + 4 <= len(data):
        length, number = struct.unpack_from("=HH", data, at)
        if length < 4 or at + length > len(data):
            return
        yield number & 0x3FFF, data[at + 4 : at + length]
        at += (length + 3) & ~3


@dataclass(frozen=True)
class Nested(_OneAttribute):
    """A number in an attribute inside of an attribute."""

    name: str
    number: int
    wire: str = "u32"

    def put(self, value: V, spelling: Spelling[V], attributes: Attributes, links: Links) -> None:
        attributes[self.name] = attributes.get(self.name, b"") + attribute(
            self.number, struct.pack(WIRE[self.wire], spelling.number(value))
        )

    def get(self, spelling: Spelling[V], attributes: Attributes, links: Links) -> V | None:
        for number, data in attributes_in(attributes.get(self.name, b"")):
            if number == self.number:
                return spelling.named(struct.unpack(WIRE[self.wire], data)[0])
        return None


@dataclass(frozen=True)
class Rows(_OneAttribute):
    """A list whose items are attributes of their own, numbered from 0."""

    name: str
    pack: Callable[[str], bytes]
    unpack: Callable[[bytes], str]

    def put(self, value: list[str], spelling: object, attributes: Attributes, links: Links) -> None:
        attributes[self.name] = b"".join(attribute(i, self.pack(item)) for i, item in enumerate(value))

    def get(self, spelling: object, attributes: Attributes, links: Links) -> list[str] | None:
        if self.name not in attributes:
            return None
        return [self.unpack(data) for _, data in attributes_in(attributes[self.name])]


@dataclass(frozen=True)
class Elsewhere:
    """Not in IFLA_INFO_DATA: `why` says where the value goes."""

    why: str
    names: tuple[str, ...] = ()

    def put(self, value: object, spelling: object, attributes: Attributes, links: Links) -> None:
        pass

    def get(self, spelling: object, attributes: Attributes, links: Links) -> None:
        return None
