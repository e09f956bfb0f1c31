"""How often one address may ask for something that costs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

MOST_ADDRESSES = 10_000


class Pace:
    """At most ``most`` in ``seconds`` from one address; who asks more often has to wait."""

    def __init__(self, most: int, seconds: float, now: Callable[[], float]) -> None:
        self.most = most
        self.seconds = seconds
        self.now = now
        self.times: OrderedDict[str, list[float]] = OrderedDict()

    def wait(self, address: str) -> float:
        """Seconds until this address may ask; 0 where it may now, which counts as having asked."""
        now = self.now()
        times = [at for at in self.times.get(address, []) if now - at < self.seconds]
        self.times[address] = times
        self.times.move_to_end(address)
        while len(self.times) > MOST_ADDRESSES:
            self.times.popitem(last=False)
        if len(times) >= self.most:
            return times[0] + self.seconds - now
        times.append(now)
        return 0.0
