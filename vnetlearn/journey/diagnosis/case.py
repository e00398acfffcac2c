"""A packet that was lost: where it was last seen, and the checks that find out why, each asked of the lab's kernel."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ...errors import KernelRefused, NotFound
from ..lookups import End, Found, answer_lost, asked_for, broadcast, owns, queued, refusal, shown, unresolved
from ..reasons import KERNEL, icmp

if TYPE_CHECKING:
    from ...capture.drops import Drop
    from ...engine.program import Result
    from ...iproute import Link
    from ...iproute.netns import Node
    from ...topology.topology import Topology
    from ..journey import Seen, Tracer, Tree
    from ..layers import Layer

# Where the kernel's reason is a general one: which of the checks below may say it more exactly
CLEARER = {
    "OTHERHOST": ("_tag", "_not_mine"),
    "IP_INADDRERRORS": ("_routed",),
    "IP_INNOROUTES": ("_routed",),
    "IP_OUTNOROUTES": ("_routed",),
    "IP_RPFILTER": ("_routed",),
    "NEIGH_FAILED": ("_unasked",),
    "NEIGH_QUEUEFULL": ("_unasked",),
    "NO_SOCKET": ("_silent",),
    "PKT_TOO_BIG": ("_mtu",),
    "VXLAN_VNI_NOT_FOUND": ("_tunnel",),
}


class Case:
    """One packet that was lost, where it was last seen, and what can be asked there."""

    def __init__(self, tracer: Tracer, tree: Tree, last: Seen) -> None:
        self.tracer, self.tree, self.last = tracer, tree, last
        self.lab = tracer.capture.netns
        self.netns, self.dev = last.place
        self.home = tracer.capture.topology.called
        self._now: Topology | None = None

    @property
    def now(self) -> Topology:
        """The topology as it is now: a link may have come up or gone meanwhile."""
        if self._now is None:
            from ...topology.topology import read

            self._now = read(self.lab)
        return self._now

    @property
    def node(self) -> Node:
        return self.lab.node(self.netns)

    @property
    def link(self) -> Link | None:
        return self.now.links.get(self.last.place)

    @property
    def ip(self) -> Layer | None:
        """The outermost IP header: what this namespace goes by."""
        layers = self.last.peeled.layers
        return next((layer for layer in layers if layer.name in ("IPv4", "IPv6")), None)

    def end(self, home: bool) -> End:
        if home:
            checks = [self._dropped, self._question, self._silent]
        elif self.last.out:
            checks = [self._question, self._dropped, self._cable, self._below, self._leads_nowhere, self._left]
        else:
            checks = [
                self._dropped,
                self._question,
                self._unasked,
                self._switch,
                self._tag,
                self._not_mine,
                self._tunnel,
                self._routed,
            ]
        return self._made(checks)

    def _made(self, checks: Sequence[Callable[[], Found | None]]) -> End:
        reason, evidence = self._first(checks) or self._nothing()
        way = "after leaving through" if self.last.out else "after arriving on"
        heard = self._heard(self.tree) if asked_for(self.tree.root) and not self.last.out else []
        places = ", ".join(heard) or f"{self.dev} in {self.home(self.netns)}"
        return End(self.netns, self.dev, reason, evidence, f"{way} {places}")

    def _heard(self, tree: Tree) -> list[str]:
        """Where a question arrived, but for the switches that passed it on."""
        return sorted({self.now.at(one.place) for one in tree.seen if not one.out and not self._switches(one.place)})

    def _switches(self, key: tuple[str, str]) -> bool:
        return self._port(key) or self.tracer.wiring.kind(key) == "bridge"

    def _first(self, checks: Sequence[Callable[[], Found | None]]) -> Found | None:
        """What the first check finds that finds something; one whose link or namespace has gone finds nothing."""
        for check in checks:
            try:
                if (found := check()) is not None:
                    return found
            except (NotFound, KernelRefused):
                continue
        return None

    def _nothing(self) -> Found:
        frames = ", ".join(str(frame.number) for frame in self.last.frames)
        word = "left through" if self.last.out else "arrived on"
        return f"it {word} {self.dev}; nothing more was seen of it, and nothing that was asked says why", (
            f"frame {frames}",
        )

    # An ICMP error that came back

    def refused(self, error: Seen) -> End:
        """Someone on the way sent the packet's end as an ICMP error: who, what, and why there."""
        layer = error.peeled.layers[-1]
        kind, code = layer.fields["type"], layer.fields["code"]
        words = icmp(layer.name, kind, code)
        sender = error.peeled.ip.fields["src"] if error.peeled.ip else "?"
        evidence: tuple[str, ...] = (
            f"frame {error.frames[0].number}: {layer.name} type {kind} code {code} from {sender}",
        )
        here = self.last.place[0] == error.place[0]
        more = self._first((self._dropped, self._unasked, self._mtu, self._routed)) if here else None
        at = f"on {self.dev} in {self.home(self.netns)}"
        if more is not None:
            return End(self.netns, self.dev, f"{words}: {more[0]}", (*evidence, *more[1]), at)
        return End(self.netns, self.dev, f"{words}, says {sender}", evidence, at)

    # What the kernel recorded

    def dropped(self) -> Drop | None:
        """The kernel's own report of this packet's end, where there is one: the first after it was last seen."""
        from ..journey import SLACK

        keys = self.tree.root.peeled.keys
        wanted = [
            drop
            for drop in self.tracer.capture.drops
            if drop.time >= self.last.time - SLACK
            and drop.reason not in ("NOT_SPECIFIED", "")
            and not drop.where.startswith(("icmp_rcv", "icmpv6_rcv"))
        ]  # after ping had its copy
        return next((drop for drop in wanted if self.tracer.same_bytes(drop.data, keys)), None)

    def _dropped(self) -> Found | None:
        drop = self.dropped()
        if drop is None:
            return None
        function = drop.where.split("+")[0]
        words = KERNEL.get(drop.reason, f"the kernel threw it away in {function}: {drop.reason}")
        last = self.last.peeled.layers[-1].fields
        words = words.format(
            port=last.get("dport", "?"),
            netns=self.home(self.netns),
            dev=self.dev,
            vni=last.get("VNI", self._field("VNI")),
        )
        evidence = (f"kernel (skb:kfree_skb): {function} reason: {drop.reason}",)
        more = self._first([getattr(self, name) for name in CLEARER.get(drop.reason, ())])
        return (more[0], (*evidence, *more[1])) if more else (words, evidence)

    def _field(self, name: str) -> object:
        return next((layer.fields[name] for layer in self.last.peeled.layers if name in layer.fields), "?")

    # ARP and neighbour discovery

    def _question(self) -> Found | None:
        """The packet itself asks for a neighbour, and nobody answered."""
        wanted = asked_for(self.tree.root)
        return self._unanswered(wanted[0], self.tree) if wanted else None

    def _unanswered(self, wanted: str, tree: Tree) -> Found:
        """No one said that it has the address: who has it, and whether the question got there."""
        asker = tree.root.place
        word = "ARP" if "." in wanted else "neighbour discovery"
        heard = self._heard(tree)
        reason = f"no one answered {word} for {wanted}"
        numbers = ", ".join(str(one.frames[0].number) for one in tree.seen[:6])
        evidence = [
            f"frames {numbers}: who has {wanted}? No answer in the capture",
            *self._neighbours(asker[0], wanted),
        ]
        owners = [key for key, some in self.now.addrs.items() if any(a.local == wanted for a in some)]
        if not owners:
            reason += ": no link in the lab has this address"
        elif not any(key[0] == one.place[0] and not one.out for key in owners for one in tree.seen):
            owner = owners[0]
            if self._beneath(asker, owner):
                reason += (
                    f" in {self.home(owner[0])}: it is {owner[1]}'s own, and a frame of {asker[1]} leaves through {owner[1]}"
                    f" past {owner[1]}'s receive path"
                )
            else:
                reason += f": {self.now.at(owner)} has it, and the question did not get there"
                ports = [one for one in tree.seen if not one.out and self._port(one.place)]
                if ports and (more := Case(self.tracer, tree, ports[-1])._switch()) is not None:
                    reason, evidence = f"{reason}; {more[0]}", [*evidence, *more[1]]
        else:
            reason += f": {self.now.at(owners[0])} has it, heard the question and said nothing"
            evidence += self._arp_settings(owners[0])
        if heard:
            evidence.append(f"heard by {', '.join(heard)}")
        return reason, tuple(evidence)

    def _neighbours(self, netns: str, address: str) -> list[str]:
        node = self.lab.node(netns)
        found = [n for n in node.neigh.show() if n.dst == address]
        return [
            f"{node.spell(['neigh', 'show', address])}: {n.dst} dev {n.dev} {n.lladdr or ''} {n.state}".replace(
                "  ", " "
            )
            for n in found
        ]

    def _beneath(self, child: tuple[str, str], owner: tuple[str, str]) -> bool:
        return owner in self.tracer.wiring.lower.get(child, ())

    def _arp_settings(self, owner: tuple[str, str]) -> list[str]:
        node = self.lab.node(owner[0])
        found = []
        for name in ("arp_ignore", "arp_filter", "rp_filter"):
            value = node.sysctl.get(f"net.ipv4.conf.all.{name}")
            if str(value) != "0":
                found.append(f"{self.home(owner[0])}: net.ipv4.conf.all.{name} = {value}")
        return found

    def _unasked(self) -> Found | None:
        """This namespace would have passed it on, and the next hop did not tell its MAC."""
        if self.ip is None or self.last.peeled.sealed:
            return None
        asked = [
            one for one in self.tracer.seen if one.out and one.place[0] == self.netns and one.time >= self.last.time
        ]
        route = self.node.route.get(self.ip.fields["dst"])
        hop = route.via or self.ip.fields["dst"]
        lost, _ = unresolved(self.node, hop, route.dev)
        question = next((one for one in asked if hop in asked_for(one)), None)
        if question is None or not lost:
            return None
        tree = self.tracer.tree(question)
        return self._unanswered(hop, tree) if self.tracer.answer(tree) is None else None

    # On the way out

    def _cable(self) -> Found | None:
        """The other end of the cable takes nothing."""
        peer = self.tracer.wiring.peer.get(self.last.place)
        if peer is None:
            return None
        other = self.now.links.get(peer)
        if other is None:
            return f"the other end of the cable, {self.now.at(peer)}, is gone", ()
        if not other.up:
            return f"the other end of the cable, {self.now.at(peer)}, is down", (self._shown(other),)
        return None

    def _shown(self, link: Link) -> str:
        return shown(self.lab.node(link.netns), link)

    def _below(self) -> Found | None:
        """A link that sits on another one: it is down, or there is no way to the tunnel's other end."""
        for key in sorted(self.tracer.wiring.lower.get(self.last.place, ())):
            lower = self.now.links.get(key)
            if lower is not None and not lower.up:
                return f"{self.now.at(key)}, on which {self.dev} sits, is down", (self._shown(lower),)
        link = self.link
        if link is None or not self.tracer.wiring.tunnel(self.last.place):
            return None
        return self._tunnel_out(link)

    def _tunnel_out(self, link: Link) -> Found | None:
        remote = next(
            (
                str(link.params[n])
                for n in ("remote", "group")
                if str(link.params.get(n, "any")) not in ("any", "::", "0.0.0.0")
            ),
            "",
        )
        if not remote and link.kind == "vxlan":
            said = self._output(["bridge", "fdb", "show", "dev", self.dev])
            if "dst" not in said:
                return (
                    f"{self.dev} knows no other end: it has no remote, and no entry in its forwarding table names one",
                    (f"bridge fdb show dev {self.dev}: {said.strip() or '(nothing)'}",),
                )
        if not remote:
            return None
        return self._no_way(
            remote,
            f"{self.dev} has no way to its other end {remote}",
            f"{self.dev} cannot reach its other end {remote}",
        )

    def _no_way(self, to: str, refused: str, lost: str) -> Found | None:
        """Why nothing can be sent from here to an address, behind these words: no route (`refused`), no neighbour (`lost`)."""
        try:
            route = self.node.route.get(to)
        except KernelRefused as error:
            return f"{refused}: {refusal(self.node, to, error)}", (f"{error.tried}: {error.said}",)
        hop = route.via or to
        why, _ = unresolved(self.node, hop, route.dev)
        return (f"{lost}: {why}", tuple(self._neighbours(self.netns, hop))) if why else None

    def _leads_nowhere(self) -> Found | None:
        """Kinds that end here by their nature, and a switch that knows no port for it."""
        kind = self.link.kind if self.link else ""
        if kind == "dummy":
            return "a dummy throws away all that is sent through it (drivers/net/dummy.c)", (self._details(),)
        if kind in ("tun", "tap", "macvtap"):
            return f"{self.dev} leads to a program, which was not seen to pass it on", (self._details(),)
        return None

    def _left(self) -> Found | None:
        """Not seen again, though it may have arrived: an ipvlan in l3 hands packets on inside the kernel."""
        if (ip := self.last.peeled.ip) is not None:
            dst, src = str(ip.fields["dst"]), str(ip.fields["src"])
            if lost := answer_lost(self.node, dst, src):
                owners = [netns for netns in self.now.netns if owns(self.now, netns, dst)]
                return f"it arrived, and {lost}", tuple(
                    line for netns in owners for line in self._neighbours(netns, src)
                )
        frames = ", ".join(str(frame.number) for frame in self.last.frames)
        return f"it left through {self.dev}, and no one answered", (f"frame {frames}: the last that was seen of it",)

    def _details(self) -> str:
        return self._shown(self.link) if self.link else ""

    # On the way in

    def _port(self, key: tuple[str, str]) -> bool:
        master = self.tracer.wiring.master.get(key)
        return master is not None and self.tracer.wiring.kind(master) == "bridge"

    def _switch(self) -> Found | None:
        """A bridge's port: its state, its VLANs, and where the bridge has the MAC."""
        if not self._port(self.last.place):
            return None
        ethernet = self.last.peeled.layers[0]
        master = self.tracer.wiring.master[self.last.place]
        shown = self._output(["bridge", "-d", "link", "show", "dev", self.dev]).strip()
        if (state := re.search(r"state (\w+)", shown)) and state[1] not in ("forwarding",):
            return f"port {self.dev} of {master[1]} does not forward: it is {state[1]}", (
                f"bridge link show dev {self.dev}: {state[0]}",
            )
        filtering = self.now.links[master].params.get("vlan_filtering") if master in self.now.links else None
        if filtering:
            tag = next((str(layer.fields["id"]) for layer in self.last.peeled.layers if layer.name == "VLAN"), "")
            vlans = self._output(["bridge", "vlan", "show", "dev", self.dev])
            numbers = re.findall(rf"^\s*(?:{re.escape(self.dev)})?\s+(\d+)(?:\s|$)", vlans, re.M)
            if tag and tag not in numbers:
                return f"port {self.dev} of {master[1]} does not take VLAN {tag}", (
                    f"bridge vlan show dev {self.dev}: {', '.join(numbers) or 'none'}",
                )
        if ethernet.name != "Ethernet":
            return None
        mac = ethernet.fields["dst"]
        rows = [
            row for row in self._output(["bridge", "fdb", "show", "br", master[1]]).splitlines() if row.startswith(mac)
        ]
        way = next((match[1] for row in rows if (match := re.search(r"dev (\S+)", row))), "")
        if way == self.dev:
            return f"{master[1]} has {mac} at the port it came from, {self.dev}, and sends nothing back there", (
                f"bridge fdb show br {master[1]}: {rows[0]}",
            )
        if rows and (port := self.now.links.get((self.netns, way))) is not None and port.state != "UP":
            return f"{master[1]} has {mac} at port {way}, which is {port.state.lower()}", (
                f"bridge fdb show br {master[1]}: {rows[0]}",
            )
        if filtering:
            said = " ".join(self._output(["bridge", "vlan", "show"]).split())
            return f"{master[1]} filters by VLAN, and let it out at no other port", (f"bridge vlan show: {said}",)
        return None

    def _tag(self) -> Found | None:
        """A VLAN's tag, and no link that takes it off."""
        layers = self.last.peeled.layers
        tag = (
            layers[1].fields["id"]
            if len(layers) > 1 and layers[0].name == "Ethernet" and layers[1].name == "VLAN"
            else None
        )
        if tag is None or self._port(self.last.place):
            return None
        above = [
            link
            for key, link in self.now.links.items()
            if self.last.place in self.tracer.wiring.lower.get(key, ()) and link.kind == "vlan"
        ]
        have = ", ".join(f"{link.name} (id {link.params.get('id')})" for link in above) or "none"
        if all(link.params.get("id") != tag for link in above):
            return f"it has VLAN tag {tag}, and no vlan link on {self.dev} has this number", (
                f"vlan links on {self.dev}: {have}",
            )
        down = [link for link in above if not link.up]
        return (f"{down[0].name}, which takes VLAN {tag}, is down", (self._shown(down[0]),)) if down else None

    def _not_mine(self) -> Found | None:
        """A frame for another MAC address."""
        if self.last.frames[0].pkttype != "otherhost" or self._port(self.last.place) or not self.link:
            return None
        mac = self.last.peeled.layers[0].fields.get("dst")
        return f"it is for MAC {mac}, and {self.dev} has {self.link.address}", (self._details(),)

    def _tunnel(self) -> Found | None:
        """The outer packet is at its goal, and no tunnel here takes what is in it."""
        ip = self.ip
        if ip is None or not self.last.peeled.depth or not owns(self.now, self.netns, ip.fields["dst"]):
            return None
        names = {"VXLAN": "vxlan", "GENEVE": "geneve", "GRE": "gre", "ESP": "vti"}
        layer = next((layer for layer in self.last.peeled.layers if layer.name in names), None)
        if layer is None:
            return f"no tunnel in {self.home(self.netns)} takes packets from {ip.fields['src']}", (self._tunnels(""),)
        number = f" with {next(iter(layer.fields))} {next(iter(layer.fields.values()))}" if layer.fields else ""
        kind = names[layer.name]
        return f"no {kind} link in {self.home(self.netns)} takes {layer.name}{number} from {ip.fields['src']}", (
            self._tunnels(kind),
        )

    def _tunnels(self, kind: str) -> str:
        here = [
            link
            for key, link in self.now.links.items()
            if key[0] == self.netns and kind in link.kind and self.tracer.wiring.tunnel(key) and link.up
        ]
        words = [
            f"{link.name} ({' '.join(f'{n} {link.params[n]}' for n in ('id', 'remote', 'local', 'ikey') if n in link.params)})"
            for link in here
        ]
        return f"ip -d link show type {kind or 'TUNNEL'}, those that are up: {', '.join(words) or 'none'}"

    def _mtu(self) -> Found | None:
        """Too big for the next link, and not to be cut."""
        ip = self.ip
        if ip is None or owns(self.now, self.netns, ip.fields["dst"]):
            return None
        route = self.node.route.get(ip.fields["dst"])
        link = self.now.links.get((self.netns, route.dev))
        size = sum(len(frame.data) for frame in self.last.frames) - (14 if self.last.frames[0].linktype == 1 else 0)
        if link is None or size <= link.mtu or not (ip.name == "IPv6" or ip.fields.get("DF")):
            return None
        why = "IPv6 routers do not cut packets" if ip.name == "IPv6" else "it says: do not fragment (DF)"
        return f"{size} bytes do not fit through {route.dev}, whose MTU is {link.mtu}, and {why}", (self._shown(link),)

    def _routed(self) -> Found | None:
        """IP in a namespace that has not this address: would it be passed on, and where to?"""
        ip = self.ip
        if ip is None or self.last.peeled.sealed:
            return None
        if owns(self.now, self.netns, ip.fields["dst"]):
            return self._silent()
        version = "ipv4" if ip.name == "IPv4" else "ipv6"
        name = f"net.{version}.conf.{self.dev if version == 'ipv4' else 'all'}.forwarding"
        if self.node.sysctl.get(name) in (0, "0"):
            shown = "net.ipv4.ip_forward" if version == "ipv4" else name
            here = self.home(self.netns)
            return (
                f"it is for {ip.fields['dst']}, which {here} has not, and {here} does not pass packets on ({shown} is 0)",
                (self.node.spell(["sysctl", name]) + " = 0",),
            )
        if ip.fields.get("TTL", ip.fields.get("hop limit")) == 1:
            return "its TTL of 1 ran out here", (f"frame {self.last.frames[0].number}: TTL 1",)
        return self._looked_up() or self._mtu() or queued(self.node, self.node.route.get(ip.fields["dst"]).dev)

    def _looked_up(self) -> Found | None:
        """The kernel's own routing of such a packet: `ip route get … from … iif …`."""
        ip = self.ip
        if ip is None:
            return None
        dst, src = ip.fields["dst"], ip.fields["src"]
        dev = self._routing_dev()
        command = ["ip", "route", "get", dst, "from", src, "iif", dev]
        result = self.node.ask(command)
        if result.status == 0:
            return None
        evidence = (self._said(command, result),)
        where = self.home(self.netns)
        plain = ["ip", "route", "get", dst]
        if (out := self.node.ask(plain)).status:
            said = self._said(plain, out)
            words = {
                "Network is unreachable": f"{where} has no route to {dst}",
                "No route to host": f"{where} has no way to {dst}",
                "Invalid argument": f"{where} throws away what is for {dst} (a blackhole route)",
                "Permission denied": f"{where} forbids what is for {dst} (a prohibit route)",
            }
            found = next((text for part, text in words.items() if part in said), f"{where} does not route it")
            return found, (*evidence, said, *self._special())
        filters = self._filter(dev)
        reverse = ["ip", "route", "get", src]
        back = self.node.ask(reverse)
        if any(not line.endswith("= 0") for line in filters) and f" dev {dev} " not in f"{back.stdout} ":
            return (
                f"{where} would not send answers to {src} back through {dev}, so it takes the sender for forged (rp_filter)",
                (*evidence, *filters, self._said(reverse, back)),
            )
        return f"{where} does not route it", evidence

    def _said(self, command: list[str], result: Result) -> str:
        """A command of ip and the first line that it answered."""
        said = (result.stderr.strip() or result.stdout.strip() or "(nothing)").splitlines()[0]
        return f"{self.node.spell(command[1:])}: {said.strip()}"

    def _special(self) -> tuple[str, ...]:
        """The routes that lead nowhere, which a look-up only answers with an error."""
        return tuple(
            f"{self.node.spell(['route', 'show'])}: {r.type} {r.dst}"
            for r in self.node.route.show()
            if r.type in ("blackhole", "unreachable", "prohibit")
        )

    def _routing_dev(self) -> str:
        """On which link it arrives for the routing: a port's master, where it has one."""
        master = self.tracer.wiring.master.get(self.last.place)
        return master[1] if master else self.dev

    def _filter(self, dev: str) -> tuple[str, ...]:
        values = [(name, self.node.sysctl.get(f"net.ipv4.conf.{name}.rp_filter")) for name in ("all", dev)]
        return tuple(f"net.ipv4.conf.{name}.rp_filter = {value}" for name, value in values)

    # At its goal

    def _silent(self) -> Found | None:
        """It arrived where it belongs, and nothing came back: why not, as far as this namespace knows."""
        ip = self.last.peeled.ip
        last = self.last.peeled.layers[-1]
        if ip is None:
            return None
        where = self.home(self.netns)
        if last.name == "UDP":
            port = last.fields["dport"]
            listeners = self._output(["ss", "-Hlun" + ("6" if ip.name == "IPv6" else "4"), f"sport = :{port}"])
            if not listeners.strip():
                return f"no program in {where} listens on UDP port {port}", (f"ss -lun sport = :{port}: (nothing)",)
            return None
        refused = self._looked_up_in()
        if refused is not None:
            return refused
        if last.name == "ICMP" and broadcast(self.now, self.netns, ip.fields["dst"]):
            value = self.node.sysctl.get("net.ipv4.icmp_echo_ignore_broadcasts")
            return f"{where} answers no echo request that is for all", (
                f"net.ipv4.icmp_echo_ignore_broadcasts = {value}",
            )
        if last.name == "ICMP" and str(self.node.sysctl.get("net.ipv4.icmp_echo_ignore_all")) == "1":
            return f"{where} answers no echo requests", ("net.ipv4.icmp_echo_ignore_all = 1",)
        return self._no_way(
            ip.fields["src"], f"it arrived, and {where} has no way back", "it arrived, and the answer was lost"
        )

    def _looked_up_in(self) -> Found | None:
        if self.last.out or self._port(self.last.place):
            return None
        found = self._looked_up()
        return found if found and "rp_filter" in found[0] else None

    def _output(self, command: list[str]) -> str:
        return self.node.ask(command).stdout
