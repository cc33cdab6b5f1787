-- The handle of a deleted chatbot may be another's by now.
update chatbots set handle_key = id::text where deleted_at is not null;
drop index chatbots_handle_key;
alter table chatbots add constraint chatbots_handle_key unique (handle_key);
comment on column chatbots.handle_key is 'The handle folded for comparison: unique.';
alter table chatbots drop constraint chatbots_while_replying_known, drop column while_replying;
