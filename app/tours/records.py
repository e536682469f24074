"""Stops as records of fixed length, so that a whole sheet is one block of memory."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from app.values.point import Point

# What a record is: a stop, a reload at the node, or a place that is passed where a stop was given up.
STOP, RELOAD, PASSED = range(3)
NOT_PLACED = -1
RECORD = np.dtype(
    [
        ("high", "<u8"),
        ("low", "<u8"),
        ("latitude_e7", "<i4"),
        ("longitude_e7", "<i4"),
        ("opens", "<i4"),
        ("closes", "<i4"),
        ("door_s", "<i4"),
        ("parking_s", "<i4"),
        ("slow_bp", "<i4"),
        ("volume_ml", "<i4"),
        ("weight_g", "<i4"),
        ("chilled_ml", "<i4"),
        ("frozen_ml", "<i4"),
        ("tour", "<i2"),
        ("group", "<i2"),
        ("kind", "<i2"),
    ]
)


def reference_of(record: Any) -> str:
    """Whose stop it is."""
    return str(UUID(int=(int(record["high"]) << 64) | int(record["low"])))


def point_of(record: Any) -> Point:
    """Where a stop is."""
    return Point(float(record["latitude_e7"]) / 1e7, float(record["longitude_e7"]) / 1e7)


def tidy(records: NDArray[Any]) -> NDArray[Any]:
    """Without reloads that follow nothing, or that nothing follows."""
    kept: list[int] = []
    for number, record in enumerate(records):
        if record["kind"] == RELOAD:
            starts = not kept or records["tour"][kept[-1]] != record["tour"]
            if starts or records["kind"][kept[-1]] == RELOAD:
                continue
        elif kept and records["kind"][kept[-1]] == RELOAD and records["tour"][kept[-1]] != record["tour"]:
            kept.pop()
        kept.append(number)
    if kept and records["kind"][kept[-1]] == RELOAD:
        kept.pop()
    return records[kept]
