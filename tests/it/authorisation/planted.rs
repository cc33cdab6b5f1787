//! The tables are held: a wrong cell is found, a refusal that writes, and an answer that gives away what is there.

use super::calls::{CALLS, Lookups, check_row};
use super::fields;
use super::table::Table;
use super::viewers::Viewer;
use super::world::World;

/// A table of these lines.
fn table(lines: &str) -> Table {
    let columns = Viewer::ALL.map(Viewer::name).join(" ");
    Table::parse("planted.txt", &format!("{columns}\n{lines}"))
}

/// The first lines of what was found.
fn found(wrong: &[String]) -> Vec<&str> {
    let first = |wrong: &'_ String| wrong.find('\n').unwrap_or(wrong.len());
    wrong.iter().map(|wrong| &wrong[..first(wrong)]).collect()
}

#[tokio::test]
async fn wrong_cells_of_fields_are_found() {
    let world = World::start().await;
    let planted = table(
        "Message: node(id: $said) { * }
           content 401 yes none 404 yes yes 404 404 404 401 401 401
           clientKey 401 none none 404 404 yes 404 404 404 401 401 401
           failure 401 yes yes 404 404 yes 404 404 404 401 401 401
         Session: session(id: $room) { * }
           unreadCount 401 =1 =4 =0 404 some 404 404 =0 401 401 404
         Chatbot: session(id: $room) { chatbots { * } }
           name 401 yes yes else 404 yes 404 404 yes 401 401 401",
    );
    let wrong = fields::check(&world, &planted, false).await;
    let expected = [
        r#"planted.txt:3 content for other: not none but "We are out of milk""#,
        "planted.txt:3 content for removed: not yes but 404",
        r#"planted.txt:4 clientKey for member: not none but "a key""#,
        "planted.txt:4 clientKey for owner: not yes but null",
        "planted.txt:5 failure for member: not yes but null",
        "planted.txt:5 failure for other: not yes but null",
        "planted.txt:5 failure for owner: not yes but null",
        "planted.txt:7 unreadCount for other: not =4 but 5",
        "planted.txt:7 unreadCount for owner: not some but 0",
        "planted.txt:7 unreadCount for signed-out: not 404 but 401",
        r#"planted.txt:9 name for stranger: not else but ["owners-0"]"#,
    ];
    assert_eq!(found(&wrong), expected);
}

#[tokio::test]
async fn wrong_cells_of_calls_are_found() {
    let world = World::start().await;
    let planted = table(
        "sessions has $shared 401 no yes no no yes no no no 401 401 401
         session(id: $private) 401 404 404 yes 404 yes 404 404 404 401 401 401
         sessionEvents(sessionId: $room) 401 yes yes 404 404 404 404 404 404 401 4403 4403
         markRead(sessionId: $room, upTo: 3) 401 yes 404 404 404 yes 404 404 404 401 401 401
         removeMember(sessionId: $shared, username: $other) 401 404 403 403 404 yes 403 403 404 401 401 401",
    );
    let calls = Table::parse("calls.txt", CALLS);
    let mut wrong = Vec::new();
    for row in planted.rows() {
        wrong.extend(check_row(&world, &Lookups(&calls), row).await);
    }
    let expected = [
        "planted.txt:2 sessions has $shared for member: not no but yes",
        "planted.txt:3 session(id: $private) for stranger: not yes but 404",
        "planted.txt:4 sessionEvents(sessionId: $room) for owner: not 404 but yes",
        "planted.txt:4 sessionEvents(sessionId: $room) for expired: not 401 but 4403",
        "planted.txt:5 markRead(sessionId: $room, upTo: 3) for other: not 404 but yes",
        "planted.txt:5 markRead(sessionId: $room, upTo: 3): refused, and yet it writes",
        "planted.txt:6 removeMember(sessionId: $shared, username: $other) for member: not 404 but 403",
        "planted.txt:6 removeMember(sessionId: $shared, username: $other) for stranger: not 403 but 404",
    ];
    assert_eq!(found(&wrong), expected);
}

/// That nobody sees the room is not so. Then it shows that its people are told something else of it than of a room that
/// is not there.
#[tokio::test]
async fn what_gives_away_that_something_is_there_is_found() {
    let world = World::start().await;
    let planted = table(
        "session(id: $room) 401 404 404 404 404 404 404 404 404 401 401 401
         removeMember(sessionId: $room, username: $stranger) 401 403 403 404 404 404 403 403 404 401 401 401",
    );
    let row = planted.rows().last().unwrap();
    let wrong = check_row(&world, &Lookups(&planted), row).await;
    let what = "planted.txt:3 removeMember(sessionId: $room, username: $stranger)";
    let expected = [
        format!("{what} for member: $room is told from what is not there"),
        format!("{what} for other: $room is told from what is not there"),
        format!("{what} for owner: $room is told from what is not there"),
    ];
    assert_eq!(found(&wrong), expected);
}
