//! How often people, addresses and names do what costs: counted here, asked by `services`.
//!
//! Counted in this process alone, and forgotten with it: that much a limit is worth, and no database need be
//! asked before one can say no. Nothing of what is counted by is kept, only a keyed hash of it.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use moka::sync::Cache;
use tokio::time::{MissedTickBehavior, interval};

use crate::config;
use crate::domain::{ClientAddress, SessionId, UserId};
use crate::error::{AppError, AppResult};

/// How often what has been idle for its whole period is forgotten.
const SWEEP: Duration = Duration::from_secs(30);

/// Each counter tells at most this many apart; more share [`SHARED`] places until the next sweep. A place is
/// some 50 bytes.
const MOST_KEYS: usize = 100_000;
const SHARED: u64 = 4_096;

/// For how long, and how many, addresses are known from which a name was signed in under.
const KNOWN_FOR: Duration = Duration::from_secs(30 * 24 * 3_600);
const MOST_KNOWN: u64 = 100_000;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Opening an account.
    Register,
    /// Exchanging a refresh token, or coming back to a visit.
    Refresh,
    /// Sending a message, or having a reply written anew; sending again under the same key is another time.
    SendMessage,
    /// Beginning a visit; the person is whom it is to.
    StartVisit,
    /// Telling that one types.
    SetTyping,
    /// Searching.
    Search,
}

/// One counter a rate of the configuration. A rate that is missing here does not compile.
macro_rules! counters {
    ($($name:ident,)+) => {
        struct Counters {
            $($name: Counter,)+
        }

        impl Counters {
            fn new(rates: &config::Rates) -> Self {
                let config::Rates { $($name,)+ } = *rates;
                Self { $($name: Counter::new($name),)+ }
            }

            fn all(&self) -> impl Iterator<Item = &Counter> {
                [$(&self.$name,)+].into_iter()
            }
        }
    };
}

counters! {
    register_address,
    login,
    login_address,
    refresh,
    refresh_address,
    send,
    send_address,
    start_visit,
    start_visit_address,
    typing,
    typing_address,
    typing_session,
    search,
}

/// Counts.
pub struct Rates {
    of: Counters,
    /// Keyed, so that nobody can choose what falls together with what.
    hash: RandomState,
    /// Names with the addresses from which they were signed in under.
    known: Cache<u64, ()>,
}

impl Rates {
    /// Counts towards these rates.
    pub fn new(rates: &config::Rates) -> Self {
        Self {
            of: Counters::new(rates),
            hash: RandomState::new(),
            known: Cache::builder()
                .max_capacity(MOST_KNOWN)
                .time_to_live(KNOWN_FOR)
                .build(),
        }
    }

    /// Counts a deed done from this address; `RATE_LIMITED` if that is too often.
    pub fn from_address(&self, deed: Deed, address: ClientAddress) -> AppResult<()> {
        let counter = match deed {
            Deed::Register => &self.of.register_address,
            Deed::Refresh => &self.of.refresh_address,
            Deed::SendMessage => &self.of.send_address,
            Deed::StartVisit => &self.of.start_visit_address,
            Deed::SetTyping => &self.of.typing_address,
            // By person only.
            Deed::Search => return Ok(()),
        };
        counter.count(self.hash.hash_one(address))
    }

    /// Counts a deed done by this person; `RATE_LIMITED` if that is too often.
    pub fn by_person(&self, deed: Deed, person: impl Hash) -> AppResult<()> {
        let counter = match deed {
            Deed::Refresh => &self.of.refresh,
            Deed::SendMessage => &self.of.send,
            Deed::SetTyping => &self.of.typing,
            Deed::StartVisit => &self.of.start_visit,
            Deed::Search => &self.of.search,
            // Nobody yet who could be counted.
            Deed::Register => return Ok(()),
        };
        counter.count(self.hash.hash_one(person))
    }

    /// Counts that this person tells of their typing in this session; `RATE_LIMITED` if that is too often.
    pub fn typing_in(&self, person: UserId, session: SessionId) -> AppResult<()> {
        self.of
            .typing_session
            .count(self.hash.hash_one((person, session)))
    }

    /// Counts a try to sign in under this name; `RATE_LIMITED` if that is too often.
    ///
    /// All addresses together have one count for a name, so that many of them guess no faster than one. That
    /// would let anybody shut an owner out, so an address from which the name was signed in under before
    /// ([`signed_in`](Self::signed_in)) has a count for it of its own.
    pub fn sign_in(&self, name: &str, address: ClientAddress) -> AppResult<()> {
        self.of.login_address.count(self.hash.hash_one(address))?;
        let name = folded(name);
        let own = self.hash.hash_one((&name, address));
        if self.known.contains_key(&own) {
            self.of.login.count(own)
        } else {
            self.of.login.count(self.hash.hash_one(&name))
        }
    }

