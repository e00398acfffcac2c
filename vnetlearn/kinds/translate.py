"""Parameters in Python ⇄ netlink attributes ⇄ the words of the `ip` command.

A parameter's value is checked once: `checked` gives all of them in their normal form, as a `Checked`, which `words` and
`encode` take as it is. How the command is spelled is found out only when an error has to say it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from ..errors import BadParameter, close_to, did_you_mean
from .places import Attributes, IndexOf, Links
from .record import Kind, Param
from .values import ParamValue

InfoData: TypeAlias = Mapping[str, Iterable[tuple[str, bytes]]]
"""An IFLA_INFO_DATA as pyroute2 decodes it to: under "attrs" its attributes, each with its name and its content."""

Given: TypeAlias = Mapping[str, "ParamValue | None"]
"""Parameters as they are given: under any of their names, in any form; None leaves one out."""


class Checked(dict[str, ParamValue]):
    """Parameters of one kind in their normal form, by ip's names."""

    def __init__(self, kind: Kind, values: Mapping[str, ParamValue]) -> None:
        super().__init__(values)
        self.kind = kind


def encode(
    kind: Kind,
    params: Given,
    ifindex: Callable[[str], int | IndexOf],
    *,
    new: bool = True,
    current: InfoData | None = None,
) -> list[tuple[str, bytes]]:
    """The attributes of IFLA_INFO_DATA for a link of this kind: pairs of attribute name and content.

    They go into a `nla.LinkMessage`. `ifindex` finds the index of a link by its name. For a new link,
    what must be given is checked, and what `ip` sends by itself is added; `new=False` is for changing a link: only
    what was given is sent, as `ip link set … type KIND` does. For a kind that is `whole`, `current` is the link's
    IFLA_INFO_DATA as it is now, from a decoded message: what is not changed is sent back, as `ip` does too.

    Raises BadParameter for what is unknown, missing, out of range or cannot stand together.
    """
    given: Mapping[str, ParamValue] = checked(kind, params, new=new)
    if new:
        given = {**(kind.implied(given) if given else {}), **given}  # without any word, ip sends the kind alone
    attributes = _received(current) if kind.whole else {}
    attributes = {name: data for name, data in attributes.items() if name in kind.attributes}
    links = Links(index=ifindex, name=str)
    for param in kind.params.values():
        if param.name in given:
            param.place.put(given[param.name], param.value, attributes, links)
    for rule in kind.always if kind.whole else ():
        if said := rule(_values(kind, attributes, links)):
            raise BadParameter(
                _command(kind, " ".join(words(kind, params))), said, f"{kind.name}: {kind.title}", _help(kind)
            )
    return list(attributes.items())


def decode(kind: Kind, info_data: InfoData | None, ifname: Callable[[int], str]) -> dict[str, ParamValue]:
    """The parameters of a link from its IFLA_INFO_DATA, from a decoded `nla.LinkMessage`, or None.

    Values are in their normal form, under ip's names, in the catalogue's order; what the kernel does not tell is
    not in the result. `ifname` finds a link's name by its index.
    """
    return _values(kind, _received(info_data), Links(index=int, name=ifname))


def _values(kind: Kind, attributes: Attributes, links: Links) -> dict[str, ParamValue]:
    values = {p.name: p.place.get(p.value, attributes, links) for p in kind.params.values()}
    return {name: value for name, value in values.items() if value is not None}


def _received(info_data: InfoData | None) -> Attributes:
    return {slot[0]: slot[1] for slot in (info_data["attrs"] if info_data else ())}


def words(kind: Kind, params: Given) -> list[str]:
    """What follows `type KIND` in the `ip` command (or `ip tuntap add dev NAME`), always in the catalogue's order."""
    given = checked(kind, params, new=False)
    return [
        text
        for param in kind.params.values()
        if param.name in given
        for text in param.value.words(param.word, given[param.name])
    ]


