-- Which replies answer a message: noted with it, because it can't be found out later.
--
-- A message may be answered by several chatbots, by replies of its own and by ones that waited already, and a
-- repeated send must name them as the first one did. Nor does a reply answer all that was said while it waited:
-- some of it was said to other chatbots.

alter table messages add column answered_by integer[] not null default '{}';

-- As far as it can be found out: as a repeated send was told before.
update messages m set answered_by = coalesce(
    (select array_agg(r.seq order by r.seq) from messages r
     where r.session_id = m.session_id and r.in_reply_to = m.seq),
    (select array[r.seq] from messages r
     where r.session_id = m.session_id and r.answers_up_to >= m.seq and r.in_reply_to < m.seq
     order by r.answers_up_to limit 1),
    '{}')
where m.user_id is not null;

drop index messages_answers_up_to;

comment on column messages.answered_by is
    'The seqs of the replies that answer it, in the order in which they were owed; empty if nobody answers.';
