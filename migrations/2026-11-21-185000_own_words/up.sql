-- What one person said, session by session: for a copy of all that is theirs, which has their words in sessions
-- that they are not in any more, and for the end of their account.

drop index messages_user;
create index messages_user on messages (user_id, session_id, seq) where user_id is not null;
