//! Text that is easily cut in the wrong place: what a client folds from the deltas is what is stored.

use std::time::Duration;

use super::support::{patience, session_with, start};
use super::upstream::{Step, Upstream, done, says, stream_head};
use crate::replies::support::{Shown, ends};

/// Combining marks, joiners, flags, right to left, half of a family per event.
const TEXTS: [&str; 9] = [
    "e",
    "\u{301}te\u{301} ",
    "👩",
    "\u{200d}👩\u{200d}",
    "👧 ",
    "שלום ",
    "عَلَيْكُم ",
    "न\u{93f} 🇩",
    "🇪",
];

#[tokio::test]
async fn folded_deltas_equal_the_stored_text_whatever_bytes_come_together() {
    let bytes = TEXTS.map(says).concat().into_bytes();
    let mut models = Vec::new();
    let mut scripts = Vec::new();
    // In steps of 1 to 8 bytes, so that every character is cut at every byte of it.
    for size in 1..=8 {
        let mut steps = vec![Step::Send(stream_head())];
        for part in bytes.chunks(size) {
            steps.push(Step::Drip(part[..1].to_vec(), Duration::from_millis(1)));
            steps.push(Step::Send(part[1..].to_vec()));
        }
        steps.push(Step::Send(done().into_bytes()));
        models.push(format!("by-{size}"));
        scripts.push((format!("by-{size}"), vec![steps]));
    }
    let upstream = Upstream::start(scripts).await;
    let names: Vec<&str> = models.iter().map(String::as_str).collect();
    let app = start(&upstream, &names, patience()).await;
    let ada = app.person("ada").await;
    for model in &models {
        let session = session_with(&ada, model).await;
        let mut feed = ada.watch(&session, None).await;
        ada.say(Some(&session), "Hello?").await;
        let first = feed.until("ReplyDelta").await;
        let mut shown = Shown::default();
        shown.add(&first);
        let whole = ends(&mut feed, &mut shown).await;
        assert_eq!(whole["message"]["status"], "COMPLETE", "{model}");
        assert_eq!(whole["message"]["content"], TEXTS.concat(), "{model}");
        assert_eq!(shown.0, TEXTS.concat(), "{model}");
    }
}
