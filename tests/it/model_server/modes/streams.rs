//! Streams that say odd things.

use serde_json::json;

use super::{
    FILTERED, Mode, NOTHING, REPORTED, TOO_LONG, UNREADABLE, after_hello, always, fails, succeeds,
};
use crate::model_server::upstream::{Step, answer, done, event, finishes, says};

/// Streams that arrive whole, as far as they go.
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
