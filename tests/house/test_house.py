"""The house keeps its own rules: names, sizes, clocks, contracts, migrations, the error list."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

import app.cli
from app.database.engine import engine_for
from app.errors import Refusal
from app.migrate import downgrade, upgrade
from app.tables import metadata
from tests.databases import fresh_postgres
from tests.postgres import Cluster

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "app").rglob("*.py"), *(ROOT / "schema").rglob("*.py")])
FORBIDDEN_NAMES = {
    "service",
    "services",
    "manager",
    "helper",
    "helpers",
    "utils",
    "common",
    "misc",
    "base",
    "flows",
}
# Edges where a clock or chance may enter: processes' own timers, keys and log lines.
EDGES = {
    "app/main.py", "app/commands/keys.py", "app/database/runner.py", "schema/view.py", "app/allocation/solve/day.py",
    "app/allocation/solve/fortnight.py", "app/allocation/solve/routes.py", "app/pages/shop.py", "app/pages/checkout.py",
}  # fmt: skip
CLOCKS = re.compile(
    r"datetime\.now|utcnow|time\.time\(|time\.monotonic|time\.perf_counter|time\.sleep|uuid4\(|secrets\."
)


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_no_file_has_a_name_that_refuses_nothing() -> None:
    assert [name(p) for p in SOURCES if p.stem in FORBIDDEN_NAMES] == []


def test_files_and_functions_stay_small() -> None:
    large = []
    for path in SOURCES:
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > 400:
            large.append(name(path))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or 0) - node.lineno + 1
                if length > 60:
                    large.append(f"{name(path)}:{node.name} ({length})")
    assert large == []


def test_every_module_and_public_function_says_what_it_is() -> None:
    silent = []
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if not ast.get_docstring(tree):
            silent.append(name(path))
        silent += [
            f"{name(path)}:{node.name}"
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            and not node.name.startswith("_")
            and not ast.get_docstring(node)
        ]
    assert silent == []


def test_clocks_and_chance_enter_at_the_edges_only() -> None:
    found = [
        name(p) for p in SOURCES if CLOCKS.search(p.read_text(encoding="utf-8")) and name(p) not in EDGES
    ]
    assert found == []


def test_rows_have_no_relationships_and_tests_no_mocks() -> None:
    assert [name(p) for p in SOURCES if "Relationship(" in p.read_text(encoding="utf-8")] == []
    tests = (ROOT / "tests").rglob("*.py")
    mocked = [
        name(p) for p in tests if re.search(r"^(import|from) (unittest\.)?mock", p.read_text(), re.MULTILINE)
    ]
    assert mocked == []


def test_every_refusal_is_listed_with_its_sentence() -> None:
    assert app.cli  # this import brings every room's refusals
    refused, requests = (ROOT / "docs/errors.md").read_text(encoding="utf-8").split("## Of requests")
    listed, of_requests = (set(re.findall(r"^\| `([A-Z_]+)` \|", part, re.M)) for part in (refused, requests))
    known = {code for code, kind in Refusal.known.items() if kind.__module__.startswith(("app.", "schema."))}
    assert known - listed == set(), "run: python -m tests.house.errors_page"
    assert listed - known == set(), "run: python -m tests.house.errors_page"
    given = {
        code
        for file in (*(ROOT / "schema").glob("*.py"), ROOT / "app/main.py")
        for code in re.findall(
            r"""(?:Unanswerable\(\d+, |"code": |_error\([^()]*, )"([A-Z_]{4,})\"""",
            file.read_text(encoding="utf-8"),
        )
    }
    assert given - known == of_requests, "write them into tests/house/errors_page.py"


@pytest.mark.parametrize("engine_name", ["sqlite", "postgresql"])
def test_migrations_make_the_tables_of_the_models_and_can_be_undone(
    engine_name: str, tmp_path: Path, postgres: Cluster | None
) -> None:
    url = f"sqlite:///{tmp_path / 'migrated.db'}"
    if engine_name == "postgresql":
        if postgres is None:
            pytest.skip("NO POSTGRESQL ON THIS MACHINE")
        url = fresh_postgres(postgres, tables=False)
    upgrade(url)
    engine = engine_for(url)
    with engine.connect() as conn:
        assert compare_metadata(MigrationContext.configure(conn), metadata) == []
    engine.dispose()
    downgrade(url, "base")
    upgrade(url)


def test_imports_go_down_only() -> None:
    linted = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.returncode == 0, linted.stdout


def test_no_package_registry_is_named() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    hosts = re.compile(
        r"py" r"pi\.org|pythonhosted|registry\.npm" r"js|--index-" r"url|--extra-index-" r"url"
    )
    others = [
        line for line in tracked.splitlines() if (ROOT / line) != Path(__file__) and (ROOT / line).is_file()
    ]
    texts = {line: (ROOT / line).read_text(encoding="utf-8", errors="ignore") for line in others}
    assert [line for line, text in texts.items() if hosts.search(text)] == []
