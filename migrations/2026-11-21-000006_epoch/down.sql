drop table epoch;
