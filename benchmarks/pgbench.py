"""What our code told PostgreSQL in one transaction, told again by pgbench as often as it can."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

import psycopg
from psycopg import ClientCursor, sql

from app.database.engine import LOCK_TIMEOUT_MS
from benchmarks.replay import Transaction

# A key that our code made: each of pgbench's transactions makes one of its own in its place.
_KEY = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_OF_THE_SHOP = (
    "storefront",
    "service_zone",
    "delivery_slot",
    "fulfilment_node",
    "vehicle_class",
    "emission_factor",
    "capacity_pool",
    "pick_load",
)
_COUNTING = "UPDATE capacity_pool"
_LITERAL = re.compile(r"E'(?:[^'\\]|''|\\.)*'|'(?:[^']|'')*'")
# pgbench takes a colon and a letter for one of its variables, wherever they stand.
_LOOKS_LIKE_A_VARIABLE = re.compile(r":(?=[A-Za-z_])")


class NoPgbench(RuntimeError):
    """There is no pgbench beside the server or on the path."""


@dataclass(frozen=True, slots=True)
class Told:
    """What pgbench did: transactions per second, and the 50th and 99th percentile of their milliseconds."""

    per_s: float
    p50_ms: float
    p99_ms: float


def pgbench_of(binaries: Path) -> Path:
    """The program that came with the server, or the one on the path; raises NoPgbench."""
    beside, found = binaries / "pgbench", shutil.which("pgbench")
    if beside.exists():
        return beside
    if found is None:
        raise NoPgbench("install postgresql-contrib or postgresql, which bring pgbench")
    return Path(found)


def script_of(url: str, transaction: Transaction, *, own: Sequence[str], reads: bool = True) -> str:
    """A transaction as a script: the same statements with the same values, but new keys every time.

    `own` are further texts that only this transaction may use, like its customer's reference. Without
    `reads` only what writes is in it.
    """
    said = transaction.said if reads else [one for one in transaction.said if _writes(one[0])]
    fresh = {key for _, told in said for key in _KEY.findall(str(told))} - _keys_of(url)
    marks = {text: f"-{number}" for number, text in enumerate((*sorted(fresh), *own))}
    last = max(number for number, (text, _) in enumerate(said) if text.startswith(_COUNTING))
    lines = ["\\set n random(1, 1000000000000000)", "BEGIN;"]
    with psycopg.connect(_plain(url)) as connection:
        cursor = ClientCursor(connection)
        for number, (text, told) in enumerate(said):
            for one in told if isinstance(told, list) else [told]:
                line = _line(cursor, text, one, marks)
                # The entry's number comes from the UPDATE of the very transaction, as in our code.
                lines.append(f"{line} \\gset counted_" if number == last else f"{line};")
    return "\n".join([*lines, "COMMIT;"])


def _writes(text: str) -> bool:
    return text.startswith(("INSERT", "UPDATE"))


def _line(cursor: ClientCursor[Any], text: str, told: Any, marks: Mapping[str, str]) -> str:
    if text.startswith("INSERT INTO capacity_entry"):
        text = re.sub(r"%\(number\w*\)s::INTEGER", ":counted_entries", text)
    whole = cursor.mogrify(text, told or None)
    return _LITERAL.sub(lambda literal: own(literal[0], marks), whole)


def own(literal: str, marks: Mapping[str, str]) -> str:
    """A text whose keys are made anew, and in which pgbench finds no variable but its number."""
    keys = "|".join(map(re.escape, sorted(marks, key=len, reverse=True)))
    again = f"' || {'E' if literal.startswith('E') else ''}'"
    whole = "".join(
        f"' || :n || '{marks[part]}{again}"
        if part in marks
        else _LOOKS_LIKE_A_VARIABLE.sub(f":{again}", part)
        for part in re.split(f"({keys})", literal)
    )
    return whole if whole == literal else f"({whole})"


def _keys_of(url: str) -> set[str]:
    """The keys that come with the shop."""
    with psycopg.connect(_plain(url)) as connection:
        return {
            row[0]
            for table in _OF_THE_SHOP
            for row in connection.execute(sql.SQL("SELECT id FROM {}").format(sql.Identifier(table)))
        }


def run(pgbench: Path, url: str, scripts: Sequence[str], *, clients: int, seconds: int) -> Told:
    """So many clients for so long, each transaction one of the scripts by chance; prepared statements."""
    with tempfile.TemporaryDirectory(prefix="lastlap-pgbench-") as name:
        folder = Path(name)
        files = []
        for number, script in enumerate(scripts):
            file = folder / f"{number}.sql"
            file.write_text(script, encoding="utf-8")
            files += ["-f", str(file)]
        command = [str(pgbench), "-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds)]
        done = subprocess.run(
            [*command, "-l", "--log-prefix", str(folder / "log"), *files, _plain(url)],
            capture_output=True,
            text=True,
            check=False,
            env={"PGOPTIONS": f"-c timezone=UTC -c lock_timeout={LOCK_TIMEOUT_MS}", "LC_ALL": "C"},
        )
        rate = re.search(r"tps = ([0-9.]+)", done.stdout)
        if done.returncode or rate is None:
            raise SystemExit(f"pgbench: {done.stderr[-2000:]}")
        logs = folder.glob("log.*")
        took = [int(line.split()[2]) / 1_000 for log in logs for line in log.read_text().splitlines()]
    return Told(float(rate[1]), *percentiles(took))


def percentiles(took: Sequence[float]) -> tuple[float, float]:
    """The 50th and the 99th."""
    cuts = quantiles(took, n=100)
    return cuts[49], cuts[98]


def _plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")
