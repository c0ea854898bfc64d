"""The deployer as a process: what `deploydb deployer` starts."""

import json
import os
import re
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import click
import msgspec

from deploydb.broker.open import open_inbound, open_outbound
from deploydb.broker.topology import command_queue
from deploydb.disk_space import require_room
from deploydb.private_files import narrow
from deploydb.settings import MAX_BODY_BYTES, Settings
from deploydb.telemetry import open_log

from .availability import BrokerPing
from .confirmed_publisher import ConfirmedPublisher
from .deployer import Deployer, DeployerOptions
from .loop import run
from .process import ended_clearly, process
from .run_journal import Runs
from .subprocess_runner import without_secrets


def run_deployer(given: str, settings: Settings) -> None:
    """Take commands until SIGTERM. `given`: `DeployerOptions` in JSON. Raises: Misconfigured; click.UsageError."""
    options = _parsed(given)
    name = f"deployer-{options.orchestrator}"
    log = open_log(settings.log_level, name=name, secrets=settings.secrets)
    own = settings.data / f"{re.sub(r'[^A-Za-z0-9._-]', '_', name)}.db"
    path = Path(options.state) if options.state is not None else own
    with (
        ended_clearly("deployer", log),
        process(log, name="deployer", host=options.host, port=options.port, secrets=settings.secrets) as around,
        Runs(path) as runs,
        ExitStack() as stack,
    ):
        if options.state is None and not narrow(settings.data):
            log.warning("the data folder is open to other users, and not for DeployDB alone", data=str(settings.data))
        worker = Deployer(
            options,
            around,
            runs=runs,
            # what it cannot run now is for other deployers of the queue
            open_inbound=lambda: open_inbound(
                settings.broker_url,
                command_queue(options.orchestrator),
                name=name,
                prefetch=options.concurrency,
                body_bytes=MAX_BODY_BYTES,
            ),
            publisher=ConfirmedPublisher(lambda: open_outbound(settings.broker_url, name=name)),
            environment=without_secrets(os.environ, passed=options.pass_env),
            out=click.echo,
            err=lambda line: click.echo(line, err=True),
        )
        stack.callback(worker.close)
        broker = BrokerPing(lambda: open_outbound(settings.broker_url, name=f"{name}-health"))
        around.health.check("broker", broker)
        around.health.check("disk", partial(require_room, path.parent))
        around.deadline.not_while(lambda: worker.busy)
        queue = command_queue(options.orchestrator)
        log.info("taking commands", queue=queue, concurrency=options.concurrency, state=str(path))
        run(
            worker,
            signals=around.signals,
            retry_policy=around.retry_policy,
            log=log,
            reloading=around.service_manager.reloading,
        )


def _parsed(given: str) -> DeployerOptions:
    try:
        # json: arguments may hold bytes that are no UTF-8; not strict: durations are seconds
        return msgspec.convert(json.loads(given), DeployerOptions, strict=False)
    except (ValueError, msgspec.ValidationError) as error:
        raise click.UsageError(f"the deployer's options are broken ({error}): run `deploydb deployer`") from error
