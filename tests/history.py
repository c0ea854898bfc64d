"""A long past, written straight into PostgreSQL: flows that are over, and the log that says so."""

from datetime import datetime

import psycopg

EVENTS_OF_A_FLOW = 25
"""On five environments: what is published, commanded, reported, judged and told in the log."""


def fill(
    database_url: str, *, ends_at: datetime, services: int, events: int, environments: tuple[str, ...] = ("dev", "prod")
) -> None:
    """So many events, about flows of `s0`, `s1`… (module `com.example:s0`…) that went through all environments.

    The flows began one after the other in the 400 days before `ends_at`; what runs is each service's last one.
    Analysed.
    """
    flows = events // EVENTS_OF_A_FLOW
    given = {
        "ends_at": ends_at,
        "flows": flows,
        "services": services,
        "events": events,
        "environments": list(environments),
        "passed": '{"code":"jobs_passed","reports":[{"job":"smoke"}]}',
        "verified": '{"code":"gates_passed","reasons":[{"code":"jobs_passed","reports":[{"job":"smoke"}]}]}',
        "step": f"{400 * 86400 / max(flows, 1)} seconds",
    }
    with psycopg.connect(database_url, autocommit=True) as connection:
        for statement in _STATEMENTS:
            connection.execute(statement, given)
        connection.execute("VACUUM ANALYZE")


_STATEMENTS = (
    r"""
    INSERT INTO artifact (module_key, version, "group", name, commit, published_at, published_by, source, event_id,
                          created_at)
    SELECT left(encode(sha256('com.example'::bytea || '\x00'::bytea ||
                              convert_to('s' || (flow %% %(services)s::int), 'UTF8')), 'hex'), 32),
           '0.' || flow, 'com.example', 's' || (flow %% %(services)s::int),
           md5(flow::text) || '01234567',
           %(ends_at)s::timestamptz - interval '400 days' + flow * %(step)s::interval, 'ci', 'ci',
           'past-' || flow, %(ends_at)s::timestamptz
    FROM generate_series(0, %(flows)s::int - 1) AS flow
    """,
    """
    INSERT INTO flow (service, artifact_id, created_at) SELECT name, id, published_at FROM artifact ORDER BY id
    """,
    """
    INSERT INTO deployment (flow_id, service, environment, artifact_id, version, kind, stage_index, status,
    status_reason,
                            created_at, happened_at, command, requested_at, deadline, result, needs_evaluation, live_at,
                            decided_at, finished_at, finished_source, finished_event, outcome)
    SELECT flow.id, flow.service, environment, artifact.id, artifact.version, 'deploy', stage_index, 'SUCCESS',
           %(verified)s::jsonb, published_at, published_at, gen_random_uuid()::text, published_at,
           published_at + interval '1 hour',
           'SUCCESS', false, done_at, done_at, done_at, 'cd', gen_random_uuid()::text, 'succeeded'
    FROM flow JOIN artifact ON artifact.id = flow.artifact_id,
         unnest(%(environments)s::text[]) WITH ORDINALITY AS stage (environment, stage_index),
         LATERAL (SELECT published_at + stage_index * interval '1 minute' AS done_at) AS told
    ORDER BY flow.id, stage_index
    """,
    """
    INSERT INTO verdict (deployment_id, promotion, phase, outcome, reason, inputs, decided_at, created_at)
    SELECT id, 'smoke', 'exit', 'PASS', %(passed)s::jsonb, '[]', finished_at, created_at FROM deployment
    """,
    """
    INSERT INTO live_interval (deployment_id, service, environment, module_key, artifact_id, published_at, live_at,
    known_at,
                        result, result_at)
    SELECT deployment.id, service, environment, module_key, artifact.id, published_at, live_at, live_at, 'SUCCESS',
           live_at
    FROM deployment JOIN artifact ON artifact.id = artifact_id
    """,
    """
    INSERT INTO current_version (service, environment, module_key, module, deployment_id, artifact_id, version,
    published_at,
                         live_at, previous_version, previous_live_at)
    SELECT DISTINCT ON (service, environment, module_key) service, environment, live_interval.module_key,
           "group" || ':' || name, deployment_id, artifact_id, version, live_interval.published_at, live_at,
           lag(version) OVER lane, lag(live_at) OVER lane
    FROM live_interval JOIN artifact ON artifact.id = artifact_id
    WINDOW lane AS (PARTITION BY service, environment, live_interval.module_key ORDER BY live_at)
    ORDER BY service, environment, module_key, live_at DESC
    """,
    """
    INSERT INTO event (source, id, type, time, recorded_at, service, environment, who, body)
    SELECT 'cd', 'past-' || number,
           CASE WHEN number %% 1000 = 7 THEN 'approval.given' WHEN number %% 5 = 0 THEN 'verdict.changed'
                ELSE 'deployment.finished' END,
           %(ends_at)s::timestamptz - interval '400 days' + number / 25 * %(step)s::interval,
           %(ends_at)s::timestamptz - interval '400 days' + number / 25 * %(step)s::interval,
           's' || (number / 25 %% %(services)s::int),
           (%(environments)s::text[])[1 + number / 5 %% cardinality(%(environments)s::text[])],
           CASE WHEN number %% 1000 = 7 THEN 'alice' END,
           jsonb_build_object('type', 'deployment.finished', 'id', 'past-' || number, 'source', 'cd',
                              'deployment', number / 5 + 1, 'outcome', 'succeeded')
    FROM generate_series(0, %(events)s::int - 1) AS number
    """,
)
