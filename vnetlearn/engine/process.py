"""Programs that cannot outlive the process that started them."""

from __future__ import annotations

import queue
import shutil
import subprocess
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from ..errors import ToolMissing

_jobs: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]]] = queue.SimpleQueue()
_thread: threading.Thread | None = None
_lock = threading.Lock()


def spawn(argv: Sequence[str], **popen: Any) -> subprocess.Popen[bytes]:
    """Start `argv` so that the kernel kills it (SIGKILL) when this process ends, however it ends.

    `popen` goes to `subprocess.Popen`. Raises `ToolMissing` when the program is not installed.

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
    done: Future[subprocess.Popen[bytes]] = Future()
    _start_forker()
    _jobs.put((lambda: subprocess.Popen(command, **popen), done))
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
