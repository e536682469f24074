"""Settings: read once, refused as a whole with every problem, and never half right."""

from pathlib import Path

import pydantic
import pytest

from app.settings import SettingsError, read_settings

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of this machine and no .env file."""
    monkeypatch.chdir(tmp_path)
    for name in ("DATABASE_URL", "PORT", "LASTLAP_SECRET", "LASTLAP_DEMO"):
        monkeypatch.delenv(name, raising=False)


def problems() -> list[str]:
    with pytest.raises(SettingsError) as refused:
        read_settings()
    return str(refused.value).splitlines()


def test_everything_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "PORT": "99999",
        "DATABASE_URL": "mysql://root@localhost/x",
        "LASTLAP_PUBLIC_URL": "shop.example",
        "LASTLAP_LOG_LEVEL": "loud",
        "LASTLAP_PLAN_DAYS": "many",
        "LASTLAP_SMPT_HOST": "mail.example",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    said = problems()
    assert {line.split(":")[0] for line in said} == {*wrong, "LASTLAP_SECRET"}
    assert "LASTLAP_SMPT_HOST: there is no such setting" in said
    assert "DATABASE_URL: use sqlite:///FILE or postgresql://USER@HOST/NAME" in said


def test_a_deployment_needs_a_secret_and_a_demo_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert problems() == ["LASTLAP_SECRET: set at least 32 random characters; they sign customers' links"]
    assert read_settings(demo=True).demo
    monkeypatch.setenv("LASTLAP_SECRET", SECRET[:31])
    assert len(problems()) == 1
    monkeypatch.setenv("LASTLAP_SECRET", SECRET)
    assert not read_settings().demo


def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LASTLAP_SECRET", SECRET)
    monkeypatch.setenv("LASTLAP_SMTP_PASSWORD", "open sesame")
    shown = repr(read_settings())
    assert SECRET not in shown
    assert "sesame" not in shown


def test_our_own_name_wins_over_the_platforms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "5000")
    monkeypatch.setenv("DATABASE_URL", "postgresql://platform/db")
    monkeypatch.setenv("LASTLAP_DATABASE_URL", "sqlite:///ours.db")
    settings = read_settings(demo=True)
    assert (settings.port, settings.database_url) == (5000, "sqlite:///ours.db")


def test_a_file_of_settings_is_read_and_the_environment_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(f"LASTLAP_SECRET={SECRET}\nLASTLAP_PORT=8100\nLASTLAP_LOG_LEVEL=debug\n")
    monkeypatch.setenv("LASTLAP_PORT", "8200")
    settings = read_settings()
    assert (settings.port, settings.log_level) == (8200, "DEBUG")


def test_settings_cannot_be_changed_afterwards() -> None:
    settings = read_settings(demo=True)
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        settings.port = 1


def test_links_lead_to_where_customers_reach_us() -> None:
    assert read_settings(demo=True, port=8123).base_url == "http://127.0.0.1:8123"
    assert read_settings(demo=True, public_url="https://shop.example/").base_url == "https://shop.example"


def test_the_example_file_names_real_settings(tmp_path: Path) -> None:
    example = (Path(__file__).parents[1] / ".env.example").read_text(encoding="utf-8")
    (tmp_path / ".env").write_text(example.replace("LASTLAP_SECRET=", f"LASTLAP_SECRET={SECRET}"))
    assert read_settings().database_url == "sqlite:///var/lastlap.db"
    for line in example.splitlines():
        if "=" in line:
            assert line.split("=")[0].removeprefix("LASTLAP_").lower() in type(read_settings()).model_fields
