//! The first wall: every query on a tenant table starts from here, and nothing else names `tenant_id` in a filter
//! (but for the sub-selects of [`super::filter`]).

/// The condition that the rows of a table are the tenant's.
macro_rules! of_tenant {
    ($table:ident, $tenant:expr) => {{
        #[cfg(not(feature = "test-without-tenant-predicate"))]
        {
            $crate::schema::$table::tenant_id.eq($crate::types::Id($tenant.0))
        }
        // A build for one test, which proves that the second wall stands alone.
        #[cfg(feature = "test-without-tenant-predicate")]
        {
            let _ = &$tenant;
            diesel::dsl::sql::<diesel::sql_types::Bool>("TRUE")
        }
    }};
}

pub(crate) use of_tenant;
