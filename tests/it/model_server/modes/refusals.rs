//! Servers that refuse, and some that think better of it.

use serde_json::json;

use super::{
    BROKE_OFF, BUSY, DENIED, FAULTY, FOREIGN, Mode, REFUSED, TOO_MUCH, UNKNOWN, always, fails,
    refusal, succeeds, then_well,
};
use crate::model_server::upstream::{Step, head, stream_head};

/// Refusals, by status.
pub fn refusals(trap: &str) -> Vec<Mode> {
    let elsewhere = format!("Location: {trap}\r\n");
    let page = "Content-Type: text/html\r\n";
    let too_much = |kind: &str| {
        let reason = json!({"error": {"code": 400, "message": "sorry", "type": kind}});
        let reason = reason.to_string().into_bytes();
        always([head("400 Bad Request", ""), reason].concat())
    };
    let mut modes = vec![
        fails("status-400", refusal("400 Bad Request", ""), "", REFUSED, 1),
        fails(
            "longer-than-the-model-takes-in",
            too_much("exceed_context_size_error"),
            "",
            TOO_MUCH,
            1,
        ),
        fails(
            "silent-in-a-refusal",
            vec![vec![Step::Send(head("400 Bad Request", "")), Step::Hang]],
            "",
            REFUSED,
            1,
        ),
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
