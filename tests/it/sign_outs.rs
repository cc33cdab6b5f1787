//! Every way out of an account, seen from two servers: the next request is refused, and what is open closes, also
//! where the bus carries nothing.

use std::time::{Duration, Instant};

use diesel_async::SimpleAsyncConnection;
use parlor::db::ended_logins::EndedLogins;
use parlor::db::private::PrivatePostgres;

use crate::helpers::{PASSWORD, Person, TestApp, TestDatabase, TwoServers, Watch};
use crate::program::support::Place;

const BETTER: &str = "sieben kleine Wale singen";

/// What is promised. A machine that is busy with other tests may be late with one way, but not with all.
const PROMISED: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug)]
enum Way {
    LogOut,
    LogOutEverywhere,
    ChangePassword,
    DeleteAccount,
    Disable,
}

const WAYS: [Way; 5] = [
    Way::LogOut,
    Way::LogOutEverywhere,
    Way::ChangePassword,
    Way::DeleteAccount,
    Way::Disable,
];

impl Way {
    /// Goes it, at the server where this person is.
    async fn go(self, person: &Person, name: &str, database: &TestDatabase) {
        match self {
            Self::LogOut => person.log_out(false).await,
            Self::LogOutEverywhere => person.log_out(true).await,
            Self::ChangePassword => {
                person.change_password(PASSWORD, BETTER).await.data();
            }
            Self::DeleteAccount => {
                person.delete_account(PASSWORD).await.data();
            }
            Self::Disable => {
                let ended = Place::on(database).run(&["user", "disable", name]).await;
                assert!(ended.status.success(), "{}", ended.err);
            }
        }
    }
}

impl TwoServers {
    /// Somebody at the first server, who watches at both.
    async fn watcher(&self, name: &str) -> (Person, [Watch; 2]) {
        let person = self.one.person(name).await;
        let session = person.quiet_session().await;
        let mut here = person.watch(&session, None).await;
        let mut there = person.at(&self.other).watch(&session, None).await;
        here.caught_up().await;
        there.caught_up().await;
        (person, [here, there])
    }

    /// Goes each way, and says how long after it was gone the last watch had ended.
    async fn go_all_ways(&self) -> Vec<Duration> {
        let mut took = Vec::new();
        for (number, way) in WAYS.into_iter().enumerate() {
            let name = format!("ada-{number}");
            let (ada, [mut here, mut there]) = self.watcher(&name).await;
            way.go(&ada, &name, &self.database).await;
            let gone = Instant::now();
            for app in [&self.one, &self.other] {
                let refused = ada.at(app).me().await;
                refused.expect_error("UNAUTHENTICATED", None);
            }
            for watch in [&mut here, &mut there] {
                watch.expect_end("SIGNED_OUT", false).await;
                let closing = watch.closing().await;
                assert_eq!(closing, (4403, "The login has ended".to_owned()), "{way:?}");
            }
            took.push(gone.elapsed());
        }
        took
    }
}

fn in_time(took: &[Duration]) {
    println!("ended after {took:?}");
    assert!(took.iter().min() < Some(&PROMISED), "{took:?}");
}

#[tokio::test]
async fn every_way_out_ends_what_is_open_on_both_servers() {
    let two = TwoServers::start().await;
    in_time(&two.go_all_ways().await);
}

#[tokio::test]
async fn every_way_out_ends_what_is_open_where_the_bus_is_cut() {
    let two = TwoServers::start().await;
    two.proxy.cut();
    let mut deaf = two.other.app().bus().deaf();
    deaf.wait_for(|deaf| *deaf).await.unwrap();
    in_time(&two.go_all_ways().await);
}

#[tokio::test]
async fn an_end_that_is_committed_long_after_it_was_written_is_seen() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let (session, bobs) = (ada.quiet_session().await, bob.quiet_session().await);
    let mut watch = ada.watch(&session, None).await;
    watch.caught_up().await;
    let mut bob_watches = bob.watch(&bobs, None).await;
    bob_watches.caught_up().await;

    let mut late = app.database().connect().await;
    late.batch_execute(
        "begin; update logins set ended_at = now() \
         where user_id = (select id from users where username = 'ada')",
    )
    .await
    .unwrap();
    // Behind the bus's back, so that it is a look that has seen this later end when the watch ends.
    app.database()
        .execute(
            "update logins set ended_at = now() \
             where user_id = (select id from users where username = 'bob')",
        )
        .await;
    bob_watches.expect_end("SIGNED_OUT", false).await;
    ada.me().await.data();
    late.batch_execute("commit").await.unwrap();
    watch.expect_end("SIGNED_OUT", false).await;
}

