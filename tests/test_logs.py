"""Logs of a real server: one JSON line a fact, each with the id of its request."""

import json
import signal
from pathlib import Path
from uuid import uuid4

import httpx2

from app.database.engine import engine_for
from tests.databases import migrated_sqlite
from tests.processes import answer, free_port, started


def test_every_line_is_json_and_carries_the_request_id(tmp_path: Path) -> None:
    url, port = migrated_sqlite(tmp_path / "lastlap.db"), str(free_port())
    base = f"http://127.0.0.1:{port}"
    good, broken = str(uuid4()), str(uuid4())
    secret_token = "x" * 60
    with started("serve", LASTLAP_DATABASE_URL=url, LASTLAP_PORT=port) as server:
        answer(server, f"{base}/healthz")
        httpx2.get(f"{base}/bookings/{secret_token}", headers={"X-Request-ID": good})
        engine = engine_for(url)
        with engine.begin() as conn:
            conn.exec_driver_sql("ALTER TABLE storefront RENAME COLUMN name TO title")
        engine.dispose()
        fault = httpx2.get(base, headers={"X-Request-ID": broken})
        server.send_signal(signal.SIGTERM)
        said, _ = server.communicate(timeout=60)

    assert fault.status_code == 500
    assert fault.json()["errors"][0]["extensions"] == {"code": "INTERNAL", "requestId": broken}
    assert "title" not in fault.text
    lines = [json.loads(line) for line in said.splitlines()]
    assert all(line["timestamp"] and line["level"] for line in lines)
    (request,) = [line for line in lines if line.get("request_id") == good]
    assert (request["event"], request["method"], request["path"]) == ("request", "GET", "/bookings/...")
    about = [line for line in lines if line.get("request_id") == broken]
    assert {line["event"] for line in about} >= {"request", "unexpected"}
    frames = [frame for line in about for one in line.get("exception", []) for frame in one["frames"]]
    assert frames
    assert not any(frame.get("locals") for frame in frames)
    assert secret_token not in said
    assert "no such column" in said
