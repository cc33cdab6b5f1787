//! Everything that a model server does wrong, or oddly, and what becomes of the reply.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use parlor::bots::Patience;
use serde_json::json;

use super::upstream::{Script, Step, answer, done, event, finishes, head, says, stream_head};

/// One way to behave, and how its reply ends.
pub struct Mode {
    pub name: &'static str,
    pub script: Script,
    /// What the reply's status, text and failure must be.
    pub ending: (&'static str, String, Option<&'static str>),
    /// How often the server is asked.
    pub requests: usize,
}

const SLOW: &str = "The model server took too long to answer.";
const DENIED: &str = "The model server does not let this place in.";
const UNKNOWN: &str = "The model server does not know this chatbot's model.";
const REFUSED: &str = "The model server did not accept the conversation.";
const TOO_MUCH: &str = "The conversation is too long for the model server.";
const BUSY: &str = "The model server has too much to do. Try again in a while.";
const FAULTY: &str = "The model server has a fault of its own. Try again in a while.";
const FOREIGN: &str = "What answered is not a model server.";
const BROKE_OFF: &str = "The model server broke off.";
const SILENT: &str = "The model server fell silent.";
const UNREADABLE: &str = "The model server's answer could not be read.";
const REPORTED: &str = "The model server reported an error.";
const FILTERED: &str = "The model server's filter held the reply back.";
const TOO_LONG: &str = "The reply grew too long and was cut.";
const TIME_UP: &str = "The reply took too long and was cut.";
const NOTHING: &str = "The chatbot had nothing to say.";

impl Mode {
    /// How long its reply is waited for before it ends: what the patience that it tries allows. All others end as
    /// soon as the server has done what it does.
    pub fn waits(&self, patience: &Patience) -> Duration {
        match self.name {
            "silent" | "silent-in-the-head" | "silent-after-the-head" => {
                patience.connect + patience.first_byte
            }
            "silent-after-a-word" => patience.between_bytes,
            "too-slow-to-end" => patience.whole,
            "busy-for-a-second" => Duration::from_secs(1),
            "busy-for-ever-and-a-second" => Duration::from_secs(2),
            _ => Duration::ZERO,
        }
    }
}

/// Ends as `FAILED` with this text kept, after this many requests.
fn fails(
    name: &'static str,
    script: Script,
    text: &str,
    failure: &'static str,
    requests: usize,
) -> Mode {
    Mode {
        name,
        script,
        ending: ("FAILED", text.to_owned(), Some(failure)),
        requests,
    }
}

/// Ends as `COMPLETE`, after this many requests.
fn succeeds(name: &'static str, script: Script, text: &str, requests: usize) -> Mode {
    Mode {
        name,
        script,
        ending: ("COMPLETE", text.to_owned(), None),
        requests,
    }
}

/// The same bytes every time.
fn always(bytes: Vec<u8>) -> Script {
    vec![vec![Step::Send(bytes)]]
}

/// These events after a word, every time.
fn after_hello(events: &[String]) -> Script {
    always(answer(&[&[says("Hello")], events].concat()))
}

/// An answer without a stream.
fn refusal(status: &str, headers: &str) -> Script {
    always([head(status, headers), b"sorry".to_vec()].concat())
}

/// First this, then a whole reply.
fn then_well(first: Vec<Step>) -> Script {
    vec![first, vec![Step::Send(answer(&[says("Hello"), done()]))]]
}

