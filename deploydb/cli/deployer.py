"""`deploydb deployer`: a small orchestrator, for teams that have none."""

import json
import shutil
from typing import Any

import click

from deploydb.domain.model.errors import Misconfigured
from deploydb.processes import become


@click.command(short_help="Run a program for each deploy command.", context_settings={"ignore_unknown_options": False})
@click.option("--orchestrator", default="default", show_default=True, help="Whose commands, as environments name it.")
@click.option("--concurrency", type=click.IntRange(1, 1000), default=1, show_default=True, help="Runs side by side.")
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    metavar="SECONDS",
    help="Stop a run after so long, as a failure. It never runs past its command's deadline.",
)
@click.option(
    "--grace",
    type=click.FloatRange(0),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="On SIGTERM or Ctrl-C, how long to wait for what runs.",
)
@click.option(
    "--state",
    type=click.Path(dir_okay=False),
    help="What was run; one file a deployer. Default: deployer-ORCHESTRATOR.db in the data folder.",
)
@click.option(
    "--rerun-interrupted",
    is_flag=True,
    help="COMMAND may be repeated: run again what was running when the deployer died, do not report it failed.",
)
@click.option(
    "--pass-env",
    multiple=True,
    metavar="NAME",
    help="A variable DEPLOYDB_… or PG… that COMMAND gets from the deployer's environment; once for each.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Where --port listens.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Serve /metrics, /healthz and /readyz there; 0: any free one."
)
@click.argument("program", metavar="COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
def deployer(program: tuple[str, ...], **options: Any) -> None:  # noqa: ANN401  # by name, as the process reads them
    """Take the deploy commands of an orchestrator's queue, run COMMAND for each, and publish how it went.

    COMMAND finds what to do in its environment: DEPLOYDB_SERVICE, DEPLOYDB_ENVIRONMENT, DEPLOYDB_VERSION,
    DEPLOYDB_GROUP, DEPLOYDB_NAME, DEPLOYDB_ARTIFACT_URL, DEPLOYDB_DIGEST, DEPLOYDB_COMMIT, DEPLOYDB_PREVIOUS_VERSION,
    DEPLOYDB_TYPE (deploy or rollback), DEPLOYDB_REASON, DEPLOYDB_ATTEMPT, DEPLOYDB_DEADLINE, DEPLOYDB_DEPLOYMENT,
    DEPLOYDB_COMMAND_ID, and DEPLOYDB_MANIFEST (JSON: every artifact of the service at the version to run); the whole
    command is on its stdin as JSON. Exit code 0 means that the version runs there. Any other: it failed, and the last
    lines of output are kept as the reason.

    COMMAND gets none of the settings of DeployDB (DEPLOYDB_DATABASE_URL, DEPLOYDB_TOKEN …; DEPLOYDB_DATA excepted) and
    of PostgreSQL's client (PG…), unless --pass-env names them. When it ends, so does all that it left running in its
    session.

    A command that comes again is not run again. One that was running when the deployer died is reported as failed.

    \b
    Examples:
      deploydb deployer -- ./deploy.sh
      deploydb deployer --orchestrator kube --concurrency 4 -- helm-deploy --wait
    """
    if shutil.which(program[0]) is None:
        raise Misconfigured(f"cannot run {program[0]}: no such program, or it is not executable")
    become("deployer", json.dumps({"program": program, **options}))
