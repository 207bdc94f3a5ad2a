create table audit_bases (
    tenant_id uuid not null,
    seq bigint not null,
    hash bytea not null,
    at timestamptz not null,
    constraint audit_bases_pkey primary key (tenant_id, seq)
);
comment on table audit_bases is 'Behind which row the audit log of a tenant begins, once old rows were removed. Rows are only added, so the beginning only moves forward.';
comment on column audit_bases.seq is 'Place of the last row that may go; the largest one counts.';
comment on column audit_bases.hash is 'Hash of that row: what the chain goes on from.';

alter table audit_bases add constraint audit_bases_tenant_fkey foreign key (tenant_id) references tenants (id);

alter table audit_bases enable row level security;
alter table audit_bases force row level security;
create policy audit_bases_tenant on audit_bases
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);
create policy audit_bases_kept on audit_bases as restrictive for delete
    using (exists (select 1 from tenants where tenants.id = audit_bases.tenant_id and tenants.state = 'deleted'));

-- Beside those of a deleted tenant, only rows before the beginning may go, and none that is younger than a month,
-- whatever the server says.
drop policy audit_log_kept on audit_log;
create policy audit_log_kept on audit_log as restrictive for delete
    using (exists (select 1 from tenants where tenants.id = audit_log.tenant_id and tenants.state = 'deleted')
        or (audit_log.at < now() - interval '30 days'
            and coalesce(audit_log.seq, 0)
                <= (select max(b.seq) from audit_bases b where b.tenant_id = audit_log.tenant_id)));

do $$ begin if exists (select 1 from pg_extension where extname = 'citus') then
    perform create_distributed_table('audit_bases', 'tenant_id', colocate_with => 'tenant_counters');
end if; end $$;
