alter table tenant_counters drop column counted_seq;
drop table attribute_counts;
drop table collection_blocks;
