//! Why a socket ends.
//!
//! Codes from 4400 on are those of graphql-transport-ws, or chosen here beside them. 1000 to 1999 are
//! RFC 6455's, section 7.4, and the registry's that it opens.

use std::borrow::Cow;

use tokio_tungstenite::tungstenite::{Utf8Bytes, protocol::CloseFrame};

/// How a socket comes to its end.
#[derive(Debug)]
pub(super) enum End {
    /// The peer has sent its Close frame.
    PeerCloses,
    /// The connection is gone; nobody is there to be told.
    Lost,
    /// We close it.
    Close(Close),
}

/// A code and a reason for the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Close {
    code: u16,
    reason: Cow<'static, str>,
}

impl Close {
    /// Nothing readable, or too much at once.
    pub(super) const UNREADABLE: Self = Self::because(
        4400,
        "Messages must be well-formed, and frames not too long",
    );
    /// `subscribe` came before the connection was acknowledged.
    pub(super) const NOT_YET_ACKNOWLEDGED: Self = Self::because(4401, "Unauthorized");
    /// The access token has expired while the socket was open.
    pub(super) const TOKEN_EXPIRED: Self = Self::because(4403, "The access token has expired");
    /// The login that opened the socket has ended.
    pub(super) const SIGNED_OUT: Self = Self::because(4403, "The login has ended");
    /// The client offered no sub-protocol that we know.
    pub(super) const NO_SUB_PROTOCOL: Self = Self::because(
        4406,
        "Subprotocol not acceptable: ask for graphql-transport-ws",
    );
    /// The client offered the predecessor's sub-protocol.
    pub(super) const LEGACY_SUB_PROTOCOL: Self = Self::because(
        4406,
        "Subprotocol not acceptable: graphql-ws is not offered, ask for graphql-transport-ws",
    );
    /// No `connection_init` in time.
    pub(super) const NO_INIT: Self = Self::because(4408, "Connection initialisation timeout");
    /// A second `connection_init`.
    pub(super) const SECOND_INIT: Self = Self::because(4429, "Too many initialisation requests");
    /// Our own code: the peer takes nothing, so that what is meant for it would pile up.
    pub(super) const SLOW_CONSUMER: Self =
        Self::because(4410, "Slow consumer: messages are not being taken");
    /// Our own code, the same: the peer answers no pings.
    pub(super) const SILENT: Self = Self::because(4410, "Slow consumer: pings are not answered");
    /// This process stops; another try reaches another one, or this one's successor.
    pub(super) const RESTART: Self = Self::because(1012, "The server is restarting");
    /// More messages a second than a socket may send (RFC 6455: against our policy).
    pub(super) const TOO_MANY_MESSAGES: Self = Self::because(1008, "Too many messages a second");
    /// The person has as many sockets as one may. Later they may have fewer.
    pub(super) const TOO_MANY_SOCKETS: Self =
        Self::because(1013, "Too many sockets of one person, try again later");
    /// Who the peer is could not be looked up just now.
    pub(super) const TRY_AGAIN: Self = Self::because(1013, "Not available, try again later");
    /// A fault of ours.
    pub(super) const INTERNAL: Self = Self::because(1011, "Internal error");

    /// A message that is no message of the protocol.
    pub(super) fn bad_message(reason: &str) -> Self {
        Self {
            code: 4400,
            reason: format!("Invalid message: {reason}").into(),
        }
    }

    /// `connection_init` is refused.
    pub(super) fn forbidden(reason: String) -> Self {
        Self {
            code: 4403,
            reason: reason.into(),
        }
    }

    /// An operation of this id is already under way.
    pub(super) fn duplicate(id: &str) -> Self {
        Self {
            code: 4409,
            reason: format!("Subscriber for {id} already exists").into(),
        }
    }

    const fn because(code: u16, reason: &'static str) -> Self {
        Self {
            code,
            reason: Cow::Borrowed(reason),
        }
    }

    /// The frame for it.
    pub(super) fn frame(&self) -> CloseFrame {
        CloseFrame {
            code: self.code.into(),
            reason: Utf8Bytes::from(shortened(&self.reason)),
        }
    }
}

/// A control frame carries 125 bytes, two of which are the code (RFC 6455, section 5.5).
fn shortened(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(123)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_fits_a_control_frame_and_stays_readable() {
        let close = Close::duplicate(&"é".repeat(200));
        let reason = close.frame().reason;
        assert!(reason.len() <= 123);
        assert!(reason.starts_with("Subscriber for éé"));
    }
}
