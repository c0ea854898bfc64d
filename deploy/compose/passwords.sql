-- The passwords of the roles of `deploydb db roles`, from the files of /run/passwords. For psql, as a superuser.
\set ON_ERROR_STOP 1
\set ingest `cat /run/passwords/ingest`
\set promote `cat /run/passwords/promote`
\set relay `cat /run/passwords/relay`
\set verify `cat /run/passwords/verify`
\set notify `cat /run/passwords/notify`
\set orchestrate `cat /run/passwords/orchestrate`
\set web `cat /run/passwords/web`
\set operator `cat /run/passwords/operator`
BEGIN;
ALTER ROLE deploydb_ingest PASSWORD :'ingest';
ALTER ROLE deploydb_promote PASSWORD :'promote';
ALTER ROLE deploydb_relay PASSWORD :'relay';
ALTER ROLE deploydb_verify PASSWORD :'verify';
ALTER ROLE deploydb_notify PASSWORD :'notify';
ALTER ROLE deploydb_orchestrate PASSWORD :'orchestrate';
ALTER ROLE deploydb_web PASSWORD :'web';
ALTER ROLE deploydb_operator PASSWORD :'operator';
COMMIT;
