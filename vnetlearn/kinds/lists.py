"""Values that are several words for `ip`: maps, lists and the other end of a pair. The same methods as in values.py."""

from __future__ import annotations

from collections.abc import Mapping

from .values import Choice, Link, Mac, Number, ParamValue, Words, as_list, following


class QosMap:
    """{priority: priority}; `WORD 0:1 5:7`."""

    def check(self, value: object) -> dict[int, int]:
        if isinstance(value, str):
            value = dict(pair.split(":", 1) for pair in value.split())
        if not isinstance(value, Mapping) or not value:
            raise ValueError(f"must map priorities to priorities, such as {{0: 1}}, not {value!r}")
        number = Number(0, 0xFFFFFFFF)
        return {int(number.check(a)): int(number.check(b)) for a, b in value.items()}

    def words(self, word: str, value: dict[int, int]) -> Words:
        return [word, *(f"{a}:{b}" for a, b in value.items())]

    def take(self, word: str, met: str, rest: Words) -> dict[int, int]:
        pairs = []
        while rest and ":" in rest[0]:
            pairs.append(rest.pop(0))
        return self.check(" ".join(pairs))

    def starts(self, word: str) -> tuple[str, ...]:
        return (word,)


class Ports:
    """(lowest, highest), two port numbers; `WORD LOWEST HIGHEST`."""

    def check(self, value: object) -> tuple[int, int]:
        values = [Number(0, 65535).check(v) for v in (value.split() if isinstance(value, str) else as_list(value))]
        if len(values) != 2:
            raise ValueError(f"must be two port numbers such as (32768, 61000), not {value!r}")
        low, high = int(values[0]), int(values[1])
        if low > high:
            raise ValueError(f"must be the lower and then the higher port, not {value!r}")
        return low, high

    def words(self, word: str, value: tuple[int, int]) -> Words:
        return [word, *map(str, value)]

    def take(self, word: str, met: str, rest: Words) -> tuple[int, int]:
        return self.check([following(rest), following(rest)])

    def starts(self, word: str) -> tuple[str, ...]:
        return (word,)


class Sources:
    """The MAC addresses that a link in mode source lets through.

    A list of them (`WORD set A B C`), "flush" (`WORD flush`), ("add", A) or ("del", A).
    """

    def check(self, value: object) -> tuple[str, ...]:
        if value == "flush":
            return ("flush",)
        values = as_list([value] if isinstance(value, str) else value)
        if values[:1] in (["add"], ["del"]):
            if len(values) != 2:
                raise ValueError(f"must have one MAC address after {values[0]!r}, not {value!r}")
            return (str(values[0]), Mac().check(values[1]))
        if values == ["flush"]:
            return ("flush",)
        return ("set", *(Mac().check(v) for v in (values[1:] if values[:1] == ["set"] else values)))

    def words(self, word: str, value: tuple[str, ...]) -> Words:
        return [word, *value]

    def take(self, word: str, met: str, rest: Words) -> tuple[str, ...]:
        what = [following(rest)]
        while rest and ":" in rest[0]:
            what.append(rest.pop(0))
        return self.check(what)

    def starts(self, word: str) -> tuple[str, ...]:
        return (word,)


class Choices:
    """Any of some words, each of which stands for a bit: one of them, or a list; `WORD A WORD B`."""

    def __init__(self, bits: Mapping[str, int]) -> None:
        self.bits = bits

    def check(self, value: object) -> tuple[str, ...]:
        values = [Choice(self.bits).check(v) for v in as_list([value] if isinstance(value, str) else value)]
        return tuple(name for name, bit in self.bits.items() if name in values and (bit or len(set(values)) == 1))

    def words(self, word: str, value: tuple[str, ...]) -> Words:
        return [text for name in value for text in (word, name)]

    def take(self, word: str, met: str, rest: Words) -> tuple[str, ...]:
        values = [following(rest)]
        while rest[:1] == [word]:
            values += [rest.pop(0) and following(rest)]
        return self.check(values)

    def starts(self, word: str) -> tuple[str, ...]:
        return (word,)

    def number(self, value: tuple[str, ...]) -> int:
        return sum(self.bits[name] for name in value)

    def named(self, number: int) -> tuple[str, ...]:
        return tuple(name for name, bit in self.bits.items() if (number & bit if bit else not number))


class Peer:
    """The other end of a pair: its name, or a dict of `ip link add`'s general options (name, netns, address, mtu, …).

    The message of the other end is a whole link message of its own, so whoever sends the message puts it together.
    """

    WORDS = (
        "name",
        "address",
        "mtu",
        "netns",
        "txqueuelen",
        "numtxqueues",
        "numrxqueues",
        "index",
        "broadcast",
        "addrgenmode",
        "alias",
        "group",
        "up",
        "down",
    )
    BARE = ("up", "down")

    def check(self, value: object) -> dict[str, ParamValue]:
        options = {"name": value} if isinstance(value, str) else value
        if not isinstance(options, Mapping):
            raise ValueError(f"must be the name of the other end, or a dict of its options, not {value!r}")
        for option in options:
            if option not in self.WORDS:
                raise ValueError(f"has no option {option!r}; it has {', '.join(self.WORDS)}")
        if "name" in options:
            Link().check(options["name"])
        return {
            word: options[word] for word in self.WORDS if options.get(word) is not None and options[word] is not False
        }

    def words(self, word: str, value: dict[str, ParamValue]) -> Words:
        return [
            word,
            *(
                text
                for name, option in value.items()
                for text in ((name,) if name in self.BARE else (name, str(option)))
            ),
        ]

    def take(self, word: str, met: str, rest: Words) -> dict[str, ParamValue]:
        options: dict[str, ParamValue] = {}
        while rest:
            name = rest.pop(0)
            text = True if name in self.BARE else following(rest)
            options[name] = int(text) if isinstance(text, str) and text.isdigit() and name != "name" else text
        return self.check(options)

    def starts(self, word: str) -> tuple[str, ...]:
        return (word,)
