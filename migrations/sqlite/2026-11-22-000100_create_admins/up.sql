-- Accounts of tenant admins, beside the users that SCIM knows.
create table admins (
    tenant_id blob not null references tenants (id),
    id blob not null,
    email text not null,
    email_key text not null,
    role text not null check (role in ('owner', 'admin', 'auditor')),
    password text,
    totp_secret blob,
    totp_confirmed_at text,
    totp_step integer,
    created_at text not null,
    disabled_at text,
    signed_in_at text,
    primary key (tenant_id, id),
    unique (tenant_id, email_key)
) strict, without rowid;

create table admin_sessions (
    tenant_id blob not null references tenants (id),
    id blob not null,
    admin_id blob not null,
    lineage blob not null,
    digest blob not null,
    created_at text not null,
    idle_at text not null,
    ends_at text not null,
    address text not null,
    primary key (tenant_id, id),
    foreign key (tenant_id, admin_id) references admins (tenant_id, id)
) strict, without rowid;
create index admin_sessions_admin_idx on admin_sessions (tenant_id, admin_id);

create table admin_links (
    tenant_id blob not null references tenants (id),
    admin_id blob not null,
    purpose text not null check (purpose in ('invitation', 'reset')),
    digest blob not null,
    created_at text not null,
    ends_at text not null,
    primary key (tenant_id, admin_id),
    unique (tenant_id, digest),
    foreign key (tenant_id, admin_id) references admins (tenant_id, id)
) strict, without rowid;

create table admin_recovery_codes (
    tenant_id blob not null references tenants (id),
    admin_id blob not null,
    digest blob not null,
    primary key (tenant_id, admin_id, digest),
    foreign key (tenant_id, admin_id) references admins (tenant_id, id)
) strict, without rowid;

-- Global: every process signs for all tenants with the same keys.
create table signing_keys (
    id blob not null,
    secret blob not null,
    created_at text not null,
    primary key (id)
) strict, without rowid;
