"""Signed links: what a message or a page may open, for whom, and until when."""

from __future__ import annotations

from collections.abc import Sequence

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from app.world.errors import LinkExpired, LinkInvalid


class Links:
    """Signs and reads links; the last secret signs, all of them are good for reading."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = list(secrets)

    def sign(self, purpose: str, subject: str) -> str:
        """A token that says `subject`, for one purpose only."""
        return str(URLSafeTimedSerializer(self._secrets, salt=f"lastlap.{purpose}").dumps(subject))

    def read(self, purpose: str, token: str, *, max_age_s: int) -> str:
        """The subject of a token; raises LinkInvalid for one that was changed or has another purpose,
        LinkExpired for one that is older than `max_age_s`."""
        serializer = URLSafeTimedSerializer(self._secrets, salt=f"lastlap.{purpose}")
        try:
            return str(serializer.loads(token, max_age=max_age_s))
        except SignatureExpired as why:
            raise LinkExpired from why
        except BadSignature as why:
            raise LinkInvalid from why
