"""Many shoppers at once, and whatever is done to the house meanwhile."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Lock, Thread

from tests.faults.calls import Client
from tests.faults.processes import DidNotStart, Running, Server
from tests.faults.shopper import Shopper
from tests.faults.town import Town
from tests.postgres import Cluster

SHOPPERS = 32
# On a busy machine a database that crashes again and again is away for longer than it is there.
REVIVAL_S = 600


@dataclass
class Load:
    """What the shoppers did and met."""

    shoppers: list[Shopper]
    took_s: float
    done: Counter[str] = field(default_factory=Counter)

    @property
    def booked(self) -> int:
        """Acknowledged bookings."""
        return sum(1 for shopper in self.shoppers for cart in shopper.carts if cart.booking_id)

    @property
    def met(self) -> Counter[str]:
        """What was met instead of an answer, and why requests were refused."""
        return sum((shopper.client.met for shopper in self.shoppers), Counter())

    @property
    def faults(self) -> list[str]:
        """Answers that no client should ever get."""
        return [fault for shopper in self.shoppers for fault in shopper.client.faults]

    def p99_ms(self, first: float = 0, last: float = float("inf")) -> float:
        """The 99th percentile of the answers to requests that began in this span of the monotonic clock."""
        took = sorted(t for s in self.shoppers for began, t in s.client.answered if first <= began < last)
        return took[int(len(took) * 0.99)] * 1000 if took else 0.0


def shop(
    town: Town,
    servers: Sequence[Server],
    *,
    bookings: int,
    limit_s: float,
    shoppers: int = SHOPPERS,
    first_number: int = 0,
    faults: Sequence[Fault] = (),
    seen: Callable[[], bool] = lambda: False,
) -> Load:
    """Let so many shoppers at it until so many bookings are acknowledged and each fault has happened.

    They take their time once there are enough bookings, and stop when the time is up all the same, or when
    what a control waits for is `seen`.
    """
    ports = [server.port for server in servers]
    people = [Shopper(Client(ports, first_number + n), town) for n in range(shoppers)]
    enough, over, leisurely = Event(), Event(), Event()
    left, counting = [bookings], Lock()

    def booked() -> None:
        with counting:
            left[0] -= 1
            if left[0] <= 0:
                leisurely.set()
                if all(fault.times for fault in faults):
                    enough.set()

    broken: list[BaseException] = []

    def guarded(run: Callable[[], None]) -> None:
        try:
            run()
        except BaseException as why:
            broken.append(why)
            enough.set()
            raise

    began = time.monotonic()
    makers = [Thread(target=guarded, args=(lambda f=f: f.run(over),)) for f in faults]
    callers = [Thread(target=guarded, args=(lambda s=s: s.shop(enough, leisurely, booked),)) for s in people]
    for thread in (*callers, *makers):
        thread.start()
    _waited(enough, began + limit_s, seen)
    over.set()
    for thread in (*makers, *callers):
        thread.join()
    if broken:
        raise broken[0]
    done = Counter({fault.name: fault.times for fault in faults})
    return Load(people, time.monotonic() - began, done)


def _waited(enough: Event, until: float, seen: Callable[[], bool]) -> None:
    """Until there is enough, or that is said because the time is up or something is seen."""
    while not enough.wait(0.3):
        if time.monotonic() > until or seen():
            enough.set()


class Fault:
    """Something done again and again, at random moments, at least once and at most `most` times."""

    def __init__(
        self, name: str, act: Callable[[], None], *, every_s: tuple[float, float], most: int = 1_000_000
    ) -> None:
        self.name, self.act, self.every_s, self.most = name, act, every_s, most
        self.chance = random.Random(name)
        self.times = 0

    def run(self, over: Event) -> None:
        """Until it is over."""
        while self.times < self.most and not over.wait(self.chance.uniform(*self.every_s)):
            self.act()
            self.times += 1


def kill_one(processes: Sequence[Running], seed: int = 0) -> Callable[[], None]:
    """Signal 9 to one of them, and a new one in its place."""
    chance = random.Random(seed)

    def act() -> None:
        one = chance.choice(processes)
        one.kill()
        revive(one)

    return act


def crash(server: Cluster, seed: int = 0) -> Callable[[], None]:
    """The database server stops as in a crash, is away for up to two seconds, and recovers."""
    chance = random.Random(seed)

    def act() -> None:
        server.stop(signal.SIGQUIT)
        time.sleep(chance.uniform(0, 2))
        server.start()

    return act


def revive(process: Running) -> None:
    """Start it, as a supervisor does, until it stays: it may come before its database is back."""
    until = time.monotonic() + REVIVAL_S
    while True:
        process.start()
        try:
            if isinstance(process, Server):
                process.wait()
            return
        except DidNotStart:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


@contextmanager
def running(*processes: Running) -> Iterator[None]:
    """These processes, ready; ended afterwards."""
    try:
        for process in processes:
            process.start()
        for process in processes:
            if isinstance(process, Server):
                process.wait()
        yield
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                process.end()
