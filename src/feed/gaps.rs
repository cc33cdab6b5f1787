//! Replies of which text is missing here, and when to ask for it again.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::task::OVERTAKING;
use crate::domain::Seq;

/// How long whoever writes a reply may take to say its text again.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The pause doubles with each try, up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// The gaps there are, a reply each.
#[derive(Default)]
pub(super) struct Gaps(BTreeMap<Seq, Gap>);

struct Gap {
    ask_at: Instant,
    tries: u32,
}

impl Gaps {
    /// Text of a reply is missing. What was only overtaken on its way may still come.
    pub(super) fn open(&mut self, reply: Seq) {
        self.0.entry(reply).or_insert_with(|| Gap {
            ask_at: Instant::now() + OVERTAKING,
            tries: 0,
        });
    }

    /// Nothing of it is missing any more, or nobody needs it.
    pub(super) fn close(&mut self, reply: Seq) {
        self.0.remove(&reply);
    }

    /// When to ask next; nothing while nothing is missing.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.values().map(|gap| gap.ask_at).min()
    }

    /// The replies whose text is to be asked for now, and the how many-th time this is for each.
    pub(super) fn due(&mut self) -> Vec<(Seq, u32)> {
        let now = Instant::now();
        let due = self.0.iter_mut().filter(|(_, gap)| gap.ask_at <= now);
        due.map(|(reply, gap)| {
            gap.tries += 1;
            let longer = FIRST_PAUSE.saturating_mul(1 << (gap.tries - 1).min(8));
            gap.ask_at = now + longer.min(LONGEST_PAUSE);
            (*reply, gap.tries)
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep_until};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_asked_less_and_less_often_until_it_is_closed() {
        let mut gaps = Gaps::default();
        assert_eq!(gaps.next(), None);
        let began = Instant::now();
        gaps.open(Seq(2));
        let mut asked = Vec::new();
        for tries in 1..=8 {
            sleep_until(gaps.next().unwrap()).await;
            // What is found again is the same gap.
            gaps.open(Seq(2));
            assert_eq!(gaps.due(), [(Seq(2), tries)]);
            assert_eq!(gaps.due(), []);
            asked.push(began.elapsed().as_millis());
        }
        assert_eq!(asked, [20, 270, 770, 1770, 3770, 7770, 11770, 15770]);
        gaps.close(Seq(2));
        advance(LONGEST_PAUSE).await;
        assert_eq!((gaps.next(), gaps.due()), (None, vec![]));
    }
}
