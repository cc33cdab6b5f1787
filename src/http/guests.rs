//! Who is connected, and with how much: connections, sockets and streams by address and by person.
//!
//! Counted in this process alone. Behind several of them, a person may have as many on each.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use super::steady::Lifted;
use crate::{
    app::{App, Place, Places},
    domain::{ClientAddress, UserId, Viewer},
    error::{AppError, AppResult},
};

/// How long somebody who has too many is asked to wait before another try.
const RETRY: Duration = Duration::from_secs(5);

/// Counts them.
pub(super) struct Guests {
    connections: Places<()>,
    connections_by_address: Places<ClientAddress>,
    by_address: Places<ClientAddress>,
    by_person: Places<UserId>,
}

/// The connection that a request came on. Whoever takes the connection over, as a socket does, keeps this.
#[derive(Clone)]
pub(super) struct Line {
    /// The deadline of its writes.
    pub(super) deadline: Lifted,
    _places: Arc<(Place<()>, Option<Place<ClientAddress>>)>,
}

/// What a socket or a stream occupies.
pub(super) struct Seat {
    _address: Place<ClientAddress>,
    _person: Option<Place<UserId>>,
}

impl Guests {
    pub(super) fn new(app: &App) -> Self {
        let limits = &app.config().limits;
        Self {
            connections: Places::new(limits.connections),
            connections_by_address: Places::new(limits.connections_per_address),
            by_address: Places::new(limits.sockets_per_address),
            by_person: Places::new(limits.sockets_per_person),
        }
    }

    /// Lets a connection in. `None`: there are too many.
    pub(super) fn connect(&self, app: &App, peer: SocketAddr) -> Option<Line> {
        let proxies = &app.config().trusted_proxies;
        let ip = peer.ip().to_canonical();
        // A proxy's connections are those of everybody behind it.
        let by_address = match proxies.iter().any(|network| network.contains(&ip)) {
            true => None,
            false => Some(self.connections_by_address.take(ClientAddress::of(ip))?),
        };
        Some(Line {
            deadline: Lifted::default(),
            _places: Arc::new((self.connections.take(())?, by_address)),
        })
    }

    /// A socket's or stream's place at its address. `RATE_LIMITED`: it has too many.
    pub(super) fn at_address(&self, address: ClientAddress) -> AppResult<Place<ClientAddress>> {
        self.by_address.take(address).ok_or(TOO_MANY)
    }

    /// The same with its person, once they are known. Nobody in particular may have as many as the address.
    pub(super) fn seat(&self, address: Place<ClientAddress>, viewer: &Viewer) -> AppResult<Seat> {
        let person = match viewer.user() {
            Some(user) => Some(self.by_person.take(user).ok_or(TOO_MANY)?),
            None => None,
        };
        Ok(Seat {
            _address: address,
            _person: person,
        })
    }
}

const TOO_MANY: AppError = AppError::RateLimited { retry_after: RETRY };
