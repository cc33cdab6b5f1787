drop index messages_words;
alter table messages drop column words;
