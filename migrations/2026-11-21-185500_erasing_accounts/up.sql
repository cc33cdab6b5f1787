-- Accounts that are being erased: a mark, and indexes for all that an account leaves behind.
--
-- An account is shut in one transaction, and what was its owner's is erased after that in small ones, which hold up
-- nobody. The mark is the job: whoever finds one that nobody has seen to for a while goes on with it. Without the
-- indexes PostgreSQL reads a whole table to make sure that nothing in it is a deleted chatbot's, for each chatbot.

alter table users add column erasing_at timestamptz;
create index users_erasing on users (erasing_at) where erasing_at is not null;

create index messages_chatbot on messages (chatbot_id) where chatbot_id is not null;
create index session_chatbots_chatbot on session_chatbots (chatbot_id);
create index regenerations_user on regenerations (user_id);
create index chatbots_made on chatbots (owner_id, id) where owner_id is not null;

comment on column users.erasing_at is
    'When somebody last set about erasing this account and what it leaves; null for one that stays.';
