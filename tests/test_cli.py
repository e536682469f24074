"""The operator's commands: what goes wrong is one sentence with its fix, exit code 2, and nothing half done."""

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection
from typer.testing import CliRunner, Result

from app.cli import app
from app.commands.demo import DEMO_KEY, example
from app.database.engine import engine_for
from app.database.rows import rows, table_of
from app.database.runner import Database
from app.demand.tables import ForecastDay
from app.demo.load import load
from app.demo.seed import read_seed
from app.places.city import AddressData, CityData
from app.places.tables import City
from app.storefronts.authenticate import authenticate
from app.storefronts.errors import NotAuthenticated
from app.values.point import Point
from tests.databases import migrated_sqlite
from tests.factories import HOME
from tests.processes import SECRET, answer, free_port, started


@pytest.fixture(autouse=True)
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The database of the environment: a file that is not there yet."""
    found = f"sqlite:///{tmp_path / 'var' / 'lastlap.db'}"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LASTLAP_DATABASE_URL", found)
    monkeypatch.setenv("LASTLAP_SECRET", SECRET)
    monkeypatch.delenv("PORT", raising=False)
    return found


@pytest.fixture
def migrated(url: str, tmp_path: Path) -> str:
    assert migrated_sqlite(tmp_path / "var" / "lastlap.db") == url
    return url


@pytest.fixture
def stocked(migrated: str) -> str:
    """A city of four houses with the demo's seed."""
    houses = [
        AddressData("Rua das Flores", str(n), None, Point(HOME.latitude, HOME.longitude + n / 1e4))
        for n in range(4)
    ]
    city = CityData("Porto", "Europe/Lisbon", "PT", "13", "by hand", None, (), tuple(houses))
    with database(migrated) as db:
        db.write_now(lambda c, n: load(c, now=n, seed=read_seed(), city=city))
    return migrated


@contextmanager
def database(url: str) -> Iterator[Database]:
    db = Database(url)
    yield db
    db.close()


def cities(url: str) -> list[City]:
    with database(url) as db:
        return db.read_now(lambda c, _: rows(c, City, sa.select(table_of(City))))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def refused(*arguments: str) -> str:
    """What a command that cannot work says: one sentence, and exit code 2."""
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    (sentence,) = result.stderr.strip().splitlines()
    return sentence


@pytest.mark.parametrize(
    "command",
    [("serve",), ("work",), ("plan",), ("doctor",), ("keys", "issue", "x"), ("city", "import", "x.pbf")],
)
def test_a_database_that_is_not_migrated_names_the_command(command: tuple[str, ...]) -> None:
    assert refused(*command) == "The database lacks the newest tables; run `lastlap migrate` first."


def test_a_database_of_a_newer_version_is_left_alone(migrated: str) -> None:
    engine = engine_for(migrated)
    with engine.begin() as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    assert "newer Lastlap" in refused("migrate")


def test_migrating_twice_is_migrating_once() -> None:
    for _ in range(2):
        assert run("migrate").exit_code == 0


@pytest.mark.parametrize("command", ["demo", "serve"])
def test_a_port_in_use_is_named_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch, command: str, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))
        assert refused(command) == f"Port {port} of 127.0.0.1 is in use; choose another one: PORT={port + 1}"
    assert not (tmp_path / "var").exists()


def test_an_address_that_is_not_ours_cannot_be_listened_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASTLAP_HOST", "192.0.2.1")
    assert "cannot be listened on" in refused("serve")


@pytest.mark.parametrize("command", ["migrate", "plan", "serve", "work", "doctor"])
def test_a_database_that_does_not_answer_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("LASTLAP_DATABASE_URL", "postgresql://ana:sesame@127.0.0.1:9/shop")
    sentence = refused(command)
    assert "postgresql://ana:***@127.0.0.1:9/shop cannot be used" in sentence
    assert "Start it, or name another one by DATABASE_URL" in sentence
    assert "sesame" not in sentence


def test_a_folder_that_cannot_be_made_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LASTLAP_DATABASE_URL", f"sqlite:///{tmp_path}/file/x.db")
    assert "cannot be made" in refused("migrate")


def test_a_file_that_is_no_database_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "notes.db").write_text("this is a letter, not a database. " * 100)
    monkeypatch.setenv("LASTLAP_DATABASE_URL", f"sqlite:///{tmp_path}/notes.db")
    assert "not a database" in refused("migrate")


