//! Telling people of their own seats: those they have got, and what has changed for them alone.
//!
//! Whoever watches all of their sessions is told of changes in those they are in. That a session is one of theirs
//! now, nobody listens for yet. So it is said by name.

use crate::app::App;
use crate::bus::Notice;
use crate::db::members::{NewSeats, Seat};

/// Tells those who got a seat, now that it is stored.
pub(super) fn announce(app: &App, seats: impl IntoIterator<Item = NewSeats>) {
    for NewSeats { session, users } in seats {
        app.bus().publish(Notice::SeatsChanged { session, users });
    }
}

/// Tells a person's other devices that their seat has changed.
pub(super) fn announce_own(app: &App, seat: &Seat) {
    app.bus().publish(Notice::SeatsChanged {
        session: seat.session().id,
        users: vec![seat.user()],
    });
}
