-- Nothing: PostgreSQL takes a statement back without copies, and looks at keys before the counters are locked.
select 1;