/// Refusals, by status.
pub fn refusals(trap: &str) -> Vec<Mode> {
    let elsewhere = format!("Location: {trap}\r\n");
    let page = "Content-Type: text/html\r\n";
    let mut modes = vec![
        fails("status-400", refusal("400 Bad Request", ""), "", REFUSED, 1),
        fails("status-401", refusal("401 Unauthorized", ""), "", DENIED, 1),
        fails(
            "status-402",
            refusal("402 Payment Required", ""),
            "",
            DENIED,
            1,
        ),
        fails("status-403", refusal("403 Forbidden", ""), "", DENIED, 1),
        fails("status-404", refusal("404 Not Found", ""), "", UNKNOWN, 1),
        fails(
            "status-408",
            refusal("408 Request Timeout", ""),
            "",
            FAULTY,
            3,
        ),
        fails("status-413", refusal("413 Too Large", ""), "", TOO_MUCH, 1),
        fails("status-418", refusal("418 Teapot", ""), "", FOREIGN, 1),
        fails(
            "status-422",
            refusal("422 Unprocessable", ""),
            "",
            REFUSED,
            1,
        ),
        fails("busy-for-ever", refusal("429 Too Many", ""), "", BUSY, 3),
        fails(
            "busy-for-ever-and-a-second",
            refusal("429 Too Many", "Retry-After: 1\r\n"),
            "",
            BUSY,
            3,
        ),
        fails(
            "busy-for-an-hour",
            refusal("429 Too Many", "Retry-After: 3600\r\n"),
            "",
            BUSY,
            1,
        ),
        fails(
            "busy-for-ages",
            refusal("429 Too Many", "Retry-After: 99999999999999999999\r\n"),
            "",
            BUSY,
            3,
        ),
        fails("status-500", refusal("500 Oh", ""), "", FAULTY, 3),
        fails(
            "status-502-page",
            refusal("502 Bad Gateway", page),
            "",
            FAULTY,
            3,
        ),
        fails(
            "status-504",
            refusal("504 Gateway Timeout", ""),
            "",
            FAULTY,
            3,
        ),
        fails("status-529", refusal("529 Overloaded", ""), "", FAULTY, 3),
        fails("page", refusal("200 OK", page), "", FOREIGN, 1),
        fails(
            "json-at-once",
            refusal("200 OK", "Content-Type: application/json\r\n"),
            "",
            FOREIGN,
            1,
        ),
        fails(
            "no-content",
            always(head("204 No Content", "")),
            "",
            BROKE_OFF,
            3,
        ),
    ];
    for (name, status) in [
        ("moved-301", "301 Moved"),
        ("moved-302", "302 Found"),
        ("moved-307", "307 Temporary"),
        ("moved-308", "308 Permanent"),
    ] {
        modes.push(fails(name, refusal(status, &elsewhere), "", FOREIGN, 1));
    }
    let send = |status, headers| vec![Step::Send(head(status, headers))];
    for (name, first) in [
        ("busy-once", send("429 Too Many", "")),
        (
            "busy-for-a-second",
            send("429 Too Many", "Retry-After: 1\r\n"),
        ),
        (
            "busy-until-a-date-gone-by",
            send(
                "429 Too Many",
                "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n",
            ),
        ),
        ("faulty-once", send("503 Unavailable", "")),
        ("gone-at-once-once", vec![]),
        ("reset-at-once-once", vec![Step::Reset]),
        ("broken-off-before-a-word", vec![Step::Send(stream_head())]),
    ] {
        modes.push(succeeds(name, then_well(first), "Hello", 2));
    }
    modes
}

