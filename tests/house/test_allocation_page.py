"""docs/allocation.md links every formula to the code that states it: what it names is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "allocation.md"
LINK = re.compile(r"\[`([\w.]+)`\]\(\.\./([\w/]+\.py)\)")


def test_every_name_that_a_formula_is_linked_to_is_in_its_file() -> None:
    links = LINK.findall(PAGE.read_text(encoding="utf-8"))
    assert len(links) > 30
    for name, file in links:
        source = (ROOT / file).read_text(encoding="utf-8")
        for part in name.split("."):
            assert re.search(rf"^\s*(?:def|class) {part}\b", source, re.MULTILINE), (name, file)


def test_every_row_of_the_days_model_stands_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    source = (ROOT / "app/allocation/solve/model.py").read_text(encoding="utf-8")
    called = re.findall(r"^        self\.(_\w+)\(\)$", source, re.MULTILINE)
    assert len(called) > 6
    assert [name for name in called if f"DayModel.{name}`" not in page] == []
