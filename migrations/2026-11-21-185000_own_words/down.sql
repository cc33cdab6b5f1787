drop index messages_user;
create index messages_user on messages (user_id) where user_id is not null;
