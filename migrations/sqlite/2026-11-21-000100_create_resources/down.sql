drop table changes;
drop table audit_log;
drop table profile_keys;
drop table attribute_values;
drop table resources;
drop table collections;
