drop table collection_blocks;
