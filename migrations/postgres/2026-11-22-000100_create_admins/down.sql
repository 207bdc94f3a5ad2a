drop table signing_keys;
drop table admin_recovery_codes;
drop table admin_links;
drop table admin_sessions;
drop table admins;
