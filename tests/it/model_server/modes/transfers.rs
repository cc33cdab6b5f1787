//! Connections and transfers that go wrong.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::{
    BROKE_OFF, Mode, SILENT, SLOW, TIME_UP, UNREADABLE, after_hello, always, fails, succeeds,
};
use crate::model_server::upstream::{Step, answer, done, head, says, stream_head};

/// A word, or none, and then the connection fails or the transfer is no good.
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

/// 256 MiB of nothing, packed three times.
const BOMB: &str = "\
    H4sIAAAAAAACA5Pv5mAAASbmt3cW5gUXyrQ9nBZq0rGOQ4TpiEhi1rJlnBImTZmbuB8ITTONDJhx98iXKyJtO+8eNNvOrcDhFJDS\
    GvZO6Nxvm1cv5v96fvrk70+vS7Z8THl+/GrFn//Jpd8KPhb/KmEBGs9z59W7knRjtp64tfn36i1AQm3vMsrNbvYx1dvvrXguAxQw\
    qIif1v3zG39jvPp89XOMQJHm73/O/739Vqxg776abxdtgSIJH/JYmYG0gqsByNVRLCDOAggnCZkzKkN1mXPTu/eeFTP4v3efTYUx\
    E0PFk9//tj+++fps8UP5lqNfVrn9ZmYAAAdpCKBOAgAA";
