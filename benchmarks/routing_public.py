"""Our door beside bare PyVRP on public instances, read from a folder that the user names.

`ROUTING_INSTANCES` is the folder: Solomon's and Gehring and Homberger's text files, and VRPLIB files with PyVRP's fields;
best known costs stand in .sol files beside them, or in a JSON file {name: distance}. None of them is kept here.
"""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.instances import read_folder
from benchmarks.page import Section
from benchmarks.routing import AIM_POINTS, SECONDS, compared, table_of_pairs

NAME = "instances"
TITLE = "Tours of public instances"


def is_told() -> bool:
    """Whether there is a folder to read."""
    return bool(os.environ.get("ROUTING_INSTANCES"))


def run() -> Section:
    """Compare on every instance of the folder; raises SystemExit without one."""
    if not is_told():
        raise SystemExit("Name a folder of instances: ROUTING_INSTANCES=FOLDER.")
    found = read_folder(Path(os.environ["ROUTING_INSTANCES"]))
    unknown = [one.name for one in found if one.best is None]
    if not found or unknown:
        raise SystemExit(f"There is no best known cost of {', '.join(unknown) or 'anything there'}.")
    pairs = [pair for one in found for pair in compared(one, SECONDS)]
    text = f"""
Instances of a user's folder (`ROUTING_INSTANCES`); the gap is to the best known cost, distances cut off after a tenth as it
is counted. Ours and bare PyVRP search one after the other for the same seconds of wall, one seed; the aim is at most
{AIM_POINTS} points worse. Our tours passed the independent check.

{table_of_pairs(pairs)}
"""
    return Section(NAME, TITLE, text)
