-- A token may have two secrets for a while, and says how it is used.
alter table api_tokens add column last_four text;
alter table api_tokens add column rotated_at text;
alter table api_tokens add column previous_digest blob;
alter table api_tokens add column previous_last_four text;
alter table api_tokens add column previous_expires_at text;
alter table api_tokens add column previous_used_at text;
alter table api_tokens add column last_used_at text;
alter table api_tokens add column last_used_address text;
alter table api_tokens add column last_used_agent text;
alter table api_tokens add column warned_days integer;
create unique index api_tokens_previous_digest_key on api_tokens (tenant_id, previous_digest)
    where previous_digest is not null;
