"""Where the guest's kernel is from."""

from __future__ import annotations

from pathlib import Path

import pytest

from vnetlearn.engine.guest import apt, kernel
from vnetlearn.engine.progress import say
from vnetlearn.errors import ImageError

LISTS = """# a comment
deb http://one.example/debian bookworm main contrib # and one here
deb [arch=amd64 signed-by=/keys/a.gpg,/keys/b.gpg trusted=yes] http://two.example/debian bookworm-security main
deb-src http://one.example/debian bookworm main
deb http://three.example/apt stable nonmain
"""
STANZAS = """Types: deb deb-src
# a comment
URIs: http://four.example/debian
Suites: bookworm bookworm-updates
Components: main
Trusted: yes
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc

Types: deb
URIs: http://five.example/debian
Suites: bookworm
Components: main
Enabled: no

Types: deb-src
URIs: http://six.example/debian
Suites: bookworm
Components: main
"""


@pytest.fixture(scope="module")
def real() -> kernel.Kernel:
    return kernel.find(say)


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text(LISTS)
    (tmp_path / "sources.list.d/more.sources").write_text(STANZAS)
    return tmp_path


def test_sources_of_both_formats(etc: Path) -> None:
    found = apt.sources(etc)
    assert [stanza["URIs"] for stanza in found] == [f"http://{n}.example/debian" for n in ("one", "two", "four")]
    assert found[1]["Signed-By"] == "/keys/a.gpg /keys/b.gpg"
    assert found[1]["Architectures"] == "amd64"
    assert "PGP PUBLIC KEY BLOCK" in found[2]["Signed-By"]
    assert {stanza["Types"] for stanza in found} == {"deb"}


def test_no_source_is_trusted_without_a_signature(etc: Path) -> None:
    assert all("Trusted" not in stanza for stanza in apt.sources(etc))


def test_backports_are_on_the_same_mirror(etc: Path) -> None:
    found = apt._backports(apt.sources(etc), "bookworm")
    assert [(s["URIs"], s["Suites"]) for s in found] == [
        ("http://one.example/debian", "bookworm-backports"),
        ("http://four.example/debian", "bookworm-backports"),
    ]


def test_an_archive_without_signature_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository, folder = tmp_path / "repository", tmp_path / "kernels"
    suite = apt._codename(apt._os_release())
    lists = repository / "dists" / suite / "main/binary-amd64"
    lists.mkdir(parents=True)
    folder.mkdir()
    (lists / "Packages").write_text(
        "Package: linux-image-6.12-amd64\nVersion: 1\nArchitecture: amd64\nFilename: x.deb\n"
    )
    (repository / "dists" / suite / "Release").write_text(f"Suite: {suite}\nComponents: main\nArchitectures: amd64\n")
    stanza = {"Types": "deb", "URIs": f"file:{repository}", "Suites": suite, "Components": "main"}
    monkeypatch.setattr(apt, "sources", lambda: [stanza])
    with pytest.raises(ImageError, match="not signed"), apt.fetched(folder, say):
        pass
    assert list(folder.iterdir()) == []


def test_without_apt_the_error_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImageError, match="VNETLEARN_KERNEL"), apt.fetched(tmp_path, say):
        pass


def test_the_kernel_has_all_modules(real: kernel.Kernel) -> None:
    assert kernel.lacks(real) == []
    assert kernel.release_of(real.image) == real.release


def test_the_kernel_that_is_asked_for(real: kernel.Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VNETLEARN_KERNEL", str(real.image))
    assert kernel.present() == real


def test_asked_for_a_kernel_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VNETLEARN_KERNEL", str(tmp_path / "vmlinuz"))
    with pytest.raises(ImageError, match="No such file"):
        kernel.present()


def test_asked_for_a_kernel_without_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = tmp_path / "vmlinuz-6.99-none"
    image.write_bytes(b"not a kernel")
    monkeypatch.setenv("VNETLEARN_KERNEL", str(image))
    with pytest.raises(ImageError, match=r"no modules of kernel 6\.99-none"):
        kernel.present()


def test_asked_for_a_kernel_that_lacks_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image, folder = tmp_path / "boot/vmlinuz-6.99-few", tmp_path / "lib/modules/6.99-few"
    for path in (image, folder / "kernel/drivers/net/dummy.ko.xz"):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"")
    (folder / "modules.builtin").write_text("kernel/drivers/net/tun.ko\nkernel/net/8021q/8021q.ko\n")
    monkeypatch.setenv("VNETLEARN_KERNEL", str(image))
    with pytest.raises(ImageError, match="hsr") as caught:
        kernel.present()
    assert not {"dummy", "tun", "8021q"} & set(caught.value.why.replace(",", "").split())
