drop index logins_last_used;
drop index logins_person;
