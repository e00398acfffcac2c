"""What the value of a parameter may be: its Python form, and the words that `ip` spells it with.

Each class has the same three methods. `check` returns the value in its one normal form, or raises ValueError with
the rest of the sentence "WORD …". `words` spells a normal value after (or as) the parameter's word, and `take` reads
that spelling back: it gets the parameter's word, the word that was met (one of `starts`), and the words that follow, of
which it removes its own.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeAlias, TypeVar

from .. import texts

ParamValue: TypeAlias = "bool | int | float | str | Sequence[ParamValue] | Mapping[str, ParamValue] | Mapping[int, int]"
"""What a parameter can be in its normal form: a list, tuple or mapping where ip has several words for it."""

V = TypeVar("V", bound="ParamValue")
"""What one parameter is in its normal form."""

Words = list[str]


class Value(Protocol[V]):
    """`words` takes what `check` of the same object made."""

    def check(self, value: object) -> V | None: ...
    def words(self, word: str, value: V) -> Words: ...
    def take(self, word: str, met: str, rest: Words) -> V: ...
    def starts(self, word: str) -> tuple[str, ...]: ...


class Spelling(Protocol[V]):
    """What a value also has whose normal form stands for a number in the kernel."""

    def number(self, value: V) -> int: ...
    def named(self, number: int) -> V: ...


class AfterWord(Generic[V]):
    """`WORD VALUE`: one word follows."""

    def check(self, value: object) -> V:
        raise NotImplementedError

    def text(self, value: V) -> str:
        return str(value)

    def words(self, word: str, value: V) -> Words:
        return [word, self.text(value)]

    def take(self, word: str, met: str, rest: Words) -> V:
        return self.check(following(rest))

    def starts(self, word: str) -> tuple[str, ...]:
        return (word,)


def following(rest: Words) -> str:
    if not rest:
        raise ValueError("must be followed by a value")
    return rest.pop(0)


@dataclass(frozen=True)
class Number(AfterWord[int | str]):
    """A whole number from `low` to `high`; `names` are words that stand for numbers, and are then the normal form."""

    low: int
    high: int
    names: Mapping[str, int] = field(default_factory=dict)
    hexadecimal: bool = False
    """Whether ip reads the number as hexadecimal even without 0x in front."""

    def check(self, value: object) -> int | str:
        if isinstance(value, str):
            if value in self.names:
                return value
            try:
                value = int(value, 16 if self.hexadecimal else 0)
            except ValueError:
                raise ValueError(f"must be {self}, not {value!r}") from None
        if isinstance(value, bool) or not isinstance(value, int) or not self.low <= value <= self.high:
            raise ValueError(f"must be {self}, not {value!r}")
        return self.named(value)

    def named(self, number: int) -> int | str:
        """The normal form of a number that the kernel gave."""
        return next((name for name, n in self.names.items() if n == number), number)

    def number(self, value: int | str) -> int:
        return self.names[value] if isinstance(value, str) else value

    def text(self, value: int | str) -> str:
        return f"{value:#x}" if self.hexadecimal and isinstance(value, int) else str(value)

    def __str__(self) -> str:
        return " or ".join([f"a whole number from {self.low} to {self.high}", *map(repr, self.names)])


@dataclass(frozen=True)
class Choice(AfterWord[str]):
    """One of some words, each of which stands for a number."""

    numbers: Mapping[str, int]

    def check(self, value: object) -> str:
        if not isinstance(value, str) or value not in self.numbers:
            raise ValueError(f"must be one of {', '.join(self.numbers)}; not {value!r}")
        return value

    def named(self, number: int) -> str:
        return next((name for name, n in self.numbers.items() if n == number), str(number))

    def number(self, value: str) -> int:
        return self.numbers[value]


def choice(*words: str) -> Choice:
    """Words that stand for 0, 1, 2, …"""
    return Choice({word: number for number, word in enumerate(words)})


class _Bool:
    def check(self, value: object) -> bool | None:
        if not isinstance(value, (bool, int)) or value not in (0, 1):
            raise ValueError(f"must be True or False, not {value!r}")
        return bool(value)

    def named(self, number: int) -> bool:
        return bool(number)

    def number(self, value: bool) -> int:
        return int(value)

    def starts(self, word: str) -> tuple[str, ...]:
        return (word,)


@dataclass(frozen=True)
class Switch(_Bool):
    """`WORD on` and `WORD off`, or the two other words that are given here."""

    on: str = "on"
    off: str = "off"

    def words(self, word: str, value: bool) -> Words:
        return [word, self.on if value else self.off]

    def take(self, word: str, met: str, rest: Words) -> bool:
        said = following(rest)
        if said not in (self.on, self.off):
            raise ValueError(f"must be {self.on} or {self.off}, not {said!r}")
        return said == self.on


@dataclass(frozen=True)
class Flag(_Bool):
    """`WORD` for True and `noWORD` for False; the opposite word can be another one, or "" where ip has none."""

    no: str = "no{}"
    then: tuple[str, ...] = ()
    """Words that always follow, as in `dscp inherit`."""

    def check(self, value: object) -> bool | None:
        """None means: ip has no word for it, so it is the same as leaving the parameter out."""
        return super().check(value) or (False if self.no else None)

    def words(self, word: str, value: bool) -> Words:
        return [word, *self.then] if value else [self.no.format(word)]

    def take(self, word: str, met: str, rest: Words) -> bool:
        for expected in self.then:
            if following(rest) != expected:
                raise ValueError(f"must be followed by {expected}")
        return met == word

    def starts(self, word: str) -> tuple[str, ...]:
        return (word, self.no.format(word)) if self.no else (word,)


@dataclass(frozen=True)
class Address(AfterWord[str]):
    """An IP address of the family 4 or 6, or of either (0), as text.

    The unspecified address is "any"; where it could be of either family it stays what it is, and "any" is 0.0.0.0.
    """

    family: int = 0
    multicast: bool | None = None
    """True: only a multicast address; False: none; None: either."""
    any: bool = True

    def check(self, value: object) -> str:
        name = {4: "an IPv4 address", 6: "an IPv6 address"}.get(self.family, "an IP address")
        try:
            unspecified = "::" if self.family == 6 else "0.0.0.0"
            address = ipaddress.ip_address(unspecified if value == "any" else value if isinstance(value, str) else "")
        except ValueError:
            raise ValueError(f"must be {name}, not {value!r}") from None
        if (self.family and address.version != self.family) or "%" in str(value):
            raise ValueError(f"must be {name}, not {value!r}")
        if address.is_unspecified:
            if not self.any:
                raise ValueError(f"must be {name} of a machine, not {value!r}")
            return "any" if self.family else str(address)
        if self.multicast is not None and address.is_multicast != self.multicast:
            raise ValueError(
                f"must {'' if self.multicast else 'not '}be a multicast address, as {value} is"
                + (" not" if self.multicast else "")
            )
        return str(address)


@dataclass(frozen=True)
class Prefix(AfterWord[str]):
    """ADDRESS/LENGTH, of which all bits after the prefix are 0."""

    family: int

    def check(self, value: object) -> str:
        try:
            prefix = ipaddress.ip_network(value if isinstance(value, str) else "")
            if prefix.version == self.family:
                return str(prefix)
        except ValueError as error:
            if "host bits" in str(error):
                raise ValueError(f"must have no bits set after the prefix, as {value} has") from None
        raise ValueError(f"must be an IPv{self.family} prefix such as ADDRESS/LENGTH, not {value!r}")


class Mac(AfterWord[str]):
    """A hardware address of six bytes, as text: 02:00:00:00:00:01."""

    def check(self, value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(r"[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){5}", value):
            raise ValueError(f"must be a MAC address such as 02:00:00:00:00:01, not {value!r}")
        return ":".join(f"{int(byte, 16):02x}" for byte in value.split(":"))


class Link(AfterWord[str]):
    """The name of another link in the same namespace."""

    def check(self, value: object) -> str:
        name = texts.encoded(value) if isinstance(value, str) else b""
        if not isinstance(value, str) or not 0 < len(name) < 16 or re.search(rb"[\s/]", name):
            raise ValueError(f"must be the name of a link, not {value!r}")
        return value


class Name(AfterWord[str]):
    """A name or a number of something outside of the network (a user, a group), as text."""

    def check(self, value: object) -> str:
        if isinstance(value, bool) or not isinstance(value, (str, int)) or not re.fullmatch(r"[\w.@-]+", str(value)):
            raise ValueError(f"must be a name or a number, not {value!r}")
        return str(value)


@dataclass(frozen=True)
class Key(AfterWord[int]):
    """A tunnel key: a number from 0 to 4294967295, or the same as a dotted quad; the number is the normal form.

    With `no`, False is spelled `noWORD` and means that there is no key.
    """

    no: bool = True

    def check(self, value: object) -> int:
        if value is False and self.no:
            return False
        if isinstance(value, str) and value.count(".") == 3:
            return int(ipaddress.IPv4Address(Address(4).check(value).replace("any", "0.0.0.0")))
        return int(Number(0, 0xFFFFFFFF).check(value))

    def words(self, word: str, value: int) -> Words:
        return [f"no{word}"] if value is False else [word, str(value)]

    def take(self, word: str, met: str, rest: Words) -> int:
        return self.check(following(rest)) if met == word else False

    def starts(self, word: str) -> tuple[str, ...]:
        return (word, f"no{word}") if self.no else (word,)

    def named(self, number: int) -> int:
        return number

    def number(self, value: int) -> int:
        return int(value)


@dataclass(frozen=True)
class Thousandths(AfterWord[float]):
    """A fraction from 0 to 0.999, of which three digits count."""

    def check(self, value: object) -> float:
        try:
            number = float(value if isinstance(value, (int, float, str)) else "")
        except ValueError:
            raise ValueError(f"must be a fraction from 0 to 0.999, not {value!r}") from None
        if not 0 <= number <= 0.999 or isinstance(value, bool):
            raise ValueError(f"must be a fraction from 0 to 0.999, not {value!r}")
        return round(number, 3)

    def named(self, number: int) -> float:
        return number / 1000

    def number(self, value: float) -> int:
        return round(value * 1000)

    def text(self, value: float) -> str:
        return f"{value:.3f}"


@dataclass(frozen=True)
class Addresses(AfterWord[list[str]]):
    """Up to `most` addresses in a list; `WORD A,B,C`."""

    item: Address
    most: int

    def check(self, value: object) -> list[str]:
        values = [v for v in value.split(",") if v] if isinstance(value, str) else as_list(value)
        if len(values) > self.most:
            raise ValueError(f"can have {self.most} values at most, not {len(values)}")
        return [self.item.check(v) for v in values]

    def text(self, value: list[str]) -> str:
        return ",".join(value)


def as_list(value: object) -> list[object]:
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise ValueError(f"must be a list, not {value!r}")
    return list(value)
