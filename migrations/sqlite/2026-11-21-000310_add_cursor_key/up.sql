-- A column that is added has a constant default; the program reads no key that is shorter than 32 bytes.
alter table tenants add column cursor_key blob not null default x'';
update tenants set cursor_key = randomblob(32);
