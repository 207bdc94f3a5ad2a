-- The default is for tenants that the program of before makes during an upgrade; two random UUIDs have 244 random bits.
alter table tenants add column cursor_key bytea not null
    default decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex');
comment on column tenants.cursor_key is '32 random bytes that seal the cursors of the tenant. Secret.';
