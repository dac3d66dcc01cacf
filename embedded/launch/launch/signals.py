"""Signals of the launch process itself."""

import asyncio
import signal
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class SignalWatch:
    """Calls `on_signal(signal)` in the event loop while the block is active; in the main thread only."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, on_signal: Callable[[signal.Signals], None], *, active: bool = True,
    ) -> None:
        self._active = active and threading.current_thread() is threading.main_thread()
        self._loop = loop
        self._on_signal = on_signal
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> None:
        if not self._active:
            return
        for number in HANDLED:
            self._before[number] = signal.getsignal(number)
            self._loop.add_signal_handler(number, self._on_signal, number)

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            self._loop.remove_signal_handler(number)
            if handler is not None:
                signal.signal(number, handler)
        self._before.clear()
