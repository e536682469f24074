"""Opaque ids, unique over the graph: base64 of Type:key."""

import base64
import binascii

import strawberry
from graphql import GraphQLError


def to_global(kind: str, key: str) -> strawberry.ID:
    """The id a client sees."""
    return strawberry.ID(base64.urlsafe_b64encode(f"{kind}:{key}".encode()).decode().rstrip("="))


def from_global(text: str) -> tuple[str, str]:
    """Type and key of an id; raises GraphQLError for text that is none of ours."""
    try:
        padded = text + "=" * (-len(text) % 4)
        kind, _, key = base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii").partition(":")
    except (binascii.Error, UnicodeError, ValueError) as why:
        raise malformed(text) from why
    if not kind or not key:
        raise malformed(text)
    return kind, key


def key_of(kind: str, text: str) -> str:
    """The key of an id of one type; raises GraphQLError for an id of another."""
    found, key = from_global(text)
    if found != kind:
        raise GraphQLError(
            f"This is the id of a {found}, and a {kind} is asked for.", extensions={"code": "BAD_USER_INPUT"}
        )
    return key


def malformed(text: str) -> GraphQLError:
    """The error for an id that nobody gave out."""
    return GraphQLError(
        f"{text[:60]!r} is not an id; use ids as they were given out.", extensions={"code": "BAD_USER_INPUT"}
    )
