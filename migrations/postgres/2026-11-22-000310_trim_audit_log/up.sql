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
-- Beside those of a deleted tenant, only rows before the beginning may go, and none that is younger than a month, whatever
-- the server says.
create or replace function remove_records(room bigint) returns bigint language plpgsql security definer as $body$
declare
    own constant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
    base constant bigint := (select max(seq) from audit_bases where tenant_id = own);
    month constant timestamptz := now() - interval '30 days';
    gone bigint;
    more bigint;
begin
    if exists (select 1 from tenants where id = own and state = 'deleted') then
        delete from changes
        where tenant_id = own and seq <= (
            select max(seq) from (select seq from changes where tenant_id = own order by seq limit room) oldest);
        get diagnostics gone = row_count;
        if gone < room then
            delete from audit_log
            where tenant_id = own and at <= (
                select max(at) from (select at from audit_log where tenant_id = own order by at limit room - gone) oldest);
            get diagnostics more = row_count;
            gone := gone + more;
        end if;
        if gone < room then
            delete from audit_bases where tenant_id = own;
            get diagnostics more = row_count;
            gone := gone + more;
        end if;
        return gone;
    end if;
    delete from audit_log
    where tenant_id = own and at < month and (seq is null or seq <= base) and base is not null and at <= (
        select max(at) from (
            select at from audit_log
            where tenant_id = own and at < month and (seq is null or seq <= base)
            order by at limit room) oldest);
    get diagnostics gone = row_count;
    return gone;
end $body$;
comment on function remove_records is 'Removes about so many records of the tenant of the transaction, if it is deleted, or else from before the beginning of its audit log, and gives how many.';
do $$ begin
    execute format('alter function remove_records set search_path = %I, pg_temp', current_schema());
end $$;

do $$ begin if exists (select 1 from pg_extension where extname = 'citus') then
    perform create_distributed_table('audit_bases', 'tenant_id', colocate_with => 'tenant_counters');
end if; end $$;