/// Connections and transfers that go wrong.
pub fn transfers() -> Vec<Mode> {
    let chunked = "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n";
    let chunk = |text: String| format!("{:x}\r\n{text}\r\n", text.len()).into_bytes();
    let of_length = |length: usize| {
        let headers = format!("Content-Type: text/event-stream\r\nContent-Length: {length}\r\n");
        head("200 OK", &headers)
    };
    let hello = says("Hello");
    let half_json = b"data: {\"choices\":[{\"delta\":{\"content\":\" th".to_vec();
    let bomb = BASE64_STANDARD.decode(BOMB).unwrap();
    let zipped = "Content-Type: text/event-stream\r\nContent-Encoding: gzip, gzip, gzip\r\n";
    let hello_then = |bytes: &[u8]| [answer(&[says("Hello")]), bytes.to_vec()].concat();
    vec![
        fails("gone-at-once", vec![vec![]], "", BROKE_OFF, 3),
        fails("reset-at-once", vec![vec![Step::Reset]], "", BROKE_OFF, 3),
        fails(
            "no-http",
            always(b"220 mail.example.org ESMTP\r\n".to_vec()),
            "",
            BROKE_OFF,
            3,
        ),
        fails("silent", vec![vec![Step::Hang]], "", SLOW, 1),
        fails(
            "silent-in-the-head",
            vec![vec![
                Step::Send(b"HTTP/1.1 200 OK\r\nContent-".to_vec()),
                Step::Hang,
            ]],
            "",
            SLOW,
            1,
        ),
        fails(
            "head-without-end",
            vec![vec![
                Step::Send(b"HTTP/1.1 200 OK\r\n".to_vec()),
                Step::Forever(b"X-More: of the same, of the same, of the same\r\n".to_vec()),
            ]],
            "",
            BROKE_OFF,
            3,
        ),
        fails(
            "silent-after-the-head",
            vec![vec![Step::Send(stream_head()), Step::Hang]],
            "",
            SLOW,
            1,
        ),
        fails(
            "silent-after-a-word",
            vec![vec![Step::Send(answer(&[says("Hello")])), Step::Hang]],
            "Hello",
            SILENT,
            1,
        ),
        fails(
            "too-slow-to-end",
            vec![vec![
                Step::Send(answer(&[says("Hello")])),
                Step::Drip(
                    ": still here\n\n".repeat(99).into_bytes(),
                    Duration::from_millis(500),
                ),
            ]],
            "Hello",
            TIME_UP,
            1,
        ),
        fails(
            "reset-in-the-middle",
            // A reset may overtake what was sent before it: the drip is read first.
            vec![vec![
                Step::Send(answer(&[says("Hello")])),
                Step::Drip(b": a while later\n".to_vec(), Duration::from_millis(50)),
                Step::Reset,
            ]],
            "Hello",
            BROKE_OFF,
            1,
        ),
        fails(
            "ended-in-the-middle",
            after_hello(&[]),
            "Hello",
            BROKE_OFF,
            1,
        ),
        fails(
            "ended-in-a-json",
            always(hello_then(&half_json)),
            "Hello",
            UNREADABLE,
            1,
        ),
        fails(
            "ended-in-a-character",
            always(hello_then(b"data: \xf0\x9f")),
            "Hello",
            UNREADABLE,
            1,
        ),
        fails(
            "ended-in-a-chunk",
            always(
                [
                    head("200 OK", chunked),
                    chunk(hello.clone()),
                    b"ff\r\ndata".to_vec(),
                ]
                .concat(),
            ),
            "Hello",
            BROKE_OFF,
            1,
        ),
        fails(
            "no-last-chunk",
            always([head("200 OK", chunked), chunk(hello.clone())].concat()),
            "Hello",
            BROKE_OFF,
            1,
        ),
        fails(
            "shorter-than-promised",
            always([of_length(9999), hello.clone().into_bytes()].concat()),
            "Hello",
            BROKE_OFF,
            1,
        ),
        fails(
            "longer-than-promised",
            always(
                [
                    of_length(hello.len()),
                    hello.clone().into_bytes(),
                    done().into_bytes(),
                ]
                .concat(),
            ),
            "Hello",
            BROKE_OFF,
            1,
        ),
        fails(
            "bomb",
            always([head("200 OK", zipped), bomb].concat()),
            "",
            UNREADABLE,
            1,
        ),
        succeeds(
            "in-chunks",
            always(
                [
                    head("200 OK", chunked),
                    chunk(hello),
                    chunk(done()),
                    b"0\r\n\r\n".to_vec(),
                ]
                .concat(),
            ),
            "Hello",
            1,
        ),
        succeeds(
            "byte-by-byte",
            vec![vec![
                Step::Send(stream_head()),
                Step::Drip(
                    [says("ni\u{f1}o 👩‍👩‍👧 "), says("שלום"), done()]
                        .concat()
                        .into_bytes(),
                    Duration::from_millis(1),
                ),
            ]],
            "ni\u{f1}o 👩‍👩‍👧 שלום",
            1,
        ),
    ]
}

