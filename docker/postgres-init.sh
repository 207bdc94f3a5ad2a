#!/bin/sh
# Runs once, when the volume of the database is empty. Makes the database and its three roles: the owner, who
# migrates; rollcall_server, whose rights `rollcall migrate` sets; and the login of the server, which has those rights
# and no others, so that row-level security binds it.
set -eu
psql --set=ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set=owner_password="$ROLLCALL_OWNER_PASSWORD" --set=app_password="$ROLLCALL_APP_PASSWORD" <<'SQL'
create role rollcall_server nologin nosuperuser nobypassrls nocreatedb nocreaterole;
create role rollcall_owner login password :'owner_password' in role rollcall_server;
create role rollcall_app login password :'app_password' in role rollcall_server;
create database rollcall owner rollcall_owner;
revoke connect, temporary on database rollcall from public;
grant connect on database rollcall to rollcall_app;
SQL
