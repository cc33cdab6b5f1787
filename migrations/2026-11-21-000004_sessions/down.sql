drop table session_chatbots;
drop table members;
drop table sessions;
