//! The statements of the ceilings: the least that does the work durably and checks who asks.
//!
//! The endpoint written by hand prepares them; pgbench runs the same ones of a send.

use crate::names::Kind;
use crate::world::SEND;

/// Who has a login, if it is open and they are not shut out.
pub const LOGIN: &str = "select l.id, u.id, u.role from logins l join users u on u.id = l.user_id \
     where l.id = $1 and l.ended_at is null and u.disabled_at is null";

/// Moves a session's counters, and locks its row with that.
pub const ADVANCE: &str = "update sessions \
     set last_seq = last_seq + 1, rev = rev + 1, updated_at = clock_timestamp() \
     where id = $1 returning last_seq, rev";

/// Stores a message.
pub const INSERT: &str = "insert into messages \
     (session_id, seq, rev, added_rev, finished_rev, user_id, content, status) \
     values ($1, $2, $3, $3, $3, $4, $5, 'COMPLETE') returning created_at";

/// Notes that the sender has read so far. No row: the sender is no member, and the transaction is rolled back. It comes
/// behind the session's lock, so a removal that committed meanwhile is seen.
pub const MARK_READ: &str = "update members set read_up_to = $3 \
     where session_id = $1 and user_id = $2 and read_up_to < $3";

/// Whether somebody is in a session.
pub const SEAT: &str = "select s.id, s.title, s.last_seq, s.rev from sessions s \
     join members m on m.session_id = s.id where s.id = $1 and m.user_id = $2";

/// The newest messages of a session: one more than are shown.
pub const NEWEST: &str = "select seq, content, status, created_at, user_id \
     from messages where session_id = $1 order by seq desc limit 51";

/// People by id.
pub const PEOPLE: &str = "select id, display_name from users where id = any($1)";

/// What came after a place in a session's log.
pub const MISSED: &str = "select seq, added_rev, content, status, created_at, user_id \
     from messages where session_id = $1 and added_rev > $2 order by added_rev limit 100";

/// The script by which pgbench sends: each of its clients to a session of its own, as a person of its own.
pub fn send_script() -> String {
    let session = Kind::Session.sql(&format!("{SEND} + :client_id"));
    let user = Kind::User.sql("1 + :client_id");
    let login = Kind::Login.sql("1 + :client_id");
    let content = crate::load::content(0);
    let advance = ADVANCE.replace("$1", &session);
    let insert = INSERT
        .replace("$1", &session)
        .replace("$2", ":last_seq")
        .replace("$3", ":rev")
        .replace("$4", &user)
        .replace("$5", &format!("'{content}'"));
    let mark_read = MARK_READ
        .replace("$1", &session)
        .replace("$2", &user)
        .replace("$3", ":last_seq");
    let login = LOGIN.replace("$1", &login);
    format!("{login};\nbegin;\n{advance} \\gset\n{insert};\n{mark_read};\ncommit;\n")
}
