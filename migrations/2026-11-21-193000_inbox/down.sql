drop trigger members_departed on members;
drop function note_departures();
drop table departures;
drop trigger sessions_stamped on sessions;
drop function stamp_session();
alter table members drop column read_in;
alter table members drop column joined_in;
alter table sessions drop column changed_in;
