"""`deploydb dora`: deployment frequency, lead time, change failure rate, time to restore."""

from datetime import timedelta

import click

from deploydb.cli.client import Body, ask
from deploydb.cli.output import is_shown, output_option, show_table
from deploydb.domain.gates.formatting import in_words


@click.command()
@click.option("--service", metavar="NAME", help="Of this service only.")
@click.option("--environment", metavar="NAME", help="What counts as production; by default each service's last stages.")
@click.option("--window", metavar="TIME", default="30d", show_default=True, help="How far back: 12h, 90d, 8w.")
@output_option
def dora(service: str | None, environment: str | None, window: str, output: str) -> None:
    """The four figures of DORA: deployment frequency, lead time, change failure rate, recovery time.

    Each with the number of samples that it is made from, what was left out, and what it means.

    \b
    Examples:
      deploydb dora
      deploydb dora --service storefront --window 90d
    """
    body = ask("dora", service=service, environment=environment, window=window)
    if is_shown(output, body, lambda: ("frequency", "leadTime", "failureRate", "recovery")):
        return
    frequency, failures = body["frequency"], body["failureRate"]
    rows = [
        ["deployment frequency", _figure(frequency["value"], "{:.2f} a day"), *_samples(frequency)],
        ["lead time", _spread(body["leadTime"]), *_samples(body["leadTime"])],
        ["change failure rate", _figure(failures["value"], "{:.0%}"), *_samples(failures)],
        ["recovery time", _spread(body["recovery"]), *_samples(body["recovery"])],
    ]
    click.echo(
        f"In {', '.join(body['environments']) or 'no environment'}, {body['since'][:10]} to {body['until'][:10]}:\n"
    )
    show_table(["FIGURE", "VALUE", "SAMPLES", "LEFT OUT", "MEANS"], rows, empty="")


def _samples(figure: Body) -> tuple[str, str, str]:
    left = ", ".join(f"{one['count']} {one['why']}" for one in figure["excluded"])
    return str(figure["samples"]), left, figure["definition"]


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _spread(figure: Body) -> str:
    if figure["p50"] is None:
        return "-"
    return f"p50 {_lasting(figure['p50'])}, p90 {_lasting(figure['p90'])}"


def _lasting(seconds: float) -> str:
    return in_words(timedelta(seconds=int(seconds)))
