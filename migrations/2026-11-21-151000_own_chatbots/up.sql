-- Chatbots of one's own: what they do while they are replying, and handles that are free again.
--
-- A handle belongs to the chatbot that has it. A deleted one stays as the author of what it wrote, by its id:
-- its handle need not stay taken.

alter table chatbots
    add column while_replying text not null default 'QUEUE',
    add constraint chatbots_while_replying_known check (while_replying in ('QUEUE', 'INTERRUPT', 'REJECT'));

alter table chatbots drop constraint chatbots_handle_key;
create unique index chatbots_handle_key on chatbots (handle_key) where deleted_at is null;

comment on column chatbots.handle_key is 'The handle folded for comparison: unique among those that are not deleted.';
comment on column chatbots.while_replying is
    'What becomes of a message that comes while a reply is under way: QUEUE (answered after it), INTERRUPT '
    '(the reply is cancelled) or REJECT (the message is refused).';
