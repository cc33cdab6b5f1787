create index messages_answers_up_to on messages (session_id, answers_up_to) where answers_up_to is not null;
alter table messages drop column answered_by;
