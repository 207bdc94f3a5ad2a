drop table mass_changes;
