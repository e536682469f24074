"""Machine code is ready before anybody asks, also where nothing can be kept, and is made once."""

import os
import subprocess
import sys
from pathlib import Path

from app.tours.insertion import compiled
from app.tours.packing import records_from_bytes, records_to_bytes
from app.tours.sheet import Sheet, empty_sheet
from app.tours.warm import warm
from tests.processes import ROOT
from tests.tours.drawn import frame, stop

_WEB = """
from starlette.testclient import TestClient
from app.main import build_app
from app.settings import read_settings
from app.tours.insertion import ready
assert not ready()
with TestClient(build_app(read_settings(demo=True))):
    print(ready())
"""
_NOWHERE = """
from app.tours.insertion import compiled
from app.tours.warm import warm
warm()
print(len(compiled().fitted.signatures) == len(compiled().timed.signatures) == 1)
"""


def said(code: str, **env: str) -> str:
    """The last line that a process of its own prints."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **env},
        cwd=ROOT,
        input="",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_a_server_is_ready_before_its_first_request(tmp_path: Path) -> None:
    assert said(_WEB, DATABASE_URL=f"sqlite:///{tmp_path}/web.db") == "True"


def test_where_nothing_can_be_kept_it_is_made_for_this_process() -> None:
    """As on an installation that is read-only, by a user whose home is: numba has no place to keep files."""
    assert said(_NOWHERE, NUMBA_CACHE_LOCATOR_CLASSES="UserProvidedCacheLocator") == "True"


def test_whatever_is_asked_later_is_not_compiled_again() -> None:
    warm()
    sheet = empty_sheet(frame()).settled(stop())
    read = Sheet(sheet.frame, records_from_bytes(records_to_bytes(sheet.records)))
    one = stop()
    read.fit(one.point, 240, (1, 1, 1, 1), read.windows(one.zone_id, [one.window]), least=False)
    assert read.without([]).inserted(one) is not None
    assert len(compiled().fitted.signatures) == len(compiled().timed.signatures) == 1
