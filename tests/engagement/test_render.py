"""Messages say what they should, in every language, and a template can do no harm."""

import pytest
from jinja2 import TemplateError

from app.engagement.facts import BookingConfirmedFacts
from app.engagement.render import fill, languages, lint, render

SAMPLE = BookingConfirmedFacts.sample().as_context()


@pytest.mark.parametrize("locale", languages("booking_confirmed"))
def test_every_language_says_everything_and_escapes_names(locale: str) -> None:
    message = render("booking_confirmed", locale, SAMPLE)
    assert SAMPLE["window"] in message.subject
    for name in ("customer_name", "window", "place", "handover", "fee", "booking_code", "booking_url"):
        assert str(SAMPLE[name]) in message.text, name
    assert "Ana &lt;Lima&gt;" in message.html
    assert "<Lima>" not in message.html
    assert "{{" not in message.html


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
