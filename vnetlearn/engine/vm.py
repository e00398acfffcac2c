"""The engine that brings its own kernel: a QEMU guest, resumed from the image in the user's cache folder."""

from __future__ import annotations

from ..errors import LabDied, VnetlearnError
from .guest import damage, image, kernel, kvm, qemu, scarcity
from .progress import Progress, say
from .running import Running


def start(progress: Progress = say) -> Running:
    """Resume a guest, which has its own clock and randomness. The image is built when there is none.

    Raises `ToolMissing`, `ImageError` when there is no image to be had, `LabDied` when the guest does not come up.
    """
    said = ""
    for _ in range(3):
        found = guest = None
        try:
            found = image.ensure(progress)
            guest = found.resume()
            return Running(guest)
        except (OSError, LabDied) as error:
            said = guest.died() if guest else str(error)
        except BaseException:
            if guest:
                guest.close()
            raise
        if guest:
            guest.close()
        if short := scarcity.reason(said, str(found.folder) if found else "the cache"):
            raise LabDied("start a guest", said, *short)
        if guest and found:
            _mend(found, said, progress)
    raise LabDied("start a guest", said, "the saved guest does not resume here", "vnetlearn image build --force")


def _mend(found: image.Image, said: str, progress: Progress) -> None:
    """After a guest that did not resume: give up KVM, or build a damaged image again."""
    if found.accel == "kvm" and (chosen := kernel.present()):
        kvm.remember(chosen, False, f"a guest did not resume with it: {said}")
    elif wrong := damage.found(found.folder, again=True):
        progress(f"the stored guest image is damaged ({wrong} is not what was built): it is built again")
        image.build(progress, force=True)


def available() -> tuple[bool, str, str]:
    """Whether this machine can run guests, why (not), and what would help. Nothing is started."""
    try:
        program = qemu.program()
        chosen = kernel.present()
    except VnetlearnError as error:
        return False, f"{error.tried}: {error.said or error.why}", error.next_step
    release = f"kernel {chosen.release}" if chosen else "a kernel from the distribution's archive"
    return True, f"QEMU {qemu.version(program)}, {release}", ""
