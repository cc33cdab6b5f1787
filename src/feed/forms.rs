//! What is made of one item for all who follow: once for each form that they want it in, however many they are.
//!
//! What was made lives as long as the item does: until the last follower who heard it lets go of it. Beyond
//! [`MAX_BYTES`] of a feed the oldest goes first, and who wants it then has it made again.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::SetOnce;

/// How many bytes are kept of what was made of a feed's items.
const MAX_BYTES: usize = 256 * 1024;

/// What a thing counts at least, so that many small ones are bounded too.
const LEAST_BYTES: usize = 256;

/// One form that items can be shown in. Every one is different from all others of this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form(u64);

impl Form {
    /// Another form.
    #[expect(clippy::new_without_default, reason = "no two are equal")]
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// What was made of an item: a text, or nothing if that could not be shared.
pub type Made = Option<Arc<String>>;

/// What was made of one item so far, for all who follow.
#[derive(Debug)]
pub struct Forms {
    made: Mutex<Vec<(Form, Arc<SetOnce<Made>>)>>,
    shelf: Arc<Shelf>,
}

/// What a follower finds who wants an item in a form.
pub enum Found {
    /// Somebody else has made it, or is about to: [`wait`](SetOnce::wait) for it.
    Made(Arc<SetOnce<Made>>),
    /// Nobody has: make it.
    ToMake(Making),
}

/// The duty to make something. Dropped without having done so, it tells those who wait that there is nothing to
/// share.
pub struct Making {
    forms: Arc<Forms>,
    /// What others wait for.
    pub made: Arc<SetOnce<Made>>,
}

/// What is kept of a feed's items, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Shelf(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    items: VecDeque<(Weak<Forms>, usize)>,
    bytes: usize,
}

impl Shelf {
    /// For one more item.
    pub(super) fn forms(self: &Arc<Self>) -> Arc<Forms> {
        Arc::new(Forms {
            made: Mutex::default(),
            shelf: self.clone(),
        })
    }

    /// Counts what was made of an item, and lets go of what is too much.
    fn keep(&self, forms: &Arc<Forms>, bytes: usize) {
        let mut kept = lock(&self.0);
        let bytes = bytes.max(LEAST_BYTES);
        kept.items.push_back((Arc::downgrade(forms), bytes));
        kept.bytes += bytes;
        while let Some((first, bytes)) = kept.items.front() {
            let (first, bytes) = (first.upgrade(), *bytes);
            if first.is_some() && kept.bytes <= MAX_BYTES {
                break;
            }
            if let Some(first) = first {
                lock(&first.made).clear();
            }
            kept.bytes -= bytes;
            kept.items.pop_front();
        }
    }
}

impl Forms {
    /// What there is in this form.
    pub fn find(self: &Arc<Self>, form: Form) -> Found {
        let mut made = lock(&self.made);
        if let Some((_, found)) = made.iter().find(|(of, _)| *of == form) {
            return Found::Made(found.clone());
        }
        let cell = Arc::new(SetOnce::new());
        made.push((form, cell.clone()));
        Found::ToMake(Making {
            forms: self.clone(),
            made: cell,
        })
    }
}

impl Making {
    /// Gives it to all who want it.
    pub fn done(self, made: Made) {
        let bytes = made.as_ref().map_or(0, |text| text.len());
        // Only this sets it.
        let _ = self.made.set(made);
        self.forms.shelf.keep(&self.forms, bytes);
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        // Set already, if it was done.
        let _ = self.made.set(None);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(forms: &Arc<Forms>, form: Form, bytes: usize) {
        match forms.find(form) {
            Found::ToMake(making) => making.done(Some(Arc::new("x".repeat(bytes)))),
            Found::Made(_) => panic!("it is there"),
        }
    }

    fn is_made(forms: &Arc<Forms>, form: Form) -> bool {
        lock(&forms.made).iter().any(|(of, _)| *of == form)
    }

    fn kept(shelf: &Shelf) -> (usize, usize) {
        let kept = lock(&shelf.0);
        (kept.items.len(), kept.bytes)
    }

    #[tokio::test]
    async fn the_first_makes_it_and_the_others_wait() {
        let (shelf, one, other) = (Arc::<Shelf>::default(), Form::new(), Form::new());
        let forms = shelf.forms();
        let Found::ToMake(making) = forms.find(one) else {
            panic!("nobody has made it");
        };
        let Found::Made(waiting) = forms.find(one) else {
            panic!("somebody is about to");
        };
        assert!(
            matches!(forms.find(other), Found::ToMake(_)),
            "another form"
        );
        let (found, ()) = tokio::join!(waiting.wait(), async {
            making.done(Some(Arc::new("made".to_owned())));
        });
        assert_eq!(found.as_deref().map(String::as_str), Some("made"));
    }

    #[tokio::test]
    async fn who_does_not_make_it_leaves_nobody_waiting() {
        let (shelf, form) = (Arc::<Shelf>::default(), Form::new());
        let forms = shelf.forms();
        let Found::ToMake(making) = forms.find(form) else {
            panic!("nobody has made it");
        };
        let Found::Made(waiting) = forms.find(form) else {
            panic!("somebody is about to");
        };
        drop(making);
        assert_eq!(*waiting.wait().await, None);
    }

    #[test]
    fn what_is_kept_is_bounded_by_bytes_and_by_number_and_the_newest_stays() {
        for bytes in [0, 1_000, MAX_BYTES / 3] {
            let (shelf, form) = (Arc::<Shelf>::default(), Form::new());
            let held: Vec<_> = (0..2_000).map(|_| shelf.forms()).collect();
            for forms in &held {
                make(forms, form, bytes);
                let (items, bytes) = kept(&shelf);
                assert!(bytes <= MAX_BYTES && items <= MAX_BYTES / LEAST_BYTES);
            }
            let there: Vec<bool> = held.iter().map(|forms| is_made(forms, form)).collect();
            let many = there.iter().filter(|it| **it).count();
            assert_eq!(many, MAX_BYTES / bytes.max(LEAST_BYTES));
            assert!(there[there.len() - many..].iter().all(|it| *it));
        }
    }

    #[test]
    fn more_than_may_be_kept_is_given_and_not_kept() {
        let (shelf, form) = (Arc::<Shelf>::default(), Form::new());
        let forms = shelf.forms();
        make(&forms, form, MAX_BYTES + 1);
        assert!(!is_made(&forms, form));
        assert_eq!(kept(&shelf), (0, 0));
    }

    #[test]
    fn what_nobody_holds_takes_no_room_once_something_else_is_made() {
        let (shelf, form) = (Arc::<Shelf>::default(), Form::new());
        for _ in 0..10 {
            make(&shelf.forms(), form, 1_000);
            assert!(kept(&shelf).0 <= 1);
        }
    }
}
