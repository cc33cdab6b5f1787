drop index chatbots_made;
drop index regenerations_user;
drop index session_chatbots_chatbot;
drop index messages_chatbot;
alter table users drop column erasing_at;
