//! Messages that say which they are, and finding that out again without reading JSON.

use std::sync::LazyLock;

use anyhow::{Context, Result};
use memchr::memmem::Finder;

/// What follows the number: about as much as people write.
const REST: &str =
    "a line of a conversation, about as long as lines are, with nothing in it to escape";

/// The digits of a number.
const DIGITS: usize = 9;

/// The `n`th message of a run in its session.
pub fn content(n: u64) -> String {
    format!("m{n:0DIGITS$} {REST}")
}

/// Which message a frame brings, if it brings one of a run unchanged.
pub fn number(frame: &[u8]) -> Option<u64> {
    static CONTENT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(r#""content":"m"#));
    let at = CONTENT.find(frame)? + CONTENT.needle().len();
    let digits = frame.get(at..at + DIGITS)?;
    let mut n = 0;
    for digit in digits {
        n = n * 10 + u64::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
    }
    let rest = frame.get(at + DIGITS..)?.strip_prefix(b" ")?;
    let rest = rest.strip_prefix(REST.as_bytes())?;
    rest.starts_with(b"\"").then_some(n)
}

/// What a frame is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Added,
    Changed,
    Delta,
    CaughtUp,
    /// An error, an end, or what is none of these.
    Other,
}

/// What a frame is about, by the name of its type.
pub fn event(frame: &[u8]) -> Event {
    static TYPE: LazyLock<Finder<'static>> =
        LazyLock::new(|| Finder::new(r#""sessionEvents":{"__typename":""#));
    let Some(at) = TYPE.find(frame) else {
        return Event::Other;
    };
    let name = &frame[at + TYPE.needle().len()..];
    let is = |event: &str| name.starts_with(event.as_bytes());
    if is("MessageAdded\"") {
        Event::Added
    } else if is("MessageChanged\"") {
        Event::Changed
    } else if is("ReplyDelta\"") {
        Event::Delta
    } else if is("CaughtUp\"") {
        Event::CaughtUp
    } else {
        Event::Other
    }
}

/// A frame of Parlor's without its content: what the raw ceiling broadcasts, with the content put back.
#[derive(Clone, Debug)]
pub struct Template {
    before: String,
    after: String,
}

impl Template {
    /// Of a frame that brought message `n`.
    pub fn of(frame: &str, n: u64) -> Result<Self> {
        let content = content(n);
        let (before, after) = frame.split_once(&content).context("another message")?;
        Ok(Self {
            before: before.to_owned(),
            after: after.to_owned(),
        })
    }

    /// The same frame with another content.
    pub fn with(&self, content: &str) -> String {
        [&self.before, content, &self.after].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(content: &str) -> String {
        format!(
            r#"{{"id":"1","type":"next","payload":{{"data":{{"sessionEvents":{{"__typename":"MessageAdded","cursor":"x","message":{{"seq":7,"content":"{content}","status":"COMPLETE"}}}}}}}}}}"#
        )
    }

    #[test]
    fn a_frame_says_which_message_it_brings() {
        let frame = frame(&content(1234));
        assert_eq!(number(frame.as_bytes()), Some(1234));
        assert_eq!(event(frame.as_bytes()), Event::Added);
        let template = Template::of(&frame, 1234).expect("it brings it");
        let other = template.with(&content(5));
        assert_eq!(number(other.as_bytes()), Some(5));
        assert_eq!(other.len(), frame.len());
    }

    #[test]
    fn a_content_that_was_changed_is_no_message() {
        let whole = content(1234);
        for at in 0..whole.len() {
            let mut changed = whole.clone().into_bytes();
            changed[at] = b'#';
            let changed = String::from_utf8(changed).expect("ASCII");
            assert_eq!(number(frame(&changed).as_bytes()), None, "{at}");
        }
        assert_eq!(number(frame(&whole[..whole.len() - 1]).as_bytes()), None);
        assert_eq!(number(b"{}"), None);
        assert_eq!(event(b"{\"type\":\"error\"}"), Event::Other);
    }
}
