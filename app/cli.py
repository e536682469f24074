"""The operator's door: what `lastlap` can be told."""

from __future__ import annotations

import typer

from app.commands import assigning, city, demo, forecasting, keys, planning, running, simulation, touring

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
for command in (
    demo.demo,
    running.serve,
    running.work,
    running.migrate,
    forecasting.forecast,
    planning.plan,
    touring.tours,
    assigning.assign,
    simulation.simulate,
    running.doctor,
):
    app.command()(command)

city_app = typer.Typer(no_args_is_help=True, help="Cities.")
city_app.command("import")(city.import_city)
app.add_typer(city_app, name="city")

streets_app = typer.Typer(no_args_is_help=True, help="Street times.")
streets_app.command("build")(touring.build_streets)
app.add_typer(streets_app, name="streets")

keys_app = typer.Typer(no_args_is_help=True, help="API keys.")
keys_app.command("issue")(keys.issue)
keys_app.command("revoke")(keys.revoke)
app.add_typer(keys_app, name="keys")


if __name__ == "__main__":
    app()
