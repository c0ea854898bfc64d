-- Of `deploydb db roles`, for the owner of the database and its tables, after each `deploydb db migrate`.
BEGIN;
DO $$ BEGIN
  IF NOT (SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()) THEN
    RAISE EXCEPTION '% does not own the database %: run this as its owner', current_user, current_database();
  END IF;
END $$;
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'deploydb_ingest') THEN
    CREATE ROLE deploydb_ingest LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
  END IF;
END $$;
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'deploydb_promote') THEN
    CREATE ROLE deploydb_promote LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
  END IF;
END $$;
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'deploydb_relay') THEN
    CREATE ROLE deploydb_relay LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
  END IF;
END $$;
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'deploydb_verify') THEN
    CREATE ROLE deploydb_verify LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
  END IF;
END $$;
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'deploydb_notify') THEN
    CREATE ROLE deploydb_notify LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
  END IF;
END $$;
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'deploydb_orchestrate') THEN
    CREATE ROLE deploydb_orchestrate LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
  END IF;
END $$;
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'deploydb_query') THEN
    CREATE ROLE deploydb_query LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
  END IF;
END $$;
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'deploydb_gateway') THEN
    CREATE ROLE deploydb_gateway LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
  END IF;
END $$;
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'deploydb_web') THEN
    CREATE ROLE deploydb_web LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
  END IF;
END $$;
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'deploydb_operator') THEN
    CREATE ROLE deploydb_operator LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
  END IF;
END $$;
DO $$ BEGIN
  EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO deploydb_ingest, deploydb_promote, deploydb_relay, deploydb_verify, deploydb_notify, deploydb_orchestrate, deploydb_query, deploydb_gateway, deploydb_web, deploydb_operator', current_database());
END $$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO deploydb_ingest, deploydb_promote, deploydb_relay, deploydb_verify, deploydb_notify, deploydb_orchestrate, deploydb_query, deploydb_gateway, deploydb_web, deploydb_operator;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM deploydb_ingest, deploydb_promote, deploydb_relay, deploydb_verify, deploydb_notify, deploydb_orchestrate, deploydb_query, deploydb_gateway, deploydb_web, deploydb_operator;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO deploydb_ingest, deploydb_promote, deploydb_relay, deploydb_verify, deploydb_notify, deploydb_orchestrate, deploydb_query, deploydb_gateway, deploydb_web, deploydb_operator;
GRANT INSERT, UPDATE ON public.approval, public.artifact, public.attestation, public.deployment, public.hold, public.hotfix, public.incident, public.promotion_request, public.retry_request, public.revision, public.rollback_request, public.verification TO deploydb_ingest;
GRANT INSERT, DELETE ON public.correlation, public.publication, public.unmatched_fact TO deploydb_ingest;
GRANT INSERT ON public.evaluation_request, public.event, public.outbox TO deploydb_ingest;
GRANT INSERT, UPDATE, DELETE ON public.ingest_watermark TO deploydb_ingest;
GRANT INSERT, UPDATE ON public.approval, public.artifact, public.attestation, public.catalog_listing, public.current_version, public.deployment, public.hold, public.hotfix, public.incident, public.live_interval, public.promotion_request, public.retry_request, public.revision, public.rollback_request, public.service_schedule, public.verdict, public.verification TO deploydb_promote;
GRANT INSERT, DELETE ON public.command_queue, public.correlation, public.environment_name, public.publication, public.wanted_notification TO deploydb_promote;
GRANT INSERT ON public.configuration_file, public.event, public.external_check, public.flow, public.live_status, public.outbox TO deploydb_promote;
GRANT INSERT, UPDATE, DELETE ON public.evaluation_request, public.unmatched_fact TO deploydb_promote;
GRANT UPDATE (environment) ON public.event TO deploydb_promote;
GRANT UPDATE ON public.command_queue TO deploydb_relay;
GRANT INSERT, UPDATE ON public.dead_letter_queue, public.revision TO deploydb_relay;
GRANT UPDATE, DELETE ON public.outbox TO deploydb_relay;
GRANT UPDATE ON public.external_check TO deploydb_verify;
GRANT INSERT ON public.outbox TO deploydb_verify;
GRANT INSERT, UPDATE, DELETE ON public.webhook_delivery TO deploydb_notify;
GRANT INSERT, UPDATE ON public.webhook_endpoint TO deploydb_notify;
GRANT INSERT, UPDATE, DELETE ON public.orchestrator_run TO deploydb_orchestrate;
GRANT INSERT ON public.outbox TO deploydb_orchestrate;
GRANT UPDATE ON public.webhook_delivery TO deploydb_operator;
GRANT INSERT, UPDATE ON public.webhook_endpoint TO deploydb_operator;
COMMIT;