    /// Counts a try of somebody who is signed in to prove by their password that it is they; `RATE_LIMITED` if
    /// that is too often.
    pub fn prove(&self, person: impl Hash) -> AppResult<()> {
        self.of.login.count(self.hash.hash_one(person))
    }

    /// Notes that somebody proved to be who this name is.
    pub fn signed_in(&self, name: &str, address: ClientAddress) {
        self.known
            .insert(self.hash.hash_one((folded(name), address)), ());
    }

    /// Forgets what need not be known any more, now and then, for ever.
    pub async fn keep_small(&self) {
        let mut sweep = interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            sweep.tick().await;
            self.of.all().for_each(Counter::forget);
        }
    }
}

/// A name as accounts are looked up by it, more or less: another spelling is not another name.
fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

type Limiter<C> =
    RateLimiter<u64, DashMapStateStore<u64>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// Counts towards one rate.
struct Counter<C: Clock = DefaultClock> {
    limiter: Option<Limiter<C>>,
    clock: C,
    most_keys: usize,
}

impl Counter {
    fn new(rate: Option<config::Rate>) -> Self {
        Self::with_clock(rate, DefaultClock::default(), MOST_KEYS)
    }
}

impl<C: Clock + Clone> Counter<C> {
    fn with_clock(rate: Option<config::Rate>, clock: C, most_keys: usize) -> Self {
        let quota = rate.and_then(|rate| {
            let share = rate.period / rate.count.get();
            Quota::with_period(share).map(|quota| quota.allow_burst(rate.count))
        });
        Self {
            limiter: quota
                .map(|quota| RateLimiter::new(quota, DashMapStateStore::default(), clock.clone())),
            clock,
            most_keys,
        }
    }

    fn count(&self, key: u64) -> AppResult<()> {
        let Some(limiter) = &self.limiter else {
            return Ok(());
        };
        let key = if limiter.len() < self.most_keys {
            key
        } else {
            key % SHARED
        };
        limiter
            .check_key(&key)
            .map_err(|early| AppError::RateLimited {
                retry_after: early.wait_time_from(self.clock.now()),
            })
    }

    fn forget(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use governor::clock::FakeRelativeClock;

    use super::*;

    fn counter(count: u32, seconds: u64, most_keys: usize) -> Counter<FakeRelativeClock> {
        let rate = config::Rate {
            count: NonZeroU32::new(count).unwrap(),
            period: Duration::from_secs(seconds),
        };
        Counter::with_clock(Some(rate), FakeRelativeClock::default(), most_keys)
    }

    fn wait(counter: &Counter<FakeRelativeClock>, key: u64) -> Option<Duration> {
        counter.count(key).err()?.retry_after()
    }

    #[test]
    fn so_many_at_once_and_then_one_for_each_share_of_the_period() {
        let counter = counter(3, 60, 10);
        for _ in 0..3 {
            assert_eq!(wait(&counter, 1), None);
        }
        assert_eq!(wait(&counter, 1), Some(Duration::from_secs(20)));
        assert_eq!(wait(&counter, 2), None, "another one's count");
        counter.clock.advance(Duration::from_millis(19_500));
        let told = wait(&counter, 1).unwrap();
        assert_eq!(told, Duration::from_millis(500));
        counter.clock.advance(told);
        assert_eq!(wait(&counter, 1), None, "the wait that was told is enough");
        assert!(wait(&counter, 1).is_some());
    }

    #[test]
    fn memory_is_bounded_and_given_back() {
        let counter = counter(1, 60, 10);
        for key in 0..100_000 {
            let _ = counter.count(key << 20 | key);
        }
        let kept = |counter: &Counter<_>| counter.limiter.as_ref().unwrap().len();
        assert!(kept(&counter) <= 10 + 4_096, "{}", kept(&counter));
        // The period, and a share of it that the limiter keeps longer than it need.
        counter.clock.advance(Duration::from_secs(121));
        counter.forget();
        assert_eq!(kept(&counter), 0);
    }

    #[test]
    fn many_addresses_guess_no_faster_than_one_and_do_not_shut_the_owner_out() {
        let config = config::Config::read(|_| None).unwrap();
        let rates = Rates::new(&config.rates);
        let address = |n: u32| ClientAddress::of(std::net::Ipv4Addr::from(n).into());
        let home = address(1);
        rates.sign_in("ada", home).unwrap();
        rates.signed_in("ada", home);
        let guesses = (2..1_000).filter(|&n| rates.sign_in(" ADA", address(n)).is_ok());
        // The owner's own first try was one of ten.
        assert_eq!(guesses.count(), 9);
        rates.sign_in("Ada", home).unwrap();
        rates.sign_in("bob", address(2)).unwrap();
    }
}
