"""The yardstick of the availability benchmark: a bare Starlette route that answers a file's JSON."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


def build(file: Path) -> Starlette:
    """An application whose only route serialises the same dictionaries for every request."""
    content = json.loads(file.read_bytes())

    async def answer(_request: Request) -> JSONResponse:
        return JSONResponse(content)

    return Starlette(routes=[Route("/", answer)])


if __name__ == "__main__":
    uvicorn.run(
        build(Path(sys.argv[1])),
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        log_config=None,
        access_log=False,
    )