def parse(kind: Kind, words: list[str]) -> dict[str, ParamValue]:
    """The parameters that these words of the `ip` command stand for: the inverse of `words`.

    Words must be written out: of ip's abbreviations and other spellings, only those in the catalogue are known.
    """
    known = {start: p for p in kind.params.values() for start in p.value.starts(p.word)}
    rest, found = list(words), dict[str, ParamValue]()
    while rest:
        met = rest.pop(0)
        param = known.get(met)
        if param is None:
            raise _unknown(kind, met, " ".join(words), list(known))
        try:
            found[param.name] = param.value.take(param.word, met, rest)
        except ValueError as error:
            raise BadParameter(_command(kind, " ".join(words)), f"{met} {error}", param.says) from None
    return found


def checked(kind: Kind, params: Given, *, new: bool = True) -> Checked:
    """The parameters in their normal form, by ip's names; raises BadParameter when something is wrong with them.

    A parameter that is None was not given. With `new`, those that must be there are asked for. Of what is a `Checked`
    of this kind, no value is looked at again.
    """
    found = params if isinstance(params, Checked) and params.kind is kind else Checked(kind, _normal(kind, params))
    if new:
        _together(kind, found, params)
    return found


def _normal(kind: Kind, params: Given) -> dict[str, ParamValue]:
    """Each value by itself."""
    names = _names(kind)
    found: dict[str, ParamValue | None] = {}
    for name, value in params.items():
        param = names.get(name)
        if param is None:
            raise _unknown(kind, name, _spelled(kind, params), list(kind.params))
        if value is None:
            continue
        if param.name in found:
            tried = _command(kind, _spelled(kind, params))
            raise BadParameter(tried, f"{param.name} is given twice", f"{name} is the same parameter", "leave one out")
        try:
            found[param.name] = param.value.check(value)
        except ValueError as error:
            tried = _command(kind, _spelled(kind, params))
            raise BadParameter(tried, f"{param.word} {error}", param.says, _help(kind)) from None
    return {name: value for name, value in found.items() if value is not None}


def _together(kind: Kind, found: Checked, params: Given) -> None:
    """All of them for a new link: whether they can stand together, and whether one is missing."""
    for rule in (*kind.rules, *kind.always):
        if said := rule(found):
            raise BadParameter(_command(kind, _spelled(kind, params)), said, f"{kind.name}: {kind.title}", _help(kind))
    missing = next((p for p in kind.params.values() if p.required and p.name not in found), None)
    if missing:
        tried = _command(kind, _spelled(kind, params))
        raise BadParameter(tried, f"{missing.word} is missing", missing.says, f"add {missing.name}=…")


def _names(kind: Kind) -> dict[str, Param]:
    """The parameters by all the names that they can be given under."""
    return {name: param for param in kind.params.values() for name in (param.name, *param.also)}


def _command(kind: Kind, spelled: str) -> str:
    start = {
        "link": f"ip link add … type {kind.name}",
        "set": f"ip link set … type {kind.name}",
        "tuntap": "ip tuntap add dev …",
    }[kind.via]
    return f"{start} {spelled}".strip()


def _spelled(kind: Kind, params: Given) -> str:
    """What was asked for as ip would spell it, wrong values and all."""
    names, spelled = _names(kind), list[str]()
    for name, value in params.items():
        param = names.get(name)
        try:
            normal = param.value.check(value) if param else None
            spelled += param.value.words(param.word, normal) if param and normal is not None else [name, str(value)]
        except ValueError:
            spelled += [param.word if param else name, str(value)]
    return " ".join(spelled)


def _unknown(kind: Kind, name: str, spelled: str, known: list[str]) -> BadParameter:
    why = f"{kind.name} has {', '.join(known)}" if known else f"{kind.name} has no parameters of its own"
    step = did_you_mean(close_to(name, known), _help(kind))
    return BadParameter(_command(kind, spelled), f"{kind.name} has no parameter {name!r}", why, step)


def _help(kind: Kind) -> str:
    return "ip tuntap help" if kind.via == "tuntap" else f"ip link help {kind.name}; {kind.doc}"
