-- Of `deploydb db roles`. Run it as the tables' owner, after each `deploydb db migrate`.
BEGIN;
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
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO deploydb_ingest, deploydb_promote, deploydb_relay, deploydb_verify, deploydb_notify, deploydb_orchestrate, deploydb_query, deploydb_gateway, deploydb_web, deploydb_operator', current_database());
END $$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO deploydb_ingest, deploydb_promote, deploydb_relay, deploydb_verify, deploydb_notify, deploydb_orchestrate, deploydb_query, deploydb_gateway, deploydb_web, deploydb_operator;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM deploydb_ingest, deploydb_promote, deploydb_relay, deploydb_verify, deploydb_notify, deploydb_orchestrate, deploydb_query, deploydb_gateway, deploydb_web, deploydb_operator;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO deploydb_ingest, deploydb_promote, deploydb_relay, deploydb_verify, deploydb_notify, deploydb_orchestrate, deploydb_query, deploydb_gateway, deploydb_web, deploydb_operator;
GRANT INSERT, UPDATE ON approval, artifact, attestation, deployment, hold, hotfix, incident, promotion_request, retry_request, revision, rollback_request, verification TO deploydb_ingest;
GRANT INSERT, DELETE ON correlation, publication, unmatched_fact TO deploydb_ingest;
GRANT INSERT ON evaluation_request, event, outbox TO deploydb_ingest;
GRANT INSERT, UPDATE, DELETE ON ingest_watermark TO deploydb_ingest;
GRANT INSERT, UPDATE ON approval, artifact, attestation, catalog_listing, current_version, deployment, event, hold, hotfix, incident, live_interval, promotion_request, retry_request, revision, rollback_request, service_schedule, verdict, verification TO deploydb_promote;
GRANT INSERT, DELETE ON command_queue, correlation, environment_name, publication, wanted_notification TO deploydb_promote;
GRANT INSERT ON configuration_file, external_check, flow, live_status, outbox TO deploydb_promote;
GRANT INSERT, UPDATE, DELETE ON evaluation_request, unmatched_fact TO deploydb_promote;
GRANT UPDATE ON command_queue, outbox TO deploydb_relay;
GRANT INSERT, UPDATE ON revision TO deploydb_relay;
GRANT UPDATE ON external_check TO deploydb_verify;
GRANT INSERT ON outbox TO deploydb_verify;
GRANT INSERT, UPDATE, DELETE ON webhook_delivery TO deploydb_notify;
GRANT INSERT, UPDATE ON webhook_endpoint TO deploydb_notify;
GRANT INSERT, UPDATE, DELETE ON orchestrator_run TO deploydb_orchestrate;
GRANT INSERT ON outbox TO deploydb_orchestrate;
GRANT UPDATE ON webhook_delivery TO deploydb_operator;
GRANT INSERT, UPDATE ON webhook_endpoint TO deploydb_operator;
COMMIT;
