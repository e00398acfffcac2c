"""Where the guest's kernel is from: VNETLEARN_KERNEL, the cache, what is installed, or the distribution's apt."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...cache import cache_folder
from ...errors import ImageError
from ...kinds import KINDS
from ..progress import Progress
from . import apt


@dataclass(frozen=True)
class Kernel:
    """A kernel's bootable file, and the folder of its modules (…/lib/modules/RELEASE)."""

    image: Path
    modules: Path

    @property
    def release(self) -> str:
        """As `uname -r` says it."""
        return self.modules.name


def find(progress: Progress) -> Kernel:
    """The guest's kernel; fetched from the distribution's archive when this machine has none. Raises `ImageError`."""
    return present() or _fetch(progress)


def present() -> Kernel | None:
    """The guest's kernel as far as this machine has one. Raises `ImageError` when VNETLEARN_KERNEL is not usable."""
    if asked := os.environ.get("VNETLEARN_KERNEL"):
        return _asked(Path(asked))
    fetched = next(_below(cache_folder("kernels")), None)  # it was looked into when it was fetched
    return fetched or next((kernel for kernel in _installed() if not lacks(kernel)), None)


def wanted() -> list[str]:
    """The modules behind the kinds, and those that stand in for hardware; a kernel that lacks one is passed over."""
    made = (kind for kind in KINDS.values() if not kind.hardware)
    return sorted({module_name(kind.stand_in.partition(" ")[0] or kind.module) for kind in made})


def lacks(kernel: Kernel) -> list[str]:
    """Which of those this kernel has neither as a file nor built in."""
    have = {module_name(file) for file in modules(kernel)}
    with contextlib.suppress(OSError):  # no such file: all must be there as files
        have |= {module_name(line) for line in (kernel.modules / "modules.builtin").read_text().split()}
    return [name for name in wanted() if name not in have]


def modules(kernel: Kernel, below: tuple[str, ...] = ("net", "drivers/net")) -> Iterator[str]:
    """Paths of the module files in these folders, relative to …/RELEASE/kernel."""
    top = kernel.modules / "kernel"
    for start in below:
        for folder, _, files in os.walk(top / start):
            for file in files:
                if ".ko" in file:
                    yield os.path.relpath(os.path.join(folder, file), top)


def module_name(path: str) -> str:
    """`kernel/net/8021q/8021q.ko.xz` → `8021q`, as lsmod(8) prints it."""
    return path.rpartition("/")[2].partition(".ko")[0].replace("-", "_")


def release_of(image: Path) -> str:
    """The release that a kernel file says it is (boot protocol, offset 0x20e), else what its name says; "" if none."""
    with open(image, "rb") as f:
        head = f.read(1 << 16)
    if head[0x202:0x206] == b"HdrS":
        start = int.from_bytes(head[0x20E:0x210], "little") + 0x200
        return head[start:].split(b"\0")[0].split(b" ")[0].decode(errors="replace")
    return image.name.partition("-")[2]


def _asked(image: Path) -> Kernel:
    tried = f"VNETLEARN_KERNEL={image}"
    try:
        release = release_of(image)
    except OSError as error:
        said, next_step = error.strerror or str(error), "name a vmlinuz file that you can read"
        raise ImageError(tried, said, "it cannot be read", next_step) from None
    places = [*(image.parent.parent / lib / "modules" for lib in ("lib", "usr/lib")), image.parent / "lib/modules"]
    for folder in (*(place / release for place in places), image.parent, Path("/lib/modules", release)):
        if release and (folder / "kernel").is_dir():
            kernel = Kernel(image, folder)
            if missing := lacks(kernel):
                why = f"kernel {release} has no module {', '.join(missing)}"
                raise ImageError(tried, "refused", why, "name another kernel, or unset VNETLEARN_KERNEL")
            return Kernel(image, folder)
    raise ImageError(
        tried,
        f"no modules of kernel {release or '?'}",
        f"looked in {places[0]} and /lib/modules",
        "unpack the kernel's package with its modules, and name the vmlinuz in it",
    )


def _below(kernels: Path) -> Iterator[Kernel]:
    """The kernels that were fetched earlier: each a folder with a package's tree."""
    for tree in _newest_first(kernels.iterdir()):
        yield from _kernels(tree)


def _kernels(tree: Path) -> Iterator[Kernel]:
    for image in (*tree.glob("boot/vmlinuz-*"), *tree.glob("usr/lib/modules/*/vmlinuz")):
        for folder in (*tree.glob("lib/modules/*"), *tree.glob("usr/lib/modules/*")):
            yield Kernel(image, folder)


def _installed() -> Iterator[Kernel]:
    for folder in _newest_first(Path("/lib/modules").glob("*")):
        for image in (Path("/boot", f"vmlinuz-{folder.name}"), folder / "vmlinuz"):
            if os.access(image, os.R_OK) and (folder / "kernel").is_dir():
                yield Kernel(image, folder)


def _newest_first(folders: Iterator[Path]) -> list[Path]:
    def version(folder: Path) -> list[int]:
        return [int(number) for number in re.findall(r"\d+", folder.name)]

    return sorted((f for f in folders if not f.name.startswith("tmp-")), key=version, reverse=True)


def _fetch(progress: Progress) -> Kernel:
    kernels = cache_folder("kernels")
    with apt.fetched(kernels, progress) as tree:
        found = next(_kernels(tree), None)
        if found is None or (missing := lacks(found)):
            why = f"it has no module {', '.join(missing)}" if found else "the package holds no kernel"
            raise ImageError(
                "fetch a kernel from the distribution's archive",
                f"{tree.name} is not usable",
                why,
                "set VNETLEARN_KERNEL to the vmlinuz of an unpacked kernel (6.12 has all)",
            )
        shutil.rmtree(kernels / tree.name, ignore_errors=True)
        tree.rename(kernels / tree.name)
    return next(_kernels(kernels / tree.name))
