//! How often anything may be done: one line a rate, each with a variable of its own.
//!
//! `docs/LIMITS.md` shows the same table to operators; a test compares the two.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::time::Duration;

use super::read::Reader;

/// So many in so long: that many at once, then one more each time a share of the period has gone by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: NonZeroU32,
    /// In how long.
    pub period: Duration,
}

impl Rate {
    /// `10/1m`: ten in a minute. The period is a whole number of seconds (`s`), minutes (`m`) or hours (`h`),
    /// a day at most; the count is 100,000 at most.
    pub fn parse(text: &str) -> Option<Self> {
        let (count, period) = text.split_once('/')?;
        let count: u32 = count.parse().ok()?;
        let (number, unit) = period.split_at_checked(period.len().checked_sub(1)?)?;
        let unit = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            _ => return None,
        };
        let seconds = number.parse::<u32>().ok()?.checked_mul(unit)?;
        let fits = count <= 100_000 && (1..=86_400).contains(&seconds);
        Some(Self {
            count: NonZeroU32::new(count).filter(|_| fits)?,
            period: Duration::from_secs(seconds.into()),
        })
    }
}

macro_rules! rates {
    ($($(#[$doc:meta])+ $field:ident: $variable:literal = $default:literal;)+) => {
        /// How often anything may be done. `None` is as often as one likes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Rates {
            $($(#[$doc])+ #[doc = concat!("\n\n`", $variable, "`.")] pub $field: Option<Rate>,)+
        }

        impl Rates {
            /// Every rate's variable and default, in the order of the documentation.
            pub const SETTINGS: &[(&str, &str)] = &[$(($variable, $default),)+];

            pub(super) fn read<L: Fn(&str) -> Option<OsString>>(reader: &mut Reader<L>) -> Self {
                let on = reader.switch("PARLOR_RATE_LIMITS", true);
                let rates = Self { $($field: reader.rate($variable, $default),)+ };
                if on { rates } else { Self { $($field: None,)+ } }
            }
        }
    };
}

rates! {
    /// `register`, from one address.
    register_address: "PARLOR_RATE_REGISTER_ADDRESS" = "30/1h";
    /// `login` under one name.
    login: "PARLOR_RATE_LOGIN" = "10/15m";
    /// `login` from one address.
    login_address: "PARLOR_RATE_LOGIN_ADDRESS" = "30/1m";
    /// `refresh` by one person, and `startVisit` by a guest who comes back.
    refresh: "PARLOR_RATE_REFRESH" = "30/1m";
    /// `refresh` from one address, and `startVisit` with a token.
    refresh_address: "PARLOR_RATE_REFRESH_ADDRESS" = "300/1m";
    /// `sendMessage` and `regenerateReply` by one person.
    send: "PARLOR_RATE_SEND" = "60/1m";
    /// `sendMessage` and `regenerateReply` from one address.
    send_address: "PARLOR_RATE_SEND_ADDRESS" = "600/1m";
    /// `startVisit` that begins a visit to one person.
    start_visit: "PARLOR_RATE_START_VISIT" = "300/1h";
    /// `startVisit` that begins a visit, from one address.
    start_visit_address: "PARLOR_RATE_START_VISIT_ADDRESS" = "30/1h";
    /// `setTyping` by one person.
    typing: "PARLOR_RATE_TYPING" = "120/1m";
    /// `setTyping` from one address.
    typing_address: "PARLOR_RATE_TYPING_ADDRESS" = "1200/1m";
    /// `setTyping` by one person in one session.
    typing_session: "PARLOR_RATE_TYPING_SESSION" = "1/1s";
    /// `search` by one person.
    search: "PARLOR_RATE_SEARCH" = "120/1m";
}

impl<L: Fn(&str) -> Option<OsString>> Reader<L> {
    fn rate(&mut self, name: &str, default: &str) -> Option<Rate> {
        let parse = |text: &str| match text {
            "off" => Some(None),
            text => Rate::parse(text).map(Some),
        };
        let rule = "is a rate, as 10/1m (s, m or h; 100000 in a day at most), or off";
        self.parsed(name, rule, parse)
            .unwrap_or_else(|| Rate::parse(default))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_count_and_a_period() {
        let rate = |count, seconds| {
            Some(Rate {
                count: NonZeroU32::new(count).unwrap(),
                period: Duration::from_secs(seconds),
            })
        };
        assert_eq!(Rate::parse("10/1m"), rate(10, 60));
        assert_eq!(Rate::parse("1/90s"), rate(1, 90));
        assert_eq!(Rate::parse("100000/24h"), rate(100_000, 86_400));
        for bad in [
            "",
            "/",
            "10",
            "10/",
            "10/m",
            "0/1m",
            "1/0s",
            "-1/1m",
            "10/1d",
            "100001/1h",
            "1/25h",
            "1/1é",
            "1/1m ",
            "1/9999999h",
            "10/1.5m",
        ] {
            assert_eq!(Rate::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_default_is_a_rate() {
        for (variable, default) in Rates::SETTINGS {
            assert!(Rate::parse(default).is_some(), "{variable}");
        }
    }
}
