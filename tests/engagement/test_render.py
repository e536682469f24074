"""Messages say what they should, in every language, and a template can do no harm."""

import pytest
from jinja2 import TemplateError

from app.engagement.facts import FACTS, BookingConfirmedFacts
from app.engagement.letters import LETTERS
from app.engagement.render import TEMPLATES, fill, languages, lint, render
from app.values.wording import LANGUAGES

SAMPLE = BookingConfirmedFacts.sample().as_context()


MESSAGES = [(name, locale) for name in FACTS for locale in languages(name)]
# What a message need not repeat: a cancelled delivery has no handover, a free one no fee.
QUIET = {
    "booking_cancelled": {"handover", "vehicle", "grams", "change_until", "booking_url", "fee_parts", "owed"},
    "booking_confirmed": {"fee_parts"},
    "booking_moved": {"fee_parts"},
    "booking_narrowed": {"fee_parts"},
    # Past the cut-off there is nothing left to change.
    "booking_placed": {"fee_parts", "change_until"},
    "repromise": {
        "order_reference",
        "place",
        "handover",
        "fee",
        "fee_parts",
        "grams",
        "vehicle",
        "change_until",
        "booking_url",
    },
}


@pytest.mark.parametrize(("name", "locale"), MESSAGES)
def test_every_language_says_everything_and_escapes_names(name: str, locale: str) -> None:
    sample = FACTS[name].sample().as_context()
    message = render(name, locale, sample)
    assert sample["window"] in message.subject
    for field, value in sample.items():
        said = value if isinstance(value, tuple) else (value,)
        assert field in QUIET.get(name, set()) or all(str(one) in message.text for one in said), field
    assert "Ana &lt;Lima&gt;" in message.html
    assert "<Lima>" not in message.html
    assert "{{" not in message.html


def test_every_message_is_shipped_in_every_language() -> None:
    assert {folder.name for folder in TEMPLATES.iterdir()} == set(FACTS) == set(LETTERS)
    assert {languages(name) for name in FACTS} == {LANGUAGES}


def test_a_language_that_is_not_shipped_falls_back() -> None:
    assert render("booking_confirmed", "pt_BR", SAMPLE).locale == "pt"
    assert render("booking_confirmed", "fi", SAMPLE).locale == "en"


@pytest.mark.parametrize(
    "source",
    [
        "{{ custmer }}",
        "{% include 'x' %}",
        "{% macro a() %}{% endmacro %}",
        "{{ place.upper() }}",
        "{% for a in fee_parts %}{% for b in fee_parts %}{% endfor %}{% endfor %}",
        "{% set x = 1 %}",
        "{{ " + "(" * 9000 + "1" + ")" * 9000 + " }}",
        "{{ unclosed",
        "{{ place|pprint }}",
        "x" * 60_000,
    ],
)
def test_what_a_template_may_not_do_is_named(source: str) -> None:
    assert lint(source, set(SAMPLE))


@pytest.mark.parametrize("source", ["{{ 'x' * 100000000 }}", "{{ ''.__class__ }}", "{{ 9 ** 9 }}"])
def test_what_slips_through_fails_when_it_is_rendered(source: str) -> None:
    with pytest.raises(TemplateError):
        fill(source, SAMPLE, html=False)
