drop table audit_bases;
