"""SQLite's disk fills up and is freed under load; SQLite's file becomes read-only."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from app.database.runner import Database
from tests.api import Api, client_on
from tests.faults.calls import CONFIRM, HOLD
from tests.faults.conftest import PATIENT, Report, Size
from tests.faults.load import Fault, running, shop
from tests.faults.processes import LASTLAP, Server
from tests.faults.town import HOME_INPUT, KEY, Town, capacity_for, sqlite_town
from tests.faults.verdict import found

pytestmark = PATIENT
DISK_MB = 48
# A small disk of the server's own, mounted where only it sees it; an ordinary user is root in there.
_UNSHARE = (
    ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--mount", "--user", "--map-root-user")
)
_MOUNT = 'mount -t tmpfs -o "size=$1" tmpfs "$2" && shift 2 && exec "$@"'


def asked(server: Server, query: str, **variables: object) -> tuple[int, dict[str, object]]:
    """The status and the body of one answer."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    connection.request("POST", "/graphql", json.dumps({"query": query, "variables": variables}), headers)
    answer = connection.getresponse()
    body: dict[str, object] = json.loads(answer.read())
    connection.close()
    return answer.status, body


def mountable(folder: Path) -> bool:
    """Whether this process may give a child a small disk of its own."""
    if shutil.which("unshare") is None:
        return False
    command = (*_UNSHARE, "sh", "-c", _MOUNT, "sh", "1m", str(folder), "true")
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_full_disk_refuses_clearly_writes_nothing_by_half_and_is_left_behind(
    size: Size, tmp_path: Path, report: Report
) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if not mountable(disk):
        pytest.skip("NO FULL DISK WAS TRIED: this process may not mount a small one (unshare --mount)")
    bookings = size.share(0.05)
    town = sqlite_town(tmp_path, days=4, orders=capacity_for(bookings, 4))
    copy_in = f'cp "{tmp_path}/lastlap.db" "{disk}/" && exec "{LASTLAP}" serve'
    command = (*_UNSHARE, "sh", "-c", _MOUNT, "sh", f"{DISK_MB}m", str(disk), "sh", "-c", copy_in)
    server = Server("server", url=f"sqlite:///{disk}/lastlap.db", folder=tmp_path, command=command)
    refused: list[int] = []

    with running(server):
        assert server.process is not None
        seen = Path(f"/proc/{server.process.pid}/root{disk}")

        def fill_and_free() -> None:
            with (seen / "filler").open("wb", buffering=0) as filler:
                for block in (1 << 20, 1 << 12):
                    try:
                        while filler.write(b"\0" * block) == block:
                            pass
                    except OSError:
                        continue
            time.sleep(1.5)
            refused.append(asked(server, "{ __typename }")[0])
            (seen / "filler").unlink()

        fault = Fault("disk filled", fill_and_free, every_s=(1.0, 3.0) if size.full else (0.3, 0.6))
        load = shop(town, [server], bookings=bookings, limit_s=size.limit_s, faults=[fault])
        left = tmp_path / "left"
        shutil.copytree(seen, left)
    wrong = found(Town(f"sqlite:///{left}/lastlap.db", town.slot_ids), load.shoppers)
    report(load)
    assert load.met["503 DATABASE_FULL"] > 0
    assert set(refused) == {200}, "reads are served while the disk is full"
    assert load.faults == []
    assert load.booked >= bookings
    assert wrong == []


def bought_and_left(town: Town, house: Path, *, count: int) -> set[str]:
    """Book so much, and leave the files as a dead process does: the newest rows are only in the log."""
    db = Database(town.url)
    try:
        with client_on(db) as client:
            api = Api(client, KEY)
            for order in map(str, range(count)):
                buyer = {"reference": order, "email": f"{order}@example.com"}
                wanted = {"slotId": town.slot_ids[0], "address": HOME_INPUT, "customer": buyer}
                held = api.data(HOLD.document, input={**wanted, "idempotencyKey": order})["holdSlot"]
                wish = {"holdId": held["hold"]["id"], "orderReference": order, "idempotencyKey": order}
                assert api.data(CONFIRM.document, input=wish)["confirmBooking"]["userErrors"] == []
        house.mkdir()
        for path in Path(str(db.engine.url.database)).parent.glob("lastlap.db*"):
            shutil.copy(path, house)
    finally:
        db.close()
    assert (house / "lastlap.db-wal").stat().st_size > 0
    return {str(order) for order in range(count)}


def test_a_read_only_file_serves_reads_and_refuses_writes(tmp_path: Path, report: Report) -> None:
    town = sqlite_town(tmp_path, days=2, orders=10)
    house = tmp_path / "house"
    orders = bought_and_left(town, house, count=5)
    command: tuple[str, ...] = (LASTLAP, "serve")
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("NO READ-ONLY FILE WAS TRIED: root writes anything, and there is no setpriv")
        command = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", *command)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [*house.iterdir(), house]}
    for path, mode in modes.items():
        path.chmod(mode & ~0o222)
    server = Server("read-only", url=f"sqlite:///{house}/lastlap.db", folder=tmp_path, command=command)
    try:
        with running(server):
            status, body = asked(server, "{ bookings(first: 100) { nodes { orderReference } } }")
            slot = {"slotId": town.slot_ids[0], "address": HOME_INPUT, "customer": {"reference": "late"}}
            refusal = asked(server, HOLD.document, input={**slot, "idempotencyKey": "late"})
    finally:
        for path, mode in reversed(modes.items()):
            path.chmod(mode)
    shown = {node["orderReference"] for node in body["data"]["bookings"]["nodes"]}  # type: ignore[index]
    report(bookings=len(orders), shown=len(shown), refused=refusal[0])
    assert status == 200
    assert shown == orders
    assert refusal[0] == 503
    assert refusal[1]["errors"][0]["extensions"]["code"] == "DATABASE_READ_ONLY"  # type: ignore[index]
