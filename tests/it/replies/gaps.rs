//! Text of a reply that did not arrive: whoever lacks it asks, and whoever writes the reply says it again.

use std::time::Duration;

use parlor::bus::{Heard, Listener, Notice, Subject, TextPiece, WantedText};
use parlor::domain::{RunnerId, Seq};
use parlor::services::replies;
use tokio::time::timeout;

use super::support::{LONG, Shown, cancel, chat, claim, ends};
use crate::helpers::{TestApp, TestDatabase, session_id};

/// Longer than anything here takes, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// The next notice that is what somebody waits for.
async fn next<T>(bus: &mut Listener, is_it: impl Fn(&Notice) -> Option<T>) -> T {
    let heard = async {
        loop {
            if let Heard::Notice(notice) = bus.next().await
                && let Some(it) = is_it(&notice)
            {
                return it;
            }
        }
    };
    timeout(DEADLINE, heard).await.expect("in time")
}

fn wanted(notice: &Notice) -> Option<WantedText> {
    match notice {
        Notice::TextWanted { wanted, .. } => Some(wanted.clone()),
        _ => None,
    }
}

#[tokio::test]
async fn a_feed_asks_for_what_it_missed_until_it_has_it() {
    let app = TestApp::without_chatbots(TestDatabase::migrated().await).await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    ada.say(Some(&session), "hello").await;
    let writer = claim(&app, RunnerId::new()).await;
    let kept = replies::checkpoint(app.app(), &writer, "Hel").await;
    assert_eq!(kept.unwrap(), Ok(()));
    let mut bus = app
        .app()
        .bus()
        .listen(Subject::Session(session_id(&session)))
        .await;
    let lacking = WantedText {
        seq: Seq(2),
        begun_rev: writer.message.rev,
        from: 3,
    };

    let mut feed = ada.watch(&session, None).await;
    let mut shown = Shown::default();
    shown.add(&feed.expect("ReplyDelta").await);
    feed.caught_up().await;
    // Begun in the middle: there may be more than was kept.
    assert_eq!(next(&mut bus, wanted).await, lacking);
    replies::show(app.app(), &writer, 6, "Ada".to_owned());
    // Nobody answers at first.
    for _ in 0..2 {
        assert_eq!(next(&mut bus, wanted).await, lacking);
    }
    // The row helps too.
    let kept = replies::checkpoint(app.app(), &writer, "Hello").await;
    assert_eq!(kept.unwrap(), Ok(()));
    shown.add(&feed.expect("ReplyDelta").await);
    assert_eq!(shown.0, "Hello");
    replies::show(app.app(), &writer, 3, "lo Ada".to_owned());
    shown.add(&feed.expect("ReplyDelta").await);
    assert_eq!(shown.0, "Hello Ada");
    let text = "Hello Ada".to_owned();
    let done = replies::complete(app.app(), &writer, text).await.unwrap();
    assert_eq!(done, Ok(()));
    ends(&mut feed, &mut shown).await;
}

#[tokio::test]
async fn whoever_writes_says_again_what_somebody_lacks() {
    let app = TestApp::start().await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let id = session_id(&session);
    let mut bus = app.app().bus().listen(Subject::Session(id)).await;
    let reply = ada.say(Some(&session), LONG).await["reply"].take();
    let text = |notice: &Notice| match notice {
        Notice::Text { piece, .. } => Some(piece.clone()),
        _ => None,
    };
    let mut heard = String::new();
    let mut last: Option<TextPiece> = None;
    for _ in 0..5 {
        let piece = next(&mut bus, text).await;
        assert_eq!(piece.offset, heard.chars().count());
        heard += &piece.text;
        last = Some(piece);
    }
    let last = last.unwrap();
    app.app().bus().publish(Notice::TextWanted {
        session: id,
        wanted: WantedText {
            seq: last.seq,
            begun_rev: last.begun_rev,
            from: 2,
        },
    });
    // What was on its way already comes first.
    let again = loop {
        let piece = next(&mut bus, text).await;
        if piece.offset == 2 {
            break piece;
        }
        assert_eq!(piece.offset, heard.chars().count());
        heard += &piece.text;
    };
    let known: String = heard.chars().skip(2).collect();
    assert!(again.text.starts_with(&known), "{again:?}");
    // And goes on behind it.
    let next = next(&mut bus, text).await;
    assert_eq!(next.offset, 2 + again.text.chars().count());
    cancel(&ada, &reply["id"]).await.data();
}
