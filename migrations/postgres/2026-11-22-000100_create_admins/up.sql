-- Accounts of tenant admins, beside the users that SCIM knows.
create table admins (
    tenant_id uuid not null,
    id uuid not null,
    email text not null,
    email_key text collate "C" not null,
    role text not null,
    password text,
    totp_secret bytea,
    totp_confirmed_at timestamptz,
    totp_step bigint,
    created_at timestamptz not null,
    disabled_at timestamptz,
    signed_in_at timestamptz,
    constraint admins_pkey primary key (tenant_id, id),
    constraint admins_email_key_key unique (tenant_id, email_key),
    constraint admins_role_check check (role in ('owner', 'admin', 'auditor'))
);
comment on table admins is 'Accounts of tenant admins. SCIM cannot reach them.';
comment on column admins.email_key is 'The address, folded by the service: what signs in and what is unique.';
comment on column admins.password is 'Argon2id in the PHC string format; null until an invitation is accepted.';
comment on column admins.totp_secret is 'What the account and its authenticator app share; it counts once it is confirmed.';
comment on column admins.totp_step is 'The step of the last code that counted: none up to it counts again.';

create table admin_sessions (
    tenant_id uuid not null,
    id uuid not null,
    admin_id uuid not null,
    lineage uuid not null,
    digest bytea not null,
    created_at timestamptz not null,
    idle_at timestamptz not null,
    ends_at timestamptz not null,
    address text not null,
    constraint admin_sessions_pkey primary key (tenant_id, id)
);
comment on table admin_sessions is 'Who is signed in. A session that ends loses its row, and with it every token of it.';
comment on column admin_sessions.lineage is 'A random number in all refresh tokens of the session: who has it, has had one.';
comment on column admin_sessions.digest is 'SHA-256 of the one refresh token that counts now.';
comment on column admin_sessions.idle_at is 'When it ends unless it is prolonged.';
comment on column admin_sessions.ends_at is 'When it ends in any case.';
create index admin_sessions_admin_idx on admin_sessions (tenant_id, admin_id);

create table admin_links (
    tenant_id uuid not null,
    admin_id uuid not null,
    purpose text not null,
    digest bytea not null,
    created_at timestamptz not null,
    ends_at timestamptz not null,
    constraint admin_links_pkey primary key (tenant_id, admin_id),
    constraint admin_links_digest_key unique (tenant_id, digest),
    constraint admin_links_purpose_check check (purpose in ('invitation', 'reset'))
);
comment on table admin_links is 'Invitations and resets: links that are good once. An account has one at most.';
comment on column admin_links.digest is 'SHA-256 of the secret in the link.';

create table admin_recovery_codes (
    tenant_id uuid not null,
    admin_id uuid not null,
    digest bytea not null,
    constraint admin_recovery_codes_pkey primary key (tenant_id, admin_id, digest)
);
comment on table admin_recovery_codes is 'Codes for who has lost the authenticator app; a used one loses its row.';
comment on column admin_recovery_codes.digest is 'SHA-256 of the code.';

-- Global: every process signs for all tenants with the same keys.
create table signing_keys (
    id uuid not null,
    secret bytea not null,
    created_at timestamptz not null,
    constraint signing_keys_pkey primary key (id)
);
comment on table signing_keys is 'Keys of the access tokens of admins, two at most. Whoever reads them can sign in as anybody.';

alter table admins add constraint admins_tenant_fkey foreign key (tenant_id) references tenants (id);
alter table admin_sessions add constraint admin_sessions_tenant_fkey foreign key (tenant_id) references tenants (id);
alter table admin_sessions add constraint admin_sessions_admin_fkey foreign key (tenant_id, admin_id) references admins (tenant_id, id);
alter table admin_links add constraint admin_links_tenant_fkey foreign key (tenant_id) references tenants (id);
alter table admin_links add constraint admin_links_admin_fkey foreign key (tenant_id, admin_id) references admins (tenant_id, id);
alter table admin_recovery_codes add constraint admin_recovery_codes_tenant_fkey foreign key (tenant_id) references tenants (id);
alter table admin_recovery_codes add constraint admin_recovery_codes_admin_fkey foreign key (tenant_id, admin_id) references admins (tenant_id, id);

alter table admins enable row level security;
alter table admins force row level security;
create policy admins_tenant on admins
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);

alter table admin_sessions enable row level security;
alter table admin_sessions force row level security;
create policy admin_sessions_tenant on admin_sessions
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);

alter table admin_links enable row level security;
alter table admin_links force row level security;
create policy admin_links_tenant on admin_links
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);

alter table admin_recovery_codes enable row level security;
alter table admin_recovery_codes force row level security;
create policy admin_recovery_codes_tenant on admin_recovery_codes
    using (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid);

do $$ begin if exists (select 1 from pg_extension where extname = 'citus') then
    perform create_distributed_table('admins', 'tenant_id', colocate_with => 'tenant_counters');
    perform create_distributed_table('admin_sessions', 'tenant_id', colocate_with => 'tenant_counters');
    perform create_distributed_table('admin_links', 'tenant_id', colocate_with => 'tenant_counters');
    perform create_distributed_table('admin_recovery_codes', 'tenant_id', colocate_with => 'tenant_counters');
    perform create_reference_table('signing_keys');
end if; end $$;
