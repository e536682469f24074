"""Build the road graphs of a city: one for each way of moving, with profiles of our own."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from app.fleet.rules import VehicleKind
from app.world.errors import BrokenMapFile

META = "streets.json"


@dataclass(frozen=True, slots=True)
class Profile:
    """A way of moving: which of the engine's rules it starts from, and what is different.

    `speed_kmh` replaces that of ordinary streets, `limit_kmh` is the fastest it ever goes; `width_m` keeps
    it out of narrower passages and of places that are closed to cargo bikes.
    """

    name: str
    rules: str
    speed_kmh: int | None = None
    limit_kmh: int | None = None
    width_m: float | None = None


VAN = Profile("van", "car")
CARGO_BIKE = Profile("cargo_bike", "bicycle", speed_kmh=16, limit_kmh=22, width_m=0.9)
BIKE = Profile("bike", "bicycle")
E_SCOOTER = Profile("e_scooter", "bicycle", speed_kmh=20, limit_kmh=25)
WALKER = Profile("walker", "foot")
PROFILES = (VAN, CARGO_BIKE, BIKE, E_SCOOTER, WALKER)
PROFILE_OF = {
    VehicleKind.VAN: VAN,
    VehicleKind.ELECTRIC_VAN: VAN,
    VehicleKind.MOPED: VAN,
    VehicleKind.CARGO_BIKE: CARGO_BIKE,
    VehicleKind.BIKE: BIKE,
    VehicleKind.E_SCOOTER: E_SCOOTER,
    VehicleKind.WALKER: WALKER,
}


def profile_lua(profile: Profile, rules: Path) -> str:
    """The profile in the engine's language: its own rules in the folder `rules`, with our figures."""
    changes = []
    if profile.speed_kmh is not None:
        changes += [
            "  for _, speeds in ipairs({ made.bicycle_speeds, made.surface_speeds }) do",
            "    for street, speed in pairs(speeds) do",
            f"      if speed == made.default_speed then speeds[street] = {profile.speed_kmh} end",
            "    end",
            "  end",
            f"  made.default_speed = {profile.speed_kmh}",
        ]
    if profile.limit_kmh is not None:
        changes.append(f"  made.vehicle_max_speed = {profile.limit_kmh}")
    if profile.width_m is not None:
        changes += [f"  made.width = {profile.width_m}", "  made.exclude_cargo_bike = true"]
    return "\n".join(
        [
            f'package.path = "{rules.as_posix()}/?.lua;" .. package.path',
            f"local known = require('{profile.rules}')",
            "local found = {}",
            "for name, part in pairs(known) do found[name] = part end",
            "found.setup = function()",
            "  local made = known.setup()",
            *changes,
            "  return made",
            "end",
            "return found",
            "",
        ]
    )


def build_streets(
    file: Path,
    folder: Path,
    *,
    profiles: Sequence[Profile] = PROFILES,
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Build the graphs of an OpenStreetMap extract into `folder`; what was there is replaced at the end.

    Takes about 15 s of processor time for each profile and a city of 50,000 ways. Raises BrokenMapFile.
    """
    if not file.is_file() or not file.stat().st_size:
        why = "it is empty" if file.exists() else "there is no such file"
        raise BrokenMapFile(file=file.name, why=why)
    rules = _engine() / "share" / "profiles"
    work = folder.with_name(f"{folder.name}.building")
    shutil.rmtree(work, ignore_errors=True)
    try:
        for profile in profiles:
            tell(profile.name)
            _build(file, work / profile.name, profile_lua(profile, rules))
        facts = {
            "file": file.name,
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
            "profiles": [profile.name for profile in profiles],
        }
        (work / META).write_bytes(orjson.dumps(facts))
        shutil.rmtree(folder, ignore_errors=True)
        work.rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _engine() -> Path:
    """Where the road engine is installed; looked up without loading it."""
    found = importlib.util.find_spec("osrm")
    if found is None or found.origin is None:
        raise BrokenMapFile(file="streets", why="the road engine is not installed; run make")
    return Path(found.origin).parent


def _build(file: Path, folder: Path, lua: str) -> None:
    folder.mkdir(parents=True)
    (folder / "profile.lua").write_text(lua, encoding="utf-8")
    # The engine names its files after the map's.
    (folder / "city.osm.pbf").symlink_to(file.resolve())
    graph = str(folder / "city.osrm")
    steps = (
        ["extract", "-t", "1", "-p", str(folder / "profile.lua"), str(folder / "city.osm.pbf")],
        ["partition", "-t", "1", graph],
        ["customize", "-t", "1", graph],
    )
    for step in steps:
        done = subprocess.run([sys.executable, "-m", "osrm", *step], capture_output=True, check=False)
        if done.returncode:
            raise BrokenMapFile(file=file.name, why=_complaint(done))
    (folder / "city.osm.pbf").unlink()


def _complaint(done: subprocess.CompletedProcess[bytes]) -> str:
    said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
    return f"no streets could be read from it: {said[-1]}" if said else "no streets could be read from it"