def test_wrong_settings_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASTLAP_SECRET", "short")
    monkeypatch.setenv("LASTLAP_PORT", "no")
    result = run("serve")
    assert result.exit_code == 2
    assert [line.split(":")[0] for line in result.stderr.splitlines()] == [
        "These settings cannot be used",
        "LASTLAP_PORT",
        "LASTLAP_SECRET",
    ]


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "there is no such file"), (b"", "it is empty"), (b"\x00\x00\x00\x0dnonsense", "")],
)
def test_a_broken_map_file_is_named_and_nothing_is_loaded(
    migrated: str, tmp_path: Path, content: bytes | None, why: str
) -> None:
    file = tmp_path / "city.osm.pbf"
    if content is not None:
        file.write_bytes(content)
    sentence = refused("city", "import", str(file))
    assert sentence.startswith("The map file city.osm.pbf cannot be read")
    assert why in sentence
    assert sentence.endswith("give a complete OpenStreetMap extract (.osm.pbf).")
    assert cities(migrated) == []


def test_a_broken_seed_is_named_and_nothing_is_loaded(migrated: str, tmp_path: Path) -> None:
    seed = tmp_path / "mine.toml"
    seed.write_text("[city]\nname = 7\n")
    sentence = refused("city", "import", "any.osm.pbf", "--seed", str(seed))
    assert sentence.startswith(
        "The seed file mine.toml does not work: city.name: input should be a valid string; "
    )
    assert "nodes: field required" in sentence
    assert cities(migrated) == []


def test_a_city_is_loaded_once(stocked: str, tmp_path: Path) -> None:
    file = tmp_path / "city.osm"
    file.write_text(
        "<osm version='0.6'><node id='1' version='1' lat='41.14' lon='-8.61'>"
        "<tag k='addr:street' v='Rua Nova'/><tag k='addr:housenumber' v='1'/><tag k='addr:city' v='Porto'/></node></osm>"
    )
    assert (
        refused("city", "import", str(file))
        == "The city Porto is loaded already; use an empty database to load it anew."
    )
    assert len(cities(stocked)) == 1


@pytest.mark.usefixtures("migrated")
def test_a_plan_that_cannot_be_made_says_why() -> None:
    result = run("plan", "--days", "1")
    assert result.exit_code == 1
    assert "No city" in result.stderr


def test_keys_are_shown_once_and_can_be_revoked(stocked: str) -> None:
    issued = run("keys", "issue", "checkout team")
    assert issued.exit_code == 0
    key = issued.stdout.strip()
    assert len(key) >= 40

    def who(conn: Connection, _now: object) -> str:
        return authenticate(conn, key=key, loopback=False).name

    with database(stocked) as db:
        assert db.read_now(who) == "checkout team"
        assert run("keys", "revoke", "checkout team").exit_code == 0
        with pytest.raises(NotAuthenticated, match="revoked"):
            db.read_now(who)
    assert refused("keys", "revoke", "checkout team").startswith("No working API key is called checkout team")
    assert refused("keys", "issue", "x", "--storefront", "nowhere").startswith(
        "There is no storefront nowhere"
    )


@pytest.mark.usefixtures("stocked")
def test_the_doctor_looks_at_plan_and_counters() -> None:
    result = run("doctor")
    assert result.exit_code == 1
    assert "no plan: run lastlap plan" in result.stdout
    assert "counters equal the ledger" in result.stdout


def test_the_printed_query_is_a_shell_command_with_json() -> None:
    printed = example("http://127.0.0.1:8000")
    assert printed.startswith("curl -s http://127.0.0.1:8000/graphql -H 'Authorization: Bearer demo-key'")
    assert "Rua das Flores 12" in printed
    done = subprocess.run(
        ["sh", "-c", printed.replace("curl -s", "printf '%s\\n'")], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1].startswith('{"query": "{ slotAvailability(')


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.usefixtures("stocked")
def test_the_demo_takes_its_worker_along_however_it_ends(end: signal.Signals) -> None:
    port = str(free_port())
    with started("demo", LASTLAP_PORT=port, LASTLAP_PLAN_DAYS="1") as demo:
        assert answer(demo, f"http://127.0.0.1:{port}/readyz").json()["ready"]
        (worker,) = children(demo.pid)
        demo.send_signal(end)
        said, _ = demo.communicate(timeout=60)
        for _ in range(1_200):
            if not alive(worker):
                break
            time.sleep(0.05)
        assert not alive(worker)
    assert f"http://127.0.0.1:{port}/graphql   (key: {DEMO_KEY}, from this machine only)" in said


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except FileNotFoundError:
        return False


def test_a_new_city_is_forecast_by_its_prior(stocked: str) -> None:
    done = run("forecast", "--days", "3")
    assert done.exit_code == 0
    assert "By prior, from 0 days." in done.output
    with database(stocked) as db:
        assert len(db.read_now(lambda c, _: rows(c, ForecastDay, sa.select(table_of(ForecastDay))))) == 3


def test_without_a_city_a_forecast_says_what_to_do(migrated: str) -> None:
    done = run("forecast")
    assert migrated
    assert done.exit_code == 2
    assert "No city" in done.stderr
