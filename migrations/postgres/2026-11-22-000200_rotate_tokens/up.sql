-- A token may have two secrets for a while, and says how it is used.
alter table api_tokens add column last_four text;
alter table api_tokens add column rotated_at timestamptz;
alter table api_tokens add column previous_digest bytea;
alter table api_tokens add column previous_last_four text;
alter table api_tokens add column previous_expires_at timestamptz;
alter table api_tokens add column previous_used_at timestamptz;
alter table api_tokens add column last_used_at timestamptz;
alter table api_tokens add column last_used_address text;
alter table api_tokens add column last_used_agent text;
alter table api_tokens add column warned_days bigint;
create unique index api_tokens_previous_digest_key on api_tokens (tenant_id, previous_digest)
    where previous_digest is not null;
comment on column api_tokens.last_four is 'The last characters of the secret, by which people know it; null in rows of programs that did not keep them.';
comment on column api_tokens.rotated_at is 'When the secret was last replaced.';
comment on column api_tokens.previous_digest is 'The secret before this one, good until previous_expires_at.';
comment on column api_tokens.previous_used_at is 'When the secret before this one was last used since it was replaced.';
comment on column api_tokens.last_used_at is 'Written some seconds later, apart from the request.';
comment on column api_tokens.last_used_agent is 'What the client called itself, at most 256 characters.';
comment on column api_tokens.warned_days is 'The nearest end, in days, of which the audit log has told.';
