drop trigger logins_deleted on logins;
drop trigger logins_ended on logins;
drop function note_ended_login();
drop table ended_logins;