#[tokio::test]
async fn ends_are_told_from_page_to_page_and_once_over_not_again() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    app.person("ada").await;
    app.database()
        .execute(
            "insert into logins (id, user_id) select gen_random_uuid(), id from users, generate_series(1, 2500) \
             where disabled_at is null; \
             update logins set ended_at = now()",
        )
        .await;
    let mut ended = EndedLogins::new(app.app().db());
    let mut told = std::collections::HashSet::new();
    ended
        .look(|login| assert!(told.insert(login.0)))
        .await
        .unwrap();
    assert_eq!(told.len(), 2501);

    // Other databases of this PostgreSQL hold back what counts as over, for as long as their transactions last.
    let mut again = 1;
    while again > 0 {
        again = 0;
        ended.look(|_| again += 1).await.unwrap();
    }
    app.database()
        .execute("update ended_logins set ended_at = ended_at - interval '61 minutes'")
        .await;
    ended.forget_old().await.unwrap();
    let left = app.database().value("select count(*) from ended_logins");
    assert_eq!(left.await, 0);
}

#[tokio::test]
async fn a_database_that_was_away_is_looked_at_again() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        PrivatePostgres::start(parlor::db::private::Options {
            data_dir: folder.path().to_owned(),
            pg_bin: std::env::var_os("PARLOR_PG_BIN").map(Into::into),
            settings: Vec::new(),
        })
    };
    let postgres = start().await.unwrap();
    let app = TestApp::without_chatbots(TestDatabase::alone_on(&postgres).await).await;
    let ada = app.person("ada").await;
    let session = ada.quiet_session().await;
    let mut watch = ada.watch(&session, None).await;
    watch.caught_up().await;
    postgres.stop().await;
    let postgres = start().await.unwrap();
    app.database()
        .execute("update logins set ended_at = now()")
        .await;
    watch.expect_end("SIGNED_OUT", false).await;
    postgres.stop().await;
}

#[tokio::test]
async fn who_proved_the_old_password_does_not_come_in_after_it_was_changed() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    app.person("ada").await;
    for change in ["disabled_at = now()", "password_hash = 'another'"] {
        let before = app.database().value("select count(*) from logins").await;
        let mut other = app.database().connect().await;
        let sql = format!("begin; update users set {change} where username = 'ada'");
        other.batch_execute(&sql).await.unwrap();
        let nobody = app.nobody();
        let login = tokio::spawn(async move { nobody.log_in("ada", PASSWORD).await });
        app.database().until_waiting(1).await;
        other.batch_execute("commit").await.unwrap();
        login.await.unwrap().expect_error("UNAUTHENTICATED", None);
        let after = app.database().value("select count(*) from logins").await;
        assert_eq!(after, before);
        app.database()
            .execute("update users set disabled_at = null")
            .await;
    }
}

#[tokio::test]
async fn logins_that_nobody_can_use_any_more_are_forgotten_and_others_stay() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    app.database()
        .execute(
            "insert into logins (id, user_id, last_used_at, ended_at) \
             select gen_random_uuid(), id, now() - make_interval(days => n), \
                    case n % 2 when 0 then now() - make_interval(days => n) end \
             from users, generate_series(1, 100) n where username = 'ada'; \
             insert into refresh_tokens (token_hash, login_id, expires_at) \
             select logins.id::text::bytea, logins.id, last_used_at + interval '30 days' from logins \
             where last_used_at < now() - interval '1 hour'",
        )
        .await;
    let _restarted = TestApp::without_chatbots(app.database().clone()).await;
    let long_past = "select count(*) from logins where last_used_at < now() - interval '31 days'";
    while app.database().value(long_past).await != 0 {
        tokio::task::yield_now().await;
    }
    // Those of the last 30 days, and the one that Ada holds.
    for table in ["logins", "refresh_tokens"] {
        let left = format!("select count(*) from {table}");
        assert_eq!(app.database().value(&left).await, 31, "{table}");
    }
    ada.refresh(ada.refresh_token()).await.data();
}
