"""A kernel's package from the distribution's own archive: without root, none of its scripts run, signatures checked.

apt works in private state folders, with the mirrors and keys of the machine's own apt sources.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ...errors import ImageError
from ..progress import Progress

Stanza = dict[str, str]

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}

# Packages to look for, the best first; each only stands for the real ones that it depends on.
PACKAGES = {
    "debian": ("linux-image-6.12-{arch}", "linux-image-{arch}"),
    "ubuntu": ("linux-image-generic", "linux-image-virtual"),
}
PARTS = re.compile(r"linux-(?:image|modules|modules-extra)-[0-9][^\s,|()]*")
NEXT_STEP = "install a kernel package of your distribution, or set VNETLEARN_KERNEL to the vmlinuz of an unpacked one"


@contextlib.contextmanager
def fetched(folder: Path, progress: Progress) -> Iterator[Path]:
    """The unpacked tree of a kernel's package, in `folder`; what the block does not move elsewhere is removed after it.

    Raises `ImageError`.
    """
    for left in folder.glob("tmp-*"):
        shutil.rmtree(left, ignore_errors=True)
    for program in ("apt-get", "apt-cache", "dpkg-deb"):
        if shutil.which(program) is None:
            raise ImageError(
                "look for a kernel", f"{program}: not found", "no other archive than apt's is known", NEXT_STEP
            )
    work = Path(tempfile.mkdtemp(prefix="tmp-", dir=folder))
    try:
        yield _fetch(work, progress)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _fetch(work: Path, progress: Progress) -> Path:
    apt = Apt(work)
    progress("looking for a kernel in the distribution's archive")
    names = apt.resolve()
    debs = apt.download(names, progress)
    progress("unpacking the kernel")
    tree = work / names[0]
    for deb in debs:
        _run("dpkg-deb", "-x", str(deb), str(tree))
    return tree


class Apt:
    """apt-get(8) and apt-cache(8) with everything they read and write, but the keys, in a folder of our own."""

    def __init__(self, work: Path) -> None:
        self.work, self.os = work, _os_release()
        for folder in ("lists/partial", "cache/archives/partial", "sources", "debs"):
            (work / folder).mkdir(parents=True)
        (work / "status").touch()
        (work / "conf").write_text(
            f'Dir::State "{work}"; Dir::State::lists "{work}/lists"; Dir::State::status "{work}/status";\n'
            f'Dir::Cache "{work}/cache"; Dir::Etc::SourceList "/dev/null"; Dir::Etc::SourceParts "{work}/sources";\n'
            'Dir::Etc::Preferences "/dev/null"; Dir::Etc::PreferencesParts "/dev/null"; APT::Sandbox::User "root";\n'
            'APT::Get::AllowUnauthenticated "false"; Acquire::AllowInsecureRepositories "false"; Acquire::Retries 1;\n'
            + "".join(f"#clear APT::Update::{hook};\n" for hook in ("Pre-Invoke", "Post-Invoke", "Post-Invoke-Success"))
        )

    def resolve(self) -> list[str]:
        """The names of the packages that make up the newest fitting kernel, the image's own first."""
        own = [s for s in sources() if _codename(self.os) in s["Suites"].split()[0] or self._rolling(s)]
        if not own:
            said = f"none is for {self.os.get('PRETTY_NAME')}"
            raise ImageError("look for a kernel in apt's sources", said, "its archive is not among them", NEXT_STEP)
        for stanzas in (own, [*own, *_backports(own, _codename(self.os))]):
            trouble = self._update(stanzas)
            for meta in self._candidates():
                if names := self._parts(meta):
                    return names
            if trouble:
                raise _failed("apt-get update", trouble)
        asked = ", ".join(self._candidates())
        raise ImageError(f"apt-cache show {asked}", "not found", "apt's sources have no such kernel", NEXT_STEP)

    def _rolling(self, stanza: Stanza) -> bool:
        return bool(set(stanza["Suites"].split()) & {"stable", "testing", "unstable", "sid"})

    def _candidates(self) -> list[str]:
        family = next((f for f in (self.os.get("ID", ""), *self.os.get("ID_LIKE", "").split()) if f in PACKAGES), "")
        arch = ARCHITECTURES.get(platform.machine(), platform.machine())
        return [name.format(arch=arch) for name in PACKAGES.get(family, ())]

    def _update(self, stanzas: list[Stanza]) -> str:
        """Fetch the lists of these sources. What apt says of those that failed; the others can be used."""
        text = "\n".join("".join(f"{key}: {value}\n" for key, value in stanza.items()) for stanza in stanzas)
        (self.work / "sources/machine.sources").write_text(text)
        said = self._apt("apt-get", "-q", "update")
        return "\n".join(
            line for line in said.splitlines() if line.startswith(("E: ", "W: Failed", "W: GPG", "W: The rep"))
        )

    def _parts(self, meta: str) -> list[str]:
        """The real packages that `meta` stands for: its versioned image, that one's modules, and the extra modules."""
        names, todo = list[str](), [meta]
        while todo:
            shown = self._apt("apt-cache", "show", "--no-all-versions", todo.pop(), may_fail=True)
            depends = "".join(re.findall(r"^(?:Pre-)?Depends: .*$", shown, re.M))
            new = [name for name in dict.fromkeys(PARTS.findall(depends)) if name not in names]
            names += new
            todo += new
        images = [name for name in names if name.startswith("linux-image-")][:1]
        extra = [name.replace("linux-image-", "linux-modules-extra-").replace("unsigned-", "") for name in images]
        if extra and self._apt("apt-cache", "show", extra[0], may_fail=True):
            names += extra
        return [*images, *dict.fromkeys(n for n in names if n not in images)] if images else []

    def download(self, names: list[str], progress: Progress) -> list[Path]:
        sizes = re.findall(r"^'\S+' \S+ (\d+)", self._apt("apt-get", "download", "--print-uris", *names), re.M)
        total = sum(map(int, sizes))
        _room(self.work, 3 * total)
        debs = self.work / "debs"
        with subprocess.Popen(
            self._command("apt-get", "-q", "download", *names),
            cwd=debs,
            env=_C,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            while process.poll() is None:
                done = sum(f.stat().st_size for f in debs.iterdir())
                progress(f"downloading the kernel: {done >> 20} of {total >> 20} MB")
                try:
                    process.wait(2)
                except subprocess.TimeoutExpired:
                    continue
            said = process.stdout.read() if process.stdout else ""
        if process.returncode:
            raise _failed(f"apt-get download {' '.join(names)}", said)
        return sorted(debs.glob("*.deb"))

    def _command(self, program: str, *words: str) -> list[str]:
        return [program, "-c", str(self.work / "conf"), *words]

    def _apt(self, program: str, *words: str, may_fail: bool = False) -> str:
        return _run(*self._command(program, *words), may_fail=may_fail)


_C = {**os.environ, "LC_ALL": "C"}


def _run(*argv: str, may_fail: bool = False) -> str:
    done = subprocess.run(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=_C, stdin=subprocess.DEVNULL
    )
    if done.returncode and not may_fail:
        raise _failed(" ".join(argv), done.stdout)
    return done.stdout if done.returncode == 0 else ""


def _failed(tried: str, output: str) -> ImageError:
    lines = [line for line in output.splitlines() if line.startswith(("E: ", "W: ", "dpkg-deb: error"))]
    said = "; ".join((lines or output.splitlines())[:2])
    if "No space left" in output:
        return ImageError(tried, said, "the disk is full", "free 500 MB, or set XDG_CACHE_HOME to another disk")
    why = "the archive cannot be reached from here, or its signature is bad"
    return ImageError(tried, said, why, f"see whether apt-get update works; or {NEXT_STEP}")


def _room(folder: Path, needed: int) -> None:
    if (free := shutil.disk_usage(folder).free) < needed:
        raise ImageError(
            "download a kernel",
            f"{folder} has {free >> 20} MB free, {needed >> 20} MB are needed",
            "the disk is full",
            "free that much, or set XDG_CACHE_HOME to another disk",
        )


def sources(etc: Path = Path("/etc/apt")) -> list[Stanza]:
    """The machine's apt sources of binary packages, in both formats, as deb822 stanzas; none is trusted unsigned."""
    lists = (etc / "sources.list", *sorted(etc.glob("sources.list.d/*.list")))
    stanzas = [s for file in lists for s in _one_line(file)]
    stanzas += [s for file in sorted(etc.glob("sources.list.d/*.sources")) for s in _deb822(file)]
    fit = [s for s in stanzas if "main" in s.get("Components", "").split() and s.get("Enabled", "yes").lower() != "no"]
    for stanza in fit:
        for word in ("Trusted", "Allow-Insecure", "Allow-Weak", "Allow-Downgrade-To-Insecure", "Enabled"):
            stanza.pop(word, None)
        stanza.update({"Types": "deb", "Components": "main", "Targets": "Packages", "Languages": "none"})
    return fit


def _one_line(file: Path) -> Iterator[Stanza]:
    for line in _read(file).splitlines():
        found = re.match(r"\s*deb\s+(?:\[(.*?)\]\s+)?(\S+)\s+(\S+)\s+([^#]*)", line)
        if found:
            options, uri, suite, components = found.groups()
            stanza = {"URIs": uri, "Suites": suite, "Components": components.strip()}
            for key, _, value in (word.partition("=") for word in (options or "").split()):
                stanza[_FIELDS.get(key.lower(), key.title())] = value.replace(",", " ")
            yield stanza


_FIELDS = {"arch": "Architectures", "signed-by": "Signed-By", "target": "Targets", "lang": "Languages"}


def _deb822(file: Path) -> Iterator[Stanza]:
    text = re.sub(r"^#.*\n?", "", _read(file), flags=re.M)
    for block in re.split(r"\n\s*\n", text):
        pairs = re.findall(r"^([A-Za-z-]+):[ \t]*(.*(?:\n[ \t].*)*)", block, re.M)
        stanza = {("URIs" if key.lower() == "uris" else key.title()): value for key, value in pairs}
        if "deb" in stanza.get("Types", "").split() and "URIs" in stanza and stanza.get("Suites"):
            yield stanza


def _backports(own: list[Stanza], codename: str) -> list[Stanza]:
    """Debian's backports: on the same mirror, signed by the same key."""
    return [{**s, "Suites": f"{codename}-backports"} for s in own if codename in s["Suites"].split()]


def _codename(os_release: Stanza) -> str:
    return os_release.get("UBUNTU_CODENAME") or os_release.get("VERSION_CODENAME") or "stable"


def _os_release() -> Stanza:
    pairs = re.findall(r'^(\w+)="?(.*?)"?$', _read(Path("/etc/os-release")), re.M)
    return dict(pairs)


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
