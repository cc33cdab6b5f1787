//! Pages of a list: Relay's `first`, `after`, `last` and `before`, worked out in one place.
//!
//! A list is read by key, never by offset: [`PageRequest`] says from which key on and how many rows to
//! fetch (one more than shown, to learn whether there are others), [`Page::new`] makes the page of them.
//! The rules are those of the GraphQL Cursor Connections Specification, with one tightened: `first`
//! together with `last` is an error.

use crate::error::{AppError, AppResult};

/// The most rows on one page.
const MAX_PAGE: i32 = 200;

/// Which rows a page holds when the client names neither `first` nor `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defaults {
    /// This many from the list's beginning.
    First(usize),
    /// This many at the list's end.
    Last(usize),
}

/// The open interval of keys that a page lies in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds<K> {
    /// Rows come after this key.
    pub after: Option<K>,
    /// Rows come before this key.
    pub before: Option<K>,
}

/// A page that was asked for, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest<K> {
    /// Where it lies.
    pub bounds: Bounds<K>,
    limit: usize,
    from_end: bool,
}

impl<K> PageRequest<K> {
    /// Checks the four arguments of a connection, the cursors already decoded.
    pub fn parse(
        first: Option<i32>,
        last: Option<i32>,
        bounds: Bounds<K>,
        defaults: Defaults,
    ) -> AppResult<Self> {
        let (limit, from_end) = match (first, last) {
            (Some(_), Some(_)) => {
                return Err(AppError::bad_input(
                    "last",
                    "Ask for the first or for the last rows, not for both at once.",
                ));
            }
            (Some(first), None) => (size("first", first)?, false),
            (None, Some(last)) => (size("last", last)?, true),
            (None, None) => match defaults {
                Defaults::First(limit) => (limit, false),
                Defaults::Last(limit) => (limit, true),
            },
        };
        Ok(Self {
            bounds,
            limit,
            from_end,
        })
    }

    /// The same page by keys of another type.
    pub fn map<L>(self, make: impl Fn(K) -> L) -> PageRequest<L> {
        let Bounds { after, before } = self.bounds;
        PageRequest {
            bounds: Bounds {
                after: after.map(&make),
                before: before.map(&make),
            },
            limit: self.limit,
            from_end: self.from_end,
        }
    }

    /// How many rows to fetch: one more than the page shows.
    pub fn fetch(&self) -> i64 {
        self.limit as i64 + 1
    }

    /// Whether rows are fetched from the list's end backwards.
    pub fn is_from_end(&self) -> bool {
        self.from_end
    }
}

/// Rows of a list in the list's order, and whether there are others on either side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// The rows, in the list's order.
    pub items: Vec<T>,
    /// Whether the list goes on after them.
    pub has_next: bool,
    /// Whether the list goes on before them.
    pub has_previous: bool,
}

impl<T> Page<T> {
    /// Makes the page of what was fetched: at most [`PageRequest::fetch`] rows, nearest first, so in
    /// reverse when the page is taken from the list's end.
    pub fn new<K>(request: &PageRequest<K>, mut fetched: Vec<T>) -> Self {
        let has_more = fetched.len() > request.limit;
        fetched.truncate(request.limit);
        // On the side that the page was not cut on, a cursor that was given stands for a row there.
        if request.from_end {
            fetched.reverse();
            Self {
                items: fetched,
                has_next: request.bounds.before.is_some(),
                has_previous: has_more,
            }
        } else {
            Self {
                items: fetched,
                has_next: has_more,
                has_previous: request.bounds.after.is_some(),
            }
        }
    }

    /// The same page of other items.
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(make).collect(),
            has_next: self.has_next,
            has_previous: self.has_previous,
        }
    }
}

fn size(field: &'static str, asked: i32) -> AppResult<usize> {
    match usize::try_from(asked) {
        Ok(size) if asked <= MAX_PAGE => Ok(size),
        _ => Err(AppError::bad_input(
            field,
            format!("A page has 0 to {MAX_PAGE} rows."),
        )),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(
        first: Option<i32>,
        last: Option<i32>,
        after: Option<i32>,
        before: Option<i32>,
    ) -> AppResult<PageRequest<i32>> {
        PageRequest::parse(first, last, Bounds { after, before }, Defaults::First(50))
    }

    /// What a database would fetch for a request from the list 1, 2, ..., `length`.
    fn fetch(request: &PageRequest<i32>, length: i32) -> Vec<i32> {
        let inside = (1..=length)
            .filter(|row| request.bounds.after.is_none_or(|after| *row > after))
            .filter(|row| request.bounds.before.is_none_or(|before| *row < before));
        let take = request.fetch() as usize;
        if request.is_from_end() {
            inside.rev().take(take).collect()
        } else {
            inside.take(take).collect()
        }
    }

    #[test]
    fn both_ends_at_once_and_impossible_sizes_are_refused() {
        for (first, last, field) in [
            (Some(1), Some(1), "last"),
            (Some(-1), None, "first"),
            (Some(201), None, "first"),
            (None, Some(i32::MIN), "last"),
            (None, Some(i32::MAX), "last"),
        ] {
            let refused = request(first, last, None, None).unwrap_err();
            assert_eq!(refused.code(), "BAD_USER_INPUT");
            assert_eq!(refused.field(), Some(field));
        }
    }

    #[test]
    fn the_default_takes_the_end_that_the_list_wants() {
        let bounds = Bounds::<i32> {
            after: None,
            before: None,
        };
        let newest = PageRequest::parse(None, None, bounds, Defaults::Last(50)).unwrap();
        assert!(newest.is_from_end());
        assert_eq!(newest.fetch(), 51);
    }

    proptest! {
        #[test]
        fn walking_forward_shows_every_row_once(length in 0..60, size in 1..20) {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let request = request(Some(size), None, after, None).unwrap();
                let page = Page::new(&request, fetch(&request, length));
                prop_assert_eq!(page.has_previous, after.is_some());
                after = page.items.last().copied();
                seen.extend(page.items);
                if !page.has_next { break; }
            }
            prop_assert_eq!(seen, (1..=length).collect::<Vec<_>>());
        }

        #[test]
        fn walking_backward_shows_every_row_once(length in 0..60, size in 1..20) {
            let (mut seen, mut before) = (Vec::new(), None);
            loop {
                let request = request(None, Some(size), None, before).unwrap();
                let page = Page::new(&request, fetch(&request, length));
                prop_assert_eq!(page.has_next, before.is_some());
                before = page.items.first().copied();
                seen.splice(0..0, page.items);
                if !page.has_previous { break; }
            }
            prop_assert_eq!(seen, (1..=length).collect::<Vec<_>>());
        }
    }
}
