"""Signed links say what they may open, for whom, and until when."""

import pytest

from app.world.errors import LinkExpired, LinkInvalid
from app.world.links import Links

OLD, NEW = "the old secret, long enough to sign with", "the new secret, long enough to sign with"
DAY_S = 24 * 3600


def test_a_link_says_what_was_signed() -> None:
    links = Links([NEW])
    assert links.read("booking", links.sign("booking", "b-1"), max_age_s=DAY_S) == "b-1"


def test_a_link_is_good_for_its_purpose_only() -> None:
    links = Links([NEW])
    with pytest.raises(LinkInvalid):
        links.read("hold", links.sign("booking", "b-1"), max_age_s=DAY_S)


@pytest.mark.parametrize("place", [0, 3, -1, -5])
def test_a_link_that_was_changed_is_refused(place: int) -> None:
    token = list(Links([NEW]).sign("booking", "b-1"))
    token[place] = "A" if token[place] != "A" else "B"
    with pytest.raises(LinkInvalid, match="open it again from your message"):
        Links([NEW]).read("booking", "".join(token), max_age_s=DAY_S)


@pytest.mark.parametrize("token", ["", ".", "b-1", "a.b.c", "ã.ç", "x" * 10_000])
def test_rubbish_is_refused(token: str) -> None:
    with pytest.raises(LinkInvalid):
        Links([NEW]).read("booking", token, max_age_s=DAY_S)


def test_a_link_ends() -> None:
    links = Links([NEW])
    with pytest.raises(LinkExpired, match="ask for a new one"):
        links.read("booking", links.sign("booking", "b-1"), max_age_s=-1)


def test_secrets_change_without_breaking_what_was_sent() -> None:
    sent_before = Links([OLD]).sign("booking", "b-1")
    both = Links([OLD, NEW])
    assert both.read("booking", sent_before, max_age_s=DAY_S) == "b-1"
    sent_now = both.sign("booking", "b-2")
    assert Links([NEW]).read("booking", sent_now, max_age_s=DAY_S) == "b-2"
    with pytest.raises(LinkInvalid):
        Links([NEW]).read("booking", sent_before, max_age_s=DAY_S)
