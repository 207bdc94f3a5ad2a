create table mass_changes (
    tenant_id uuid not null,
    token_id uuid not null,
    kind text collate "C" not null,
    user_id uuid not null,
    at timestamptz not null,
    constraint mass_changes_pkey primary key (tenant_id, token_id, kind, user_id),
    constraint mass_changes_kind_check check (kind in ('counted', 'warned', 'held'))
);
comment on table mass_changes is 'Users from whom a token has lately taken access away, for the guard against mass changes; written under the lock of the tenant''s counter.';
comment on column mass_changes.kind is 'counted: the user was deactivated or deleted; warned: with this user the limit was passed while the guard was off; held: this one was refused, and the token is held until it is released.';
comment on column mass_changes.user_id is 'A resource or its tombstone.';
comment on column mass_changes.at is 'When it happened last.';
create index mass_changes_at_idx on mass_changes (tenant_id, token_id, kind, at);

alter table mass_changes add constraint mass_changes_tenant_fkey foreign key (tenant_id) references tenants (id);

alter table mass_changes enable row level security;
alter table mass_changes force row level security;
create policy mass_changes_tenant on mass_changes
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);

do $$ begin if exists (select 1 from pg_extension where extname = 'citus') then
    perform create_distributed_table('mass_changes', 'tenant_id', colocate_with => 'tenant_counters');
end if; end $$;
