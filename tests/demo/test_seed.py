"""The seed file: readable, complete, and when broken, everything that is wrong with it is said at once."""

from pathlib import Path

import pytest

from app.demo.seed import PORTO, BrokenSeed, read_seed


def broken(tmp_path: Path, *changes: tuple[str, str]) -> str:
    """What is said about the demo's seed with these replacements."""
    text = PORTO.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    file = tmp_path / "mine.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BrokenSeed) as refused:
        read_seed(file)
    return refused.value.message


def test_the_seed_of_the_demo_has_what_the_house_promises() -> None:
    seed = read_seed()
    assert [node.kind for node in seed.nodes] == ["WAREHOUSE"] + ["MICRO_FULFILMENT_CENTRE"] * 3
    assert {kind.kind for kind in seed.vehicle_classes} == {"VAN", "ELECTRIC_VAN", "CARGO_BIKE", "E_SCOOTER"}
    assert {premium.kind for premium in seed.premiums} == {"EVENING", "SATURDAY", "SUNDAY", "HOLIDAY"}
    assert {"centre", "inner", "outer"} == {ring.ring for ring in seed.traffic}
    hours = {(int(t.ends_local[:2]) - int(t.starts_local[:2])) for t in seed.templates}
    assert hours == {1, 2, 4}


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    said = broken(
        tmp_path,
        ("zones = 40", 'zones = "many"'),
        ('kind = "WAREHOUSE"', 'kind = "CASTLE"'),
        ("grams_per_km = 345.8", ""),
        ("[policy]", "[policies]"),
        ("per_customer = 3", "per_customer = 3\ncolour = 7"),
    )
    assert said.startswith("The seed file mine.toml does not work: ")
    for place in (
        "city.zones",
        "nodes.0.kind",
        "emission_factors.0.grams_per_km",
        "policy:",
        "policies",
        "promotions.1.colour",
    ):
        assert place in said


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('time_zone = "Europe/Lisbon"', 'time_zone = "Europe/Atlantis"', "city.time_zone"),
        ('emission_factor_id = "cargo_bike_pt@2024"', 'emission_factor_id = "magic"', "cargo_bike"),
        ("vehicles = { diesel_van = 10, electric_van = 12 }", "vehicles = { tank = 10 }", "depot"),
        ('cutoff = "same-day"', 'cutoff = "never"', "day-12"),
        ('starts_local = "08:00"', 'starts_local = "8 in the morning"', "templates.0.starts_local"),
        ('rrule = "FREQ=DAILY"', 'rrule = "FREQ=SOMETIMES"', "templates.0.rrule"),
        ("parking_s =   { night = 60, morning = 300,", "parking_s =   { night = 60,", "traffic.0.parking_s"),
        ('{ template = "day-08"', '{ template = "day-99"', "day-99"),
        ('node = "mfc-bolhao"', 'node = "mfc-nowhere"', "pick_waves.1.node"),
        ('pick_by = "15:00"', 'pick_by = "25:00"', "pick_waves.0.pick_by"),
        ('mode = "SAFE_PLACE"', 'mode = "ROOF"', "handover.1.mode"),
        ("wage_minor_per_h = 1700", "wage_minor_per_hour = 1700", "wage"),
        ("base_minor = 290", 'base_minor = "cheap"', "fees.base_minor"),
        ("hold_min = 60", "hold_min = 60\nnonsense = 1", "policy.nonsense"),
        ("margin_minor = 950", "margin = 950", "planning.margin"),
        ('currency = "EUR"\nlocale', 'currency = "XXX"\nlocale', "storefront.currency"),
        ("speed_kmh = 28", "speed_kmh = 0", "vehicle_classes.0.speed_kmh"),
    ],
)
def test_what_does_not_fit_together_is_named_by_its_place(
    tmp_path: Path, old: str, new: str, place: str
) -> None:
    assert place in broken(tmp_path, (old, new))


@pytest.mark.parametrize(
    ("content", "why"), [("city = [", "Invalid"), ("", "city: field required"), ("\x00", "Invalid")]
)
def test_a_file_that_is_no_seed_is_named(tmp_path: Path, content: str, why: str) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(BrokenSeed, match=why):
        read_seed(file)
    with pytest.raises(BrokenSeed, match=r"nowhere\.toml does not work: there is no such file"):
        read_seed(tmp_path / "nowhere.toml")
