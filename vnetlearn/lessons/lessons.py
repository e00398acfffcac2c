"""The lessons: a notebook each, in tracks, in the order in which they are best read."""

from __future__ import annotations

from dataclasses import dataclass

from ..kinds import KINDS


@dataclass(frozen=True)
class Lesson:
    """One notebook. `path` is below `notebooks/`, `minutes` what it takes with its exercises.

    `needs` is what the reader should know before, `exercises` are the names of those at its end, `says` is what one
    can do after it. The kinds it teaches are those whose record in the catalogue names it (`Kind.lesson`).
    """

    path: str
    title: str
    says: str
    minutes: int
    exercises: tuple[str, ...]
    needs: str = "what a namespace and a cable are"

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(kind.name for kind in KINDS.values() if kind.lesson == self.path)


@dataclass(frozen=True)
class Track:
    """Lessons in one folder of `notebooks/`."""

    folder: str
    title: str
    says: str
    lessons: tuple[Lesson, ...]

    @property
    def minutes(self) -> int:
        return sum(lesson.minutes for lesson in self.lessons)


FOUNDATIONS, SHARING, USER_SPACE, CAPSTONE = (
    "01-foundations",
    "02-sharing-a-card",
    "03-user-space",
    "04-containers-by-hand",
)

TRACKS = (
    Track(
        FOUNDATIONS,
        "Foundations",
        "Machines, cables, switches, tags and bundles: what every other virtual network is made of.",
        (
            Lesson(
                f"{FOUNDATIONS}/01-netns.ipynb",
                "Network namespaces",
                "Make machines that share nothing but the kernel, and say what belongs to each.",
                30,
                ("netns/own-address", "netns/router", "netns/nameless", "netns/moved"),
                "IP addresses and ping",
            ),
            Lesson(
                f"{FOUNDATIONS}/02-veth.ipynb",
                "veth: a cable",
                "Connect two namespaces, and read why a cable carries nothing.",
                20,
                ("veth/dark-cable", "veth/which-end", "veth/small-only"),
                "what a namespace is",
            ),
            Lesson(
                f"{FOUNDATIONS}/03-bridge.ipynb",
                "bridge: a switch",
                "Build a switch, read its FDB, stop a loop, and split it by VLAN.",
                30,
                ("bridge/three-ports", "bridge/two-departments", "bridge/guests"),
            ),
            Lesson(
                f"{FOUNDATIONS}/04-dummy.ipynb",
                "dummy: a card that leads nowhere",
                "Give a machine an address that no cable can take away.",
                25,
                ("dummy/service-address", "dummy/quiet"),
            ),
            Lesson(
                f"{FOUNDATIONS}/05-vlan.ipynb",
                "vlan: several networks on one cable",
                "Tag frames, and find the place where a tag was lost.",
                30,
                ("vlan/two-networks", "vlan/wrong-network", "vlan/third-floor"),
                "what a bridge is",
            ),
            Lesson(
                f"{FOUNDATIONS}/06-bond.ipynb",
                "bond: several cables as one",
                "Bundle cables, pull one under traffic, and tell the modes apart.",
                25,
                ("bond/two-cables", "bond/one-client"),
                "what a bridge is",
            ),
        ),
    ),
    Track(
        SHARING,
        "Sharing a network card",
        "Several machines behind one card: by MAC, by IP address, by a program, and by their share of its speed.",
        (
            Lesson(
                f"{SHARING}/01-macvlan.ipynb",
                "macvlan: several MACs on one card",
                "Put guests on the LAN by one card, choose the mode, and reach the host.",
                25,
                ("macvlan/reach-the-host", "macvlan/private-mode", "macvlan/made-anew"),
            ),
            Lesson(
                f"{SHARING}/02-macvtap.ipynb",
                "macvtap: a card for a program",
                "Hand a program its own place on the LAN, through a file.",
                20,
                ("macvtap/own-guest", "macvtap/deaf-guest"),
                "macvlan",
            ),
            Lesson(
                f"{SHARING}/03-ipvlan.ipynb",
                "ipvlan: several addresses behind one MAC",
                "Choose between l2, l3 and l3s, and give the answer a way back.",
                25,
                ("ipvlan/same-mac", "ipvlan/way-back", "ipvlan/second-guest"),
                "macvlan",
            ),
            Lesson(
                f"{SHARING}/04-macvlan-vs-ipvlan.ipynb",
                "macvlan and ipvlan, side by side",
                "Choose between them by what the kernel does, mode by mode.",
                30,
                ("choice/one-mac-port", "choice/third-guest"),
                "macvlan and ipvlan",
            ),
            Lesson(
                f"{SHARING}/05-ifb.ipynb",
                "ifb: a queue for what comes in",
                "Shape what a machine receives, and see it in a plot.",
                25,
                ("ifb/far-away", "ifb/after-the-restart"),
            ),
        ),
    ),
    Track(
        USER_SPACE,
        "Out to user space",
        "Links whose other end is a program, and a link that shows what programs tell the kernel.",
        (
            Lesson(
                f"{USER_SPACE}/01-tun-and-tap.ipynb",
                "tun and tap: a program as the other end",
                "Answer a ping by your own program, and build a small VPN.",
                30,
                ("tun/answer-for-nobody", "tun/large-ones-hang"),
                "IP packets and Ethernet frames; a little Python",
            ),
            Lesson(
                f"{USER_SPACE}/02-nlmon.ipynb",
                "nlmon: netlink, watched",
                "See what `ip` says to the kernel, and what the kernel answers.",
                20,
                ("nlmon/refused", "nlmon/who-deletes-it"),
                "ip link, routes",
            ),
        ),
    ),
    Track(
        CAPSTONE,
        "Capstone: containers by hand",
        "All of it together: the network that Docker makes, and four that are broken.",
        (
            Lesson(
                f"{CAPSTONE}/docker-by-hand.ipynb",
                "Docker's default network by hand",
                "Build what `docker run -p` builds, and repair four networks that went wrong.",
                45,
                (
                    "docker/claimed-port",
                    "docker/forwarding-says-one",
                    "docker/same-range",
                    "docker/large-answers",
                ),
                "veth, bridge, routes",
            ),
        ),
    ),
)

LESSONS = {lesson.path: lesson for track in TRACKS for lesson in track.lessons}
"""All lessons by path."""
