//! Servers that nobody gets a word in with.

use super::{Mode, SLOW, UNREACHABLE};
use crate::model_server::door::Door;

/// Calls that are turned away or left standing.
pub fn doors() -> Vec<Mode> {
    let door = |name, door, failure| Mode {
        name,
        door,
        script: vec![vec![]],
        ending: ("FAILED", String::new(), Some(failure)),
        requests: 0,
    };
    vec![
        door("calls-are-refused", Door::Shut, UNREACHABLE),
        door("calls-are-never-answered", Door::Crowded, UNREACHABLE),
        // To who calls, a call that is not taken looks like one that is.
        door("calls-are-never-taken", Door::Unattended, SLOW),
        door("calls-are-never-heard", Door::Deaf, SLOW),
    ]
}
