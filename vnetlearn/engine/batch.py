"""Changes that are sent without waiting for their answers: those of one thread, in their order, up to a refusal."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

T = TypeVar("T")
TOGETHER = 4096  # bytes: so many are sent at once, since each time the agent is woken costs as much as a small change


class Pending(Generic[T]):
    """What a change gives, once its answer is there: `get` waits for that, and raises what the change raised."""

    def __init__(self, wait: Callable[[], object]) -> None:
        self._wait, self._values = wait, list[T]()
        self._error: BaseException | None = None

    @property
    def known(self) -> bool:
        return bool(self._values)

    def get(self) -> T:
        if not self._values and self._error is None:
            self._wait()
        if self._error is not None:
            raise self._error
        return self._values[0]

    def made(self, value: T) -> Pending[T]:
        self._values.append(value)
        return self

    def failed(self, error: BaseException) -> None:
        self._error = error


class Row(Protocol):
    """A channel on which the agent does one thing after the other until it refuses one."""

    def ask(self, frames: list[tuple[int, bytes]]) -> None: ...
    def answer(self) -> tuple[int, bytes]: ...
    def close(self) -> None: ...


class Batch:
    """What was sent and not answered yet. After a refusal a new row is begun."""

    def __init__(self, begin: Callable[[], Row]) -> None:
        self._begin, self._settling = begin, False
        self._row: Row | None = None
        self._unsent, self._bytes = list[tuple[int, bytes]](), 0
        self._waiting = deque[tuple[Pending[Any], Callable[[int, bytes], Any]]]()

    def send(self, kind: int, payload: bytes, read: Callable[[int, bytes], T]) -> Pending[T]:
        """Have a change made. `read` makes its result of the answer's kind and payload, or raises."""
        pending = Pending[T](self.settle)
        self._waiting.append((pending, read))
        self._unsent.append((kind, payload))
        self._bytes += len(payload)
        if self._bytes >= TOGETHER:
            self._flush()
        return pending

    def settle(self) -> None:
        """Wait for all answers. Raises the error of the first change that was refused; those after it were not made."""
        if self._settling:  # what reads an answer may have to ask something more
            return
        self._settling = True
        try:
            self._flush()
            while self._waiting and self._row is not None:
                answer = self._row.answer()  # an interrupt here leaves the rest to be waited for
                self._read(answer, *self._waiting.popleft())
        finally:
            self._settling = False

    def _read(self, answer: tuple[int, bytes], pending: Pending[Any], read: Callable[[int, bytes], Any]) -> None:
        try:
            pending.made(read(*answer))
        except BaseException as error:
            for one, _ in ((pending, read), *self._waiting):
                one.failed(error)
            self._waiting.clear()
            self.close()
            raise

    def close(self) -> None:
        row, self._row = self._row, None
        if row is not None:
            row.close()

    def _flush(self) -> None:
        if self._unsent:
            unsent, self._unsent, self._bytes = self._unsent, [], 0
            if self._row is None:
                self._row = self._begin()
            self._row.ask(unsent)
