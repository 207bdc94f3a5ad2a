drop table credential_changes;
