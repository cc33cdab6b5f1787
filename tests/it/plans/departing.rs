//! What the end of an account reads, and a copy of all that is a person's: what is theirs, however much others have.

use serde_json::json;

use super::observed::Observed;
use crate::helpers::session_id;

/// What foreign keys and cascades read is read by statements within statements.
const NESTED: &[&str] = &["auto_explain.log_nested_statements = on"];

/// How many rows of each kind others have.
const OTHERS: i64 = 20_000;

/// The tables of which everybody has rows.
const TABLES: [&[&str]; 6] = [
    &["messages"],
    &["session_chatbots"],
    &["chatbots"],
    &["regenerations"],
    &["logins"],
    &["refresh_tokens"],
];

/// Bob has made and deleted chatbots, and said something in Ada's long session. Others have much more of
/// everything.
async fn prepare(observed: &Observed) -> crate::helpers::Person {
    let bob = observed.app.person("bob").await;
    let id = session_id(&observed.session);
    // Whose rows those of others are does not matter: no foreign key is looked up.
    observed
        .database
        .execute(&format!(
            "set session_replication_role = replica;
             insert into chatbots (id, handle, handle_key, name, engine, owner_id, deleted_at)
             select gen_random_uuid(), 'bot', 'bot', 'Bot', 'BUILTIN', id, now()
             from users, generate_series(1, 40) where username = 'bob';
             insert into chatbots (id, handle, handle_key, name, engine, owner_id, deleted_at)
             select gen_random_uuid(), 'bot', 'bot', 'Bot', 'BUILTIN', gen_random_uuid(), now()
             from generate_series(1, {OTHERS});
             insert into session_chatbots (session_id, chatbot_id, position)
             select gen_random_uuid(), gen_random_uuid(), 0 from generate_series(1, {OTHERS});
             insert into regenerations (session_id, user_id, client_key, seq)
             select gen_random_uuid(), gen_random_uuid(), 'key', 1 from generate_series(1, {OTHERS});
             insert into logins (id, user_id, ended_at)
             select gen_random_uuid(), gen_random_uuid(), now() from generate_series(1, {OTHERS});
             insert into refresh_tokens (token_hash, login_id, expires_at)
             select n::text::bytea, gen_random_uuid(), now() from generate_series(1, {OTHERS}) n;
             update messages set user_id = (select id from users where username = 'bob')
             where session_id = '{id}' and seq <= 100;
             analyze"
        ))
        .await;
    bob
}

#[tokio::test]
async fn the_end_of_an_account_reads_what_was_its_owners() {
    let observed = Observed::start(NESTED).await;
    let bob = prepare(&observed).await;
    let readings = observed
        .during_each(TABLES, async {
            bob.delete_account(crate::helpers::PASSWORD).await.data();
        })
        .await;
    for (table, reading) in TABLES.iter().zip(&readings) {
        reading.indexes();
        assert!(reading.rows() < 1_000.0, "{table:?}: {reading:#?}");
    }
    let gone = "select count(*) from users where username = 'bob' or erasing_at is not null";
    assert_eq!(observed.database.value(gone).await, 0);
}

#[tokio::test]
async fn a_copy_of_all_that_is_a_persons_reads_their_logins_only() {
    let observed = Observed::start(&[]).await;
    let bob = prepare(&observed).await;
    let logins = observed
        .during_on(&["logins"], async {
            let link = bob.ask("mutation { exportMyData { url } }", json!({}));
            let link = link.await.data()["exportMyData"]["url"].take();
            let url = format!("{}{}", observed.app.url(), link.as_str().unwrap());
            let data = reqwest::get(url).await.unwrap().text().await.unwrap();
            assert!(data.contains("\"login\""), "{data}");
        })
        .await;
    logins.indexes();
    assert!(logins.rows() < 100.0, "{logins:#?}");
}

#[tokio::test]
async fn a_table_without_its_index_is_caught() {
    let observed = Observed::start(NESTED).await;
    let bob = prepare(&observed).await;
    // Planted: what was there before.
    observed
        .database
        .execute("drop index messages_chatbot")
        .await;
    let messages = observed
        .during(bob.delete_account(crate::helpers::PASSWORD))
        .await;
    assert!(messages.complaint(&[], 0.0).is_some());
    assert!(messages.rows() > 100_000.0, "{messages:#?}");
}
