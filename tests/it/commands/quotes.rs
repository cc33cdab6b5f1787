//! The API of quotes does wrong: every command ends as it should, within its time, and nothing of what the API
//! said is passed on.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::future::join_all;
use parlor::bots::{self, Patience};
use tokio::net::TcpListener;

use super::quotes_api::{QuotesApi, csv, quote};
use super::support::{content, failure, start, start_with};
use crate::helpers::{TestApp, TestDatabase};
use crate::model_server::upstream::{Step, head};
use crate::replies::support::chat;

const UNREACHABLE: &str = "The quotes can't be reached. Try again in a while.";
const SLOW: &str = "The quotes took too long to answer. Try again in a while.";
const FAULTY: &str = "The quotes have a fault of their own. Try again in a while.";
const UNREADABLE: &str = "What came is not a quote. Try again in a while.";

/// How long a quote may take here.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a busy machine may need beside that.
const SLACK: Duration = Duration::from_secs(10);

/// A good quote, packed.
const ZIPPED: &str = "\
    H4sIAAAAAAACAwuuzE3Kz9FxSSxJ1QnJzE3V8S9IzdPxyEzP0PHJL9dxzskvTtUJy88pzU3l5YrQMTIwMtM1NNQ1MtAxMrIyMLAy\
    NNQxtDDRswSSpnoGIMpIz9AYSBnrGZjqmPJyAQC0Aoc0YQAAAA==";

/// The words of a symbol without a quote.
fn none_of(symbol: &str) -> String {
    format!("There is no quote of {symbol}.")
}

#[tokio::test]
async fn whatever_the_api_does_the_command_fails_in_words_and_in_time() {
    let trap = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let elsewhere = format!("Location: http://{}/\r\n", trap.local_addr().unwrap());
    let send = |bytes: Vec<u8>| vec![Step::Send(bytes)];
    let html = "<!doctype html><p>secret-of-the-api</p>";
    let names = "Symbol,Date,Time,Open,High,Low,Close,Volume\r\n";
    let modes: Vec<(&str, Vec<Step>, String)> = vec![
        ("REFUSED", send(head("403 Forbidden", "")), FAULTY.into()),
        ("NOTFOUND", send(head("404 Not Found", "")), FAULTY.into()),
        (
            "TOOMANY",
            send(head("429 Too Many", "Retry-After: 1\r\n")),
            FAULTY.into(),
        ),
        ("DOWN", send(head("503 Unavailable", "")), FAULTY.into()),
        ("MOVED", send(head("302 Found", &elsewhere)), FAULTY.into()),
        ("GONE", vec![], UNREACHABLE.into()),
        ("RESET", vec![Step::Reset], UNREACHABLE.into()),
        (
            "NOHTTP",
            send(b"220 mail ESMTP\r\n".to_vec()),
            UNREACHABLE.into(),
        ),
        ("SILENT", vec![Step::Hang], SLOW.into()),
        (
            "SILENT-IN-THE-BODY",
            vec![csv(names), Step::Hang],
            SLOW.into(),
        ),
        (
            "DRIPPING",
            vec![
                csv(""),
                Step::Drip(names.repeat(20).into_bytes(), Duration::from_millis(100)),
            ],
            SLOW.into(),
        ),
        ("EMPTY", vec![csv("")], UNREADABLE.into()),
        ("NAMES-ONLY", vec![csv(names)], UNREADABLE.into()),
        (
            "HTML",
            send(
                [
                    head("200 OK", "Content-Type: text/html\r\n"),
                    html.as_bytes().to_vec(),
                ]
                .concat(),
            ),
            UNREADABLE.into(),
        ),
        (
            "HTML-AS-PRICE",
            vec![quote("X", "<b>secret-of-the-api</b>")],
            UNREADABLE.into(),
        ),
        (
            "NUMBER-OF-A-KIND",
            vec![quote("X", "NaN")],
            UNREADABLE.into(),
        ),
        (
            "LATIN-1",
            send([head("200 OK", ""), b"Close,High,Low\n\xe9,1,1".to_vec()].concat()),
            UNREADABLE.into(),
        ),
        (
            "ZIPPED",
            send(
                [
                    head("200 OK", "Content-Encoding: gzip\r\n"),
                    BASE64_STANDARD.decode(ZIPPED).unwrap(),
                ]
                .concat(),
            ),
            UNREADABLE.into(),
        ),
        (
            "CUT",
            send(
                [
                    head("200 OK", "Content-Length: 999\r\n"),
                    names.as_bytes().to_vec(),
                ]
                .concat(),
            ),
            UNREADABLE.into(),
        ),
        (
            "50-MIB",
            vec![
                Step::Send(head("200 OK", "Content-Length: 52428800\r\n")),
                Step::Forever(names.repeat(20).into_bytes()),
            ],
            UNREADABLE.into(),
        ),
        (
            "NEVER-ENDING",
            vec![
                Step::Send(head("200 OK", "")),
                Step::Forever(vec![b'a'; 4096]),
            ],
            UNREADABLE.into(),
        ),
        (
            "UNKNOWN.US",
            vec![csv(&format!(
                "{names}UNKNOWN.US,N/D,N/D,N/D,N/D,N/D,N/D,N/D\r\n"
            ))],
            none_of("UNKNOWN.US"),
        ),
    ];
    let scripts = modes
        .iter()
        .map(|(symbol, steps, _)| ((*symbol).to_owned(), vec![steps.clone()]));
    let api = QuotesApi::start(scripts).await;
    let url = api.url();
    let variables = [("PARLOR_QUOTES_URL", url.as_str())];
    let app = TestApp::configured(TestDatabase::migrated().await, &variables).await;
    let patience = Patience {
        quote: PATIENCE,
        ..Patience::default()
    };
    bots::start_with(app.app(), patience);
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    for (symbol, _, words) in &modes {
        for command in ["stock", "day_range"] {
            let begun = Instant::now();
            let told = failure(&ada, &session, &format!("/{command}={symbol}")).await;
            let took = begun.elapsed();
            assert_eq!(told, *words, "{symbol}");
            assert!(took < PATIENCE + SLACK, "{symbol} took {took:?}");
            if words.as_str() == SLOW {
                assert!(took >= PATIENCE, "{symbol} took {took:?} only");
            }
        }
    }
    assert_eq!(
        content(&ada, &session, "/stock=AAPL.US").await,
        "AAPL.US quote is $183.05 per share."
    );
    let caught = tokio::time::timeout(Duration::ZERO, trap.accept()).await;
    assert!(caught.is_err(), "the symbol was carried elsewhere");
}