/// Streams that say odd things.
pub fn streams() -> Vec<Mode> {
    let text = |text: &str| json!({"choices": [{"delta": {"content": text}}]});
    let error = json!({"error": {"message": "the key sk-only-for-the-model-server is bad"}});
    let forever = |bytes: Vec<u8>| {
        vec![vec![
            Step::Send(answer(&[says("Hello")])),
            Step::Forever(bytes),
        ]]
    };
    let long_line = [b"data: ".to_vec(), vec![b'a'; 10 * 1024 * 1024]].concat();
    vec![
        succeeds("done-without-a-reason", after_hello(&[done()]), "Hello", 1),
        succeeds(
            "a-reason-without-done",
            after_hello(&[finishes("stop")]),
            "Hello",
            1,
        ),
        succeeds(
            "as-long-as-allowed",
            after_hello(&[finishes("length"), done()]),
            "Hello",
            1,
        ),
        succeeds(
            "wants-a-tool",
            after_hello(&[finishes("tool_calls"), done()]),
            "Hello",
            1,
        ),
        succeeds(
            "silent-after-the-end",
            vec![vec![
                Step::Send(answer(&[says("Hello"), finishes("stop")])),
                Step::Hang,
            ]],
            "Hello",
            1,
        ),
        succeeds(
            "done-without-its-line-end",
            after_hello(&["data: [DONE]".to_owned()]),
            "Hello",
            1,
        ),
        succeeds(
            "after-the-end",
            after_hello(&[done(), event(&error)]),
            "Hello",
            1,
        ),
        succeeds(
            "windows-lines",
            always(answer(&[
                says("Hello").replace('\n', "\r\n"),
                done().replace('\n', "\r\n"),
            ])),
            "Hello",
            1,
        ),
        succeeds(
            "comments-nulls-and-usage",
            after_hello(&[
                ": thinking\n\n".to_owned(),
                event(&json!({"choices": [{"delta": {"content": null, "role": "assistant"}}]})),
                event(&json!({"choices": [{"delta": {"content": ""}, "finish_reason": null}]})),
                event(&json!({"choices": [], "usage": {"total_tokens": 9}})),
                event(&json!({"choices": null, "error": null})),
                done(),
            ]),
            "Hello",
            1,
        ),
        succeeds(
            "several-data-lines",
            after_hello(&[
                "data: {\"choices\": [\ndata: {\"delta\": {\"content\": \"!\"}}]}\n\n".to_owned(),
                done(),
            ]),
            "Hello!",
            1,
        ),
        succeeds(
            "what-a-database-cannot-keep",
            after_hello(&[says("\0\0!\0"), done()]),
            "Hello!",
            1,
        ),
        fails("nothing-to-say", always(answer(&[done()])), "", NOTHING, 1),
        fails(
            "only-what-cannot-be-kept",
            always(answer(&[says("\0"), done()])),
            "",
            NOTHING,
            1,
        ),
        fails(
            "filtered",
            after_hello(&[finishes("content_filter"), done()]),
            "Hello",
            FILTERED,
            1,
        ),
        fails(
            "gives-an-error-as-reason",
            after_hello(&[finishes("error"), done()]),
            "Hello",
            REPORTED,
            1,
        ),
        fails(
            "error-at-once",
            always(answer(&[event(&error)])),
            "",
            REPORTED,
            1,
        ),
        fails(
            "error-after-a-word",
            after_hello(&[event(&error), done()]),
            "Hello",
            REPORTED,
            1,
        ),
        fails(
            "event-of-an-error",
            after_hello(&["event: error\ndata: oh no\n\n".to_owned(), done()]),
            "Hello",
            REPORTED,
            1,
        ),
        fails(
            "bad-json",
            after_hello(&["data: {oh no}\n\n".to_owned(), done()]),
            "Hello",
            UNREADABLE,
            1,
        ),
        fails(
            "deep-json",
            after_hello(&[
                format!("data: {{\"error\": {}\n\n", "[".repeat(100_000)),
                done(),
            ]),
            "Hello",
            UNREADABLE,
            1,
        ),
        fails(
            "half-a-surrogate",
            after_hello(&[
                "data: {\"choices\":[{\"delta\":{\"content\":\"\\ud83d\"}}]}\n\n".to_owned(),
                done(),
            ]),
            "Hello",
            UNREADABLE,
            1,
        ),
        fails(
            "bad-utf-8",
            always([answer(&[says("Hello")]), b"data: \"\xff\xfe\"\n\n".to_vec()].concat()),
            "Hello",
            UNREADABLE,
            1,
        ),
        fails(
            "a-line-of-10-mib",
            always([answer(&[says("Hello")]), long_line].concat()),
            "Hello",
            UNREADABLE,
            1,
        ),
        fails(
            "an-event-without-end",
            forever(b"data: more\n".to_vec()),
            "Hello",
            UNREADABLE,
            1,
        ),
        fails(
            "comments-without-end",
            forever(format!(": {}\n\n", "more ".repeat(999)).into_bytes()),
            "Hello",
            UNREADABLE,
            1,
        ),
        fails(
            "text-without-end",
            forever(event(&text("and so on ")).into_bytes()),
            // 1,024 tokens of at most 16 bytes.
            &format!("Hello{}", "and so on ".repeat(1637) + "and so on ")[..1024 * 16],
            TOO_LONG,
            1,
        ),
    ]
}

/// 256 MiB of nothing, packed three times.
const BOMB: &str = "\
    H4sIAAAAAAACA5Pv5mAAASbmt3cW5gUXyrQ9nBZq0rGOQ4TpiEhi1rJlnBImTZmbuB8ITTONDJhx98iXKyJtO+8eNNvOrcDhFJDS\
    GvZO6Nxvm1cv5v96fvrk70+vS7Z8THl+/GrFn//Jpd8KPhb/KmEBGs9z59W7knRjtp64tfn36i1AQm3vMsrNbvYx1dvvrXguAxQw\
    qIif1v3zG39jvPp89XOMQJHm73/O/739Vqxg776abxdtgSIJH/JYmYG0gqsByNVRLCDOAggnCZkzKkN1mXPTu/eeFTP4v3efTYUx\
    E0PFk9//tj+++fps8UP5lqNfVrn9ZmYAAAdpCKBOAgAA";
