//! Where a client stands in a log: each change once, in order, from the last cursor on.

use std::collections::HashSet;

use super::Kind;
use super::history::Place;

/// A client's way along a log.
#[derive(Default)]
pub(super) struct Walk {
    /// Where it began.
    pub(super) base: Option<Place>,
    /// The last cursor that it was given.
    pub(super) position: Option<Place>,
    /// The places that it was told of.
    told: HashSet<Place>,
}

impl Walk {
    /// Continues after a cursor, which must be the last that it was given.
    pub(super) fn come_back(&mut self, after: Option<Place>) -> Result<(), (Kind, String)> {
        if self.position.is_none() {
            (self.base, self.position) = (after, after);
        } else if after != self.position {
            let position = self.position;
            let told = format!("came back after {after:?}, not {position:?}");
            return Err((Kind::Hole, told));
        }
        Ok(())
    }

    /// An event stands at this place. If it can't be taken, why.
    pub(super) fn step(&mut self, place: Place) -> Result<(), (Kind, String)> {
        if !self.told.insert(place) {
            return Err((Kind::Repeat, format!("{place} was told before")));
        }
        if self.base.is_some_and(|base| place <= base) {
            let told = format!("{place} lies before the first cursor");
            return Err((Kind::Repeat, told));
        }
        if let Some(position) = self.position.filter(|position| place <= *position) {
            let told = format!("{place} came after {position}");
            return Err((Kind::Swap, told));
        }
        self.position = Some(place);
        Ok(())
    }

    /// Whether it was told of what is there.
    pub(super) fn has(&self, place: Place) -> bool {
        self.told.contains(&place)
    }
}
