"""The words of the house: every language says everything, and knows what pages can refuse."""

import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import app.pages.routes
from app.errors import Refusal
from app.values.wording import LANGUAGES, WORDS, span_text

CATALOGUES: dict[str, dict[str, Any]] = {
    name: tomllib.loads((WORDS / f"{name}.toml").read_text(encoding="utf-8")) for name in LANGUAGES
}
PAGES = Path(__file__).parents[2] / "templates" / "pages"
# Pages name some words by what they stand for, not one by one.
FAMILIES = {
    "basket": ("topup", "weekly", "wine", "bulky"),
    "done": ("leave", "wait", "moved", "cancelled", "changed", "skip", "move", "pause", "resume", "end"),
}


def blanks(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("language", [name for name in LANGUAGES if name != "en"])
def test_every_language_has_the_same_words_with_the_same_blanks(language: str) -> None:
    english, other = CATALOGUES["en"], CATALOGUES[language]
    assert english.keys() == other.keys()
    for group, words in english.items():
        assert words.keys() == other[group].keys(), group
        assert {key for key in words if blanks(words[key]) != blanks(other[group][key])} == set(), group


def test_no_page_asks_for_a_word_that_is_not_there() -> None:
    asked = set()
    for template in PAGES.glob("*.html"):
        text = template.read_text(encoding="utf-8")
        asked |= set(re.findall(r"""\bt\(\s*["']([a-z_]+)["']""", text))
        asked |= {
            f"{key}_{n}" for key in re.findall(r"\bcount\(\"([a-z_]+)\"", text) for n in ("one", "many")
        }
    asked |= {f"{family}_{name}" for family, names in FAMILIES.items() for name in names}
    asked -= {f"{family}_" for family in FAMILIES}
    assert asked - CATALOGUES["en"]["page"].keys() == set()


def test_what_customers_are_told_of_refusals_is_about_refusals_that_exist() -> None:
    assert app.pages.routes  # its imports bring every refusal that a page can meet
    assert CATALOGUES["en"]["refused"].keys() - Refusal.known.keys() == set()


@pytest.mark.parametrize(
    ("span", "english", "portuguese"),
    [
        (timedelta(days=2, hours=23), "2 days", "2 dias"),
        (timedelta(days=17), "17 days", "17 dias"),
        (timedelta(hours=47, minutes=59), "47 hours", "47 horas"),
        (timedelta(minutes=119), "119 minutes", "119 minutos"),
        (timedelta(seconds=119), "1 minute", "1 minuto"),
        (timedelta(seconds=-5), "0 minutes", "0 minutos"),
    ],
)
def test_a_span_is_never_told_longer_than_it_is(span: timedelta, english: str, portuguese: str) -> None:
    assert (span_text(span, "en_GB"), span_text(span, "pt_PT")) == (english, portuguese)
