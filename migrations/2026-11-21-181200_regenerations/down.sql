drop table regenerations;
