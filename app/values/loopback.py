"""Whether a call comes from this machine itself."""

from __future__ import annotations

import ipaddress
from collections.abc import Container

# What proxies add: whoever speaks through one is not this machine, whatever address it claims.
_PROXIED = ("forwarded", "via", "x-forwarded-for", "x-real-ip")


def is_loopback(host: str | None, headers: Container[str]) -> bool:
    """Whether a caller at this address is this machine, and not somebody behind a proxy on it."""
    if host is None or any(name in headers for name in _PROXIED):
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