#[tokio::test]
async fn quotes_that_are_down_or_switched_off_are_told_in_words() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}/{{symbol}}", listener.local_addr().unwrap());
    drop(listener);
    for (url, words) in [
        (nobody.as_str(), UNREACHABLE),
        ("off", "No quotes are set up here."),
    ] {
        let app = start_with(&[("PARLOR_QUOTES_URL", url)]).await;
        let ada = app.person("ada").await;
        let session = chat(&ada).await;
        assert_eq!(failure(&ada, &session, "/stock=AAPL.US").await, words);
    }
}

#[tokio::test]
async fn a_bad_symbol_asks_nobody_and_a_good_one_stays_one_piece_of_the_address() {
    let api = QuotesApi::start([]).await;
    let app = start(&api).await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    for command in [
        "/stock",
        "/stock=",
        "/stock AAPL.US MSFT.US",
        "/stock=../../admin",
        "/stock=A&f=x",
        "/stock=A?x#y",
        "/stock=%2e%2e",
        "/stock=http://127.0.0.1/",
        "/stock=A\r\nHost: elsewhere",
        "/stock=АAPL.US",
        "/stock=AAAAAAAAAAAAAAAAAAAAA",
    ] {
        let words = failure(&ada, &session, command).await;
        assert!(
            words.ends_with("Ask like this: /stock=AAPL.US"),
            "{command}: {words}"
        );
    }
    assert_eq!(api.asked(), [] as [&str; 0]);
    assert_eq!(
        content(&ada, &session, "/stock=^spx").await,
        "^SPX quote is 183.05 per share."
    );
    assert_eq!(api.asked(), ["%5ESPX"]);
}

#[tokio::test]
async fn those_who_ask_for_the_same_at_once_share_one_call() {
    let slowly = vec![
        Step::Drip(head("200 OK", ""), Duration::from_millis(5)),
        Step::Send(b"Close,Low,High\n1.5,1,2".to_vec()),
    ];
    let api = QuotesApi::start([("SAME".to_owned(), vec![slowly])]).await;
    let app = start(&api).await;
    let ada = app.person("ada").await;
    let session = chat(&ada).await;
    let asked = (0..8).map(|_| content(&ada, &session, "/stock=SAME"));
    for told in join_all(asked).await {
        assert_eq!(told, "SAME quote is 1.5 per share.");
    }
    assert_eq!(api.asked(), ["SAME"]);
}
