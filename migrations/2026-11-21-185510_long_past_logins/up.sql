-- Logins of one person, open or ended, and those that nobody has used for long.
--
-- A copy of all that is a person's lists every login of theirs, the end of an account erases them, and one that was not
-- used for longer than a refresh token is good for can't be used again: it is deleted, with its tokens.

create index logins_person on logins (user_id, id);
create index logins_last_used on logins (last_used_at);
