//! The tables as Diesel sees them; the truth is in `migrations/`, whose comments say what they are for.

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::{Ts, Uid};

    tenants (id) {
        id -> Uid,
        slug -> Text,
        name -> Text,
        state -> Text,
        settings -> Text,
        created_at -> Ts,
        cursor_key -> Binary,
        purge_after -> Nullable<Ts>,
        purge_remaining -> Nullable<BigInt>,
        purged_at -> Nullable<Ts>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::{Ts, Uid};

    platform_tokens (id) {
        id -> Uid,
        digest -> Binary,
        name -> Text,
        created_at -> Ts,
        expires_at -> Nullable<Ts>,
        revoked_at -> Nullable<Ts>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::Uid;

    tenant_counters (tenant_id) {
        tenant_id -> Uid,
        change_seq -> BigInt,
        counted_seq -> BigInt,
        schema_revision -> BigInt,
        audit_seq -> BigInt,
        audit_hash -> Binary,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::{Ts, Uid};

    api_tokens (tenant_id, id) {
        tenant_id -> Uid,
        id -> Uid,
        digest -> Binary,
        name -> Text,
        scopes -> Text,
        role_ceiling -> Nullable<Text>,
        created_at -> Ts,
        expires_at -> Nullable<Ts>,
        revoked_at -> Nullable<Ts>,
        last_four -> Nullable<Text>,
        rotated_at -> Nullable<Ts>,
        previous_digest -> Nullable<Binary>,
        previous_last_four -> Nullable<Text>,
        previous_expires_at -> Nullable<Ts>,
        previous_used_at -> Nullable<Ts>,
        last_used_at -> Nullable<Ts>,
        last_used_address -> Nullable<Text>,
        last_used_agent -> Nullable<Text>,
        warned_days -> Nullable<BigInt>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::Uid;

    collections (tenant_id, resource_type) {
        tenant_id -> Uid,
        resource_type -> Text,
        live -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::{Ts, Uid};

    collection_blocks (tenant_id, resource_type, from_created, from_id) {
        tenant_id -> Uid,
        resource_type -> Text,
        from_created -> Ts,
        from_id -> Uid,
        live -> BigInt,
        room -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::{Ts, Uid};

    resources (tenant_id, id) {
        tenant_id -> Uid,
        id -> Uid,
        resource_type -> Text,
        name_key -> Text,
        name -> Text,
        display -> Nullable<Text>,
        external_id -> Nullable<Text>,
        document -> Text,
        version -> BigInt,
        created_at -> Ts,
        modified_at -> Ts,
        deleted_at -> Nullable<Ts>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::Uid;

    attribute_values (tenant_id, resource_id, path, ordinal) {
        tenant_id -> Uid,
        resource_id -> Uid,
        path -> Text,
        ordinal -> Integer,
        resource_type -> Text,
        key -> Text,
        full_key -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::Uid;

    attribute_counts (tenant_id, resource_type, path) {
        tenant_id -> Uid,
        resource_type -> Text,
        path -> Text,
        holders -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::Uid;

    profile_keys (tenant_id, name_key) {
        tenant_id -> Uid,
        name_key -> Text,
        name -> Text,
        kind -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::{Ts, Uid};

    audit_log (tenant_id, at, id) {
        tenant_id -> Uid,
        at -> Ts,
        id -> Uid,
        actor_id -> Nullable<Uid>,
        action -> Text,
        resource_type -> Text,
        resource_id -> Uid,
        old_version -> Nullable<BigInt>,
        new_version -> BigInt,
        attributes -> Text,
        request_id -> Text,
        address -> Text,
        detail -> Nullable<Text>,
        warning -> Nullable<Text>,
        seq -> Nullable<BigInt>,
        hash -> Nullable<Binary>,
        actor_kind -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::{Ts, Uid};

    audit_bases (tenant_id, seq) {
        tenant_id -> Uid,
        seq -> BigInt,
        hash -> Binary,
        at -> Ts,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::{Ts, Uid};

    requests (tenant_id, id) {
        tenant_id -> Uid,
        id -> Uid,
        at -> Ts,
        request_id -> Text,
        token_id -> Nullable<Uid>,
        method -> Text,
        path -> Text,
        status -> Integer,
        scim_type -> Nullable<Text>,
        reason -> Nullable<Text>,
        resource_type -> Nullable<Text>,
        resource_id -> Nullable<Uid>,
        duration_ms -> BigInt,
        address -> Text,
        user_agent -> Nullable<Text>,
        body -> Nullable<Text>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::{Ts, Uid};

    changes (tenant_id, seq) {
        tenant_id -> Uid,
        seq -> BigInt,
        at -> Ts,
        action -> Text,
        resource_type -> Text,
        resource_id -> Uid,
        version -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::Uid;

    memberships (tenant_id, list, group_id, user_id) {
        tenant_id -> Uid,
        group_id -> Uid,
        list -> Text,
        user_id -> Uid,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::Uid;

    group_sizes (tenant_id, group_id) {
        tenant_id -> Uid,
        group_id -> Uid,
        members -> BigInt,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::Uid;

    tenant_schemas (tenant_id, kind, id_key) {
        tenant_id -> Uid,
        kind -> Text,
        id_key -> Text,
        definition -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::Uid;

    unique_values (tenant_id, resource_type, path, key) {
        tenant_id -> Uid,
        resource_type -> Text,
        path -> Text,
        key -> Text,
        resource_id -> Uid,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::{Ts, Uid};

    mass_changes (tenant_id, token_id, kind, user_id) {
        tenant_id -> Uid,
        token_id -> Uid,
        kind -> Text,
        user_id -> Uid,
        at -> Ts,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::{Ts, Uid};

    admins (tenant_id, id) {
        tenant_id -> Uid,
        id -> Uid,
        email -> Text,
        email_key -> Text,
        role -> Text,
        password -> Nullable<Text>,
        totp_secret -> Nullable<Binary>,
        totp_confirmed_at -> Nullable<Ts>,
        totp_step -> Nullable<BigInt>,
        created_at -> Ts,
        disabled_at -> Nullable<Ts>,
        signed_in_at -> Nullable<Ts>,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::{Ts, Uid};

    admin_sessions (tenant_id, id) {
        tenant_id -> Uid,
        id -> Uid,
        admin_id -> Uid,
        lineage -> Uid,
        digest -> Binary,
        created_at -> Ts,
        idle_at -> Ts,
        ends_at -> Ts,
        address -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::{Ts, Uid};

    admin_links (tenant_id, admin_id) {
        tenant_id -> Uid,
        admin_id -> Uid,
        purpose -> Text,
        digest -> Binary,
        created_at -> Ts,
        ends_at -> Ts,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::Uid;

    admin_recovery_codes (tenant_id, admin_id, digest) {
        tenant_id -> Uid,
        admin_id -> Uid,
        digest -> Binary,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use crate::types::{Ts, Uid};

    signing_keys (id) {
        id -> Uid,
        secret -> Binary,
        created_at -> Ts,
    }
}

diesel::table! {
    credential_changes (place) {
        place -> Integer,
        count -> BigInt,
    }
}

diesel::allow_tables_to_appear_in_same_query!(attribute_values, memberships, resources);
diesel::allow_tables_to_appear_in_same_query!(api_tokens, tenant_counters, tenants);
diesel::allow_tables_to_appear_in_same_query!(mass_changes, resources);
