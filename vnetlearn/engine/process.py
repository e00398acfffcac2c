"""Programs that cannot outlive the process that started them."""

from __future__ import annotations

import queue
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import TypeAlias

from ..errors import ToolMissing

Process: TypeAlias = "subprocess.Popen[bytes]"

_jobs: queue.SimpleQueue[tuple[Callable[[], Process], Future[Process]]] = queue.SimpleQueue()
_thread: threading.Thread | None = None
_lock = threading.Lock()


def spawn(
    argv: Sequence[str],
    *,
    pass_fds: Sequence[int] = (),
    stdout: int | None = None,
    stderr: int | None = None,
    env: Mapping[str, str] | None = None,
) -> Process:
    """Start `argv` so that the kernel kills it (SIGKILL) when this process ends, however it ends.

    It gets these descriptors, no input, a session of its own, and this environment (by default that of this process).
    Raises `ToolMissing` when it is not installed.

    The kernel ties the signal to the thread that forked, not to the process (prctl(2), PR_SET_PDEATHSIG), so all
    forks are made by one thread that lives as long as the process. setpriv(1) of util-linux asks for the signal;
    Python's own preexec_fn would not be safe beside other threads.
    """
    for program in ("setpriv", argv[0]):
        if shutil.which(program) is None:
            raise ToolMissing(
                " ".join(argv), f"{program}: not found", "the program is not installed", "vnetlearn doctor"
            )
    command = ["setpriv", "--pdeathsig", "KILL", "--", *argv]

    def start() -> Process:
        return subprocess.Popen(
            command,
            pass_fds=pass_fds,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
            env=env,
        )

    done: Future[Process] = Future()
    _start_forker()
    _jobs.put((start, done))
    return done.result()


def _start_forker() -> None:
    global _thread
    with _lock:
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_fork_forever, name="vnetlearn-spawn", daemon=True)
            _thread.start()


def _fork_forever() -> None:
    while True:
        job, done = _jobs.get()
        try:
            done.set_result(job())
        except BaseException as error:
            done.set_exception(error)
        del job, done
