drop index messages_answers_up_to;
alter table messages
    drop constraint messages_answers_up_to,
    drop column answers_up_to,
    drop column first_attempt;
comment on column messages.finished_rev is 'The session''s rev when it first became final; null while under way.';
