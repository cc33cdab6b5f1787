//! The tables as diesel sees them; `migrations` is where they are explained. A test compares the two.

#![allow(missing_docs, reason = "the columns are described where they are made")]

diesel::table! {
    users (id) {
        id -> Uuid,
        username -> Text,
        username_key -> Text,
        email -> Nullable<Text>,
        email_key -> Nullable<Text>,
        display_name -> Text,
        bio -> Text,
        password_hash -> Nullable<Text>,
        role -> Text,
        created_at -> Timestamptz,
        disabled_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    logins (id) {
        id -> Uuid,
        user_id -> Uuid,
        created_at -> Timestamptz,
        last_used_at -> Timestamptz,
        ended_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    ended_logins (ended_in, login_id) {
        login_id -> Uuid,
        ended_in -> BigInt,
        ended_at -> Timestamptz,
    }
}

diesel::table! {
    refresh_tokens (token_hash) {
        token_hash -> Bytea,
        login_id -> Uuid,
        issued_at -> Timestamptz,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    guests (user_id) {
        user_id -> Uuid,
        token_hash -> Bytea,
        seen_at -> Timestamptz,
    }
}

diesel::table! {
    chatbots (id) {
        id -> Uuid,
        handle -> Text,
        handle_key -> Text,
        name -> Text,
        greeting -> Text,
        engine -> Text,
        model -> Nullable<Text>,
        temperature -> Nullable<Double>,
        persona -> Nullable<Text>,
        owner_id -> Nullable<Uuid>,
        created_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
        while_replying -> Text,
    }
}

diesel::table! {
    sessions (id) {
        id -> Uuid,
        kind -> Text,
        title -> Text,
        owner_id -> Uuid,
        last_seq -> Integer,
        rev -> BigInt,
        details_rev -> BigInt,
        chatbots_paused -> Bool,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        changed_in -> BigInt,
    }
}

diesel::table! {
    members (session_id, user_id) {
        session_id -> Uuid,
        user_id -> Uuid,
        read_up_to -> Integer,
        joined_at -> Timestamptz,
        archived -> Bool,
        joined_in -> BigInt,
        read_in -> BigInt,
    }
}

diesel::table! {
    departures (session_id, user_id) {
        session_id -> Uuid,
        user_id -> Uuid,
        left_in -> BigInt,
    }
}

diesel::table! {
    removals (session_id, user_id) {
        session_id -> Uuid,
        user_id -> Uuid,
        removed_at -> Timestamptz,
    }
}

diesel::table! {
    erased_sessions (session_id) {
        session_id -> Uuid,
        erased_at -> Timestamptz,
    }
}

diesel::table! {
    session_chatbots (session_id, chatbot_id) {
        session_id -> Uuid,
        chatbot_id -> Uuid,
        position -> SmallInt,
    }
}

diesel::table! {
    messages (session_id, seq) {
        session_id -> Uuid,
        seq -> Integer,
        rev -> BigInt,
        added_rev -> BigInt,
        finished_rev -> Nullable<BigInt>,
        user_id -> Nullable<Uuid>,
        chatbot_id -> Nullable<Uuid>,
        content -> Text,
        status -> Text,
        failure -> Nullable<Text>,
        in_reply_to -> Nullable<Integer>,
        client_key -> Nullable<Text>,
        client_digest -> Nullable<Bytea>,
        created_at -> Timestamptz,
        edited_at -> Nullable<Timestamptz>,
        lease_holder -> Nullable<Uuid>,
        lease_until -> Nullable<Timestamptz>,
        attempt -> SmallInt,
        answers_up_to -> Nullable<Integer>,
        first_attempt -> SmallInt,
        answered_by -> Array<Integer>,
    }
}

diesel::table! {
    regenerations (session_id, user_id, client_key) {
        session_id -> Uuid,
        user_id -> Uuid,
        client_key -> Text,
        seq -> Integer,
    }
}

diesel::table! {
    epoch (singleton) {
        singleton -> Bool,
        value -> BigInt,
        place -> Nullable<Text>,
        written_by -> Nullable<BigInt>,
    }
}

diesel::joinable!(logins -> users (user_id));
diesel::joinable!(refresh_tokens -> logins (login_id));
diesel::joinable!(guests -> users (user_id));
diesel::joinable!(members -> sessions (session_id));
diesel::joinable!(members -> users (user_id));
diesel::joinable!(session_chatbots -> sessions (session_id));
diesel::joinable!(session_chatbots -> chatbots (chatbot_id));
diesel::joinable!(messages -> sessions (session_id));

diesel::allow_tables_to_appear_in_same_query!(
    users,
    logins,
    refresh_tokens,
    guests,
    chatbots,
    sessions,
    members,
    departures,
    removals,
    erased_sessions,
    session_chatbots,
    messages,
    regenerations,
    epoch,
);
