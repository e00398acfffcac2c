"""Parameters in Python ⇄ netlink attributes ⇄ the words of the `ip` command."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import BadParameter
from .places import Attributes, Links
from .record import Kind, Param


def encode(
    kind: Kind, params: Mapping[str, Any], ifindex: Callable[[str], int], *, new: bool = True, current: Any = None
) -> list[tuple[str, bytes]]:
    """The attributes of IFLA_INFO_DATA for a link of this kind: pairs of attribute name and content.

    They go into a `nla.LinkMessage`. `ifindex` finds the index of a link by its name. For a new link,
    what must be given is checked, and what `ip` sends by itself is added; `new=False` is for changing a link: only
    what was given is sent, as `ip link set … type KIND` does. For a kind that is `whole`, `current` is the link's
    IFLA_INFO_DATA as it is now, from a decoded message: what is not changed is sent back, as `ip` does too.

    Raises BadParameter for what is unknown, missing, out of range or cannot stand together.
    """
    given = checked(kind, params, new=new)
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


def decode(kind: Kind, info_data: Any, ifname: Callable[[int], str]) -> dict[str, Any]:
    """The parameters of a link from its IFLA_INFO_DATA, from a decoded `nla.LinkMessage`, or None.

    Values are in their normal form, under ip's names, in the catalogue's order; what the kernel does not tell is
    not in the result. `ifname` finds a link's name by its index.
    """
    return _values(kind, _received(info_data), Links(index=int, name=ifname))


def _values(kind: Kind, attributes: Attributes, links: Links) -> dict[str, Any]:
    values = {p.name: p.place.get(p.value, attributes, links) for p in kind.params.values()}
    return {name: value for name, value in values.items() if value is not None}


def _received(info_data: Any) -> Attributes:
    return {slot[0]: slot[1] for slot in (info_data["attrs"] if info_data else ())}


def words(kind: Kind, params: Mapping[str, Any]) -> list[str]:
    """What follows `type KIND` in the `ip` command (or `ip tuntap add dev NAME`), always in the catalogue's order."""
    given = checked(kind, params, new=False)
    return [
        text
        for param in kind.params.values()
        if param.name in given
        for text in param.value.words(param.word, given[param.name])
    ]


def parse(kind: Kind, words: list[str]) -> dict[str, Any]:
    """The parameters that these words of the `ip` command stand for: the inverse of `words`.

    Words must be written out: of ip's abbreviations and other spellings, only those in the catalogue are known.
    """
    known = {start: p for p in kind.params.values() for start in p.value.starts(p.word)}
    rest, found = list(words), dict[str, Any]()
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


def checked(kind: Kind, params: Mapping[str, Any], *, new: bool = True) -> dict[str, Any]:
    """The parameters in their normal form, by ip's names; raises BadParameter when something is wrong with them.

    A parameter that is None was not given. With `new`, those that must be there are asked for.
    """
    names = {name: p for p in kind.params.values() for name in (p.name, *p.also)}
    tried = _command(kind, _spelled(kind, names, params))
    found: dict[str, Any] = {}
    for name, value in params.items():
        param = names.get(name)
        if param is None:
            raise _unknown(kind, name, _spelled(kind, names, params), list(kind.params))
        if value is None:
            continue
        if param.name in found:
            raise BadParameter(tried, f"{param.name} is given twice", f"{name} is the same parameter", "leave one out")
        try:
            found[param.name] = param.value.check(value)
        except ValueError as error:
            raise BadParameter(tried, f"{param.word} {error}", param.says, _help(kind)) from None
    found = {name: value for name, value in found.items() if value is not None}
    for rule in (*kind.rules, *kind.always) if new else ():
        if said := rule(found):
            raise BadParameter(tried, said, f"{kind.name}: {kind.title}", _help(kind))
    missing = [p for p in kind.params.values() if new and p.required and p.name not in found]
    if missing:
        raise BadParameter(tried, f"{missing[0].word} is missing", missing[0].says, f"add {missing[0].name}=…")
    return found


def _command(kind: Kind, spelled: str) -> str:
    start = {
        "link": f"ip link add … type {kind.name}",
        "set": f"ip link set … type {kind.name}",
        "tuntap": "ip tuntap add dev …",
    }[kind.via]
    return f"{start} {spelled}".strip()


def _spelled(kind: Kind, names: Mapping[str, Param], params: Mapping[str, Any]) -> str:
    """What was asked for as ip would spell it, wrong values and all."""
    spelled = []
    for name, value in params.items():
        param = names.get(name)
        try:
            normal = param.value.check(value) if param else None
            spelled += param.value.words(param.word, normal) if param and normal is not None else [name, str(value)]
        except ValueError:
            spelled += [param.word if param else name, str(value)]
    return " ".join(spelled)


def _unknown(kind: Kind, name: str, spelled: str, known: list[str]) -> BadParameter:
    close = difflib.get_close_matches(name, known)
    why = f"{kind.name} has {', '.join(known)}" if known else f"{kind.name} has no parameters of its own"
    step = f"did you mean {' or '.join(close)}?" if close else _help(kind)
    return BadParameter(_command(kind, spelled), f"{kind.name} has no parameter {name!r}", why, step)


def _help(kind: Kind) -> str:
    return "ip tuntap help" if kind.via == "tuntap" else f"ip link help {kind.name}; {kind.doc}"
