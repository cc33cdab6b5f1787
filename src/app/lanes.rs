//! Lanes: what waits in one is done together, one batch after another, and what is in another does not wait for it.
//!
//! A lane is there while something is in it, with one task that works it off. Alone in its lane, a job is begun at
//! once: nobody waits for company.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::db::{Db, Pooled};
use crate::error::{AppError, AppResult};
use crate::panics;

/// How long a job may wait for its turn and for a connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many may wait in a lane. More are told at once that there is no hope.
const MOST_WAITING: usize = 1_000;

/// Something to be done.
pub trait Job: Send + 'static {
    /// What its batch fits in, at most; of one that weighs more, the batch is itself.
    const MOST: usize;

    /// How much room it takes.
    fn weight(&self) -> usize;
}

/// A job in a lane, and who waits for its answer. Dropped, it is answered with a fault of ours.
pub struct Waiting<J, A> {
    /// The job.
    pub job: J,
    came: Instant,
    answer: oneshot::Sender<AppResult<A>>,
}

impl<J, A> Waiting<J, A> {
    /// The same, waiting from now on.
    pub fn begun_anew(self) -> Self {
        Self {
            came: Instant::now(),
            ..self
        }
    }

    /// Ends the waiting.
    pub fn answer(self, answer: AppResult<A>) {
        // Whoever waited may have left.
        let _ = self.answer.send(answer);
    }
}

/// A connection, and those of a batch whose time has not run out until there is one: 5 seconds since they came. The
/// others are told `UNAVAILABLE`.
pub async fn connect<J, A>(
    db: &Db,
    mut batch: Vec<Waiting<J, A>>,
) -> Option<(Pooled, Vec<Waiting<J, A>>)> {
    loop {
        for late in batch.extract_if(.., |waiting| waiting.came.elapsed() >= PATIENCE) {
            let cause = anyhow::anyhow!("no turn within {} seconds", PATIENCE.as_secs());
            late.answer(Err(AppError::unavailable(cause)));
        }
        let longest = batch.iter().map(|waiting| waiting.came.elapsed()).max()?;
        match timeout(PATIENCE.saturating_sub(longest), db.connection()).await {
            Ok(Ok(conn)) => return Some((conn, batch)),
            Ok(Err(error)) => {
                fail(batch, error);
                return None;
            }
            Err(_) => {}
        }
    }
}

/// Tells everybody of a batch what went wrong with it.
pub fn fail<J, A>(batch: Vec<Waiting<J, A>>, error: AppError) {
    let cause = error.cause_chain().unwrap_or_else(|| error.to_string());
    let is_unavailable = matches!(error, AppError::Unavailable { .. });
    let mut first = Some(error);
    for waiting in batch {
        let error = first.take().unwrap_or_else(|| {
            let cause = anyhow::anyhow!("done together with others: {cause}");
            match is_unavailable {
                true => AppError::unavailable(cause),
                false => AppError::internal(cause),
            }
        });
        waiting.answer(Err(error));
    }
}

/// Does a batch: answers each of its jobs, or puts it into another lane.
pub type Work<K, J, A> = Arc<dyn Fn(K, Vec<Waiting<J, A>>) -> BoxFuture<'static, ()> + Send + Sync>;

/// The lanes that there are. Cheap to clone; all clones are the same lanes.
pub struct Lanes<K, J, A> {
    lanes: Arc<Mutex<Open<K, J, A>>>,
}

/// What is in each lane, in its order.
type Open<K, J, A> = HashMap<K, VecDeque<Waiting<J, A>>>;

impl<K, J, A> Clone for Lanes<K, J, A> {
    fn clone(&self) -> Self {
        Self {
            lanes: self.lanes.clone(),
        }
    }
}

impl<K: Copy + Eq + Hash + Send + 'static, J: Job, A: Send + 'static> Lanes<K, J, A> {
    /// None yet.
    pub(super) fn new() -> Self {
        Self {
            lanes: Arc::default(),
        }
    }

    /// Whether anything is in this lane.
    pub fn is_open(&self, lane: K) -> bool {
        self.lock().contains_key(&lane)
    }

    /// Has a job done in a lane, and waits for its answer; `UNAVAILABLE` if too many wait there. A lane that was
    /// empty is worked off in a task of `tasks`, which is who waits for it at a stop.
    pub async fn enter(
        &self,
        lane: K,
        job: J,
        tasks: &TaskTracker,
        work: Work<K, J, A>,
    ) -> AppResult<A> {
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting {
            job,
            came: Instant::now(),
            answer,
        };
        if self
            .lock()
            .get(&lane)
            .is_some_and(|queue| queue.len() >= MOST_WAITING)
        {
            return Err(AppError::unavailable(anyhow::anyhow!(
                "too many wait in a lane"
            )));
        }
        self.put(lane, waiting, tasks, work);
        answered.await.unwrap_or_else(|_| {
            Err(AppError::internal(anyhow::anyhow!(
                "a job was left unanswered"
            )))
        })
    }

    /// Puts what waited elsewhere at the end of a lane.
    pub fn put(&self, lane: K, waiting: Waiting<J, A>, tasks: &TaskTracker, work: Work<K, J, A>) {
        let mut is_new = false;
        self.lock()
            .entry(lane)
            .or_insert_with(|| {
                is_new = true;
                VecDeque::new()
            })
            .push_back(waiting);
        if is_new {
            tasks.spawn(self.clone().work_off(lane, work));
        }
    }

    /// Takes out what waits in a lane, to be told what keeps all of it from being done.
    pub fn clear(&self, lane: K) -> Vec<Waiting<J, A>> {
        let mut lanes = self.lock();
        let queue = lanes.get_mut(&lane);
        queue.map(std::mem::take).unwrap_or_default().into()
    }

    async fn work_off(self, lane: K, work: Work<K, J, A>) {
        while let Some(batch) = self.next_batch(lane) {
            // One that panics has dropped its jobs, and so answered them. The others go on.
            if let Err(panic) = panics::caught_in(work(lane, batch)).await {
                tracing::error!(%panic, "the work on a batch panicked");
            }
        }
    }

    /// What is done next; nothing if the lane is empty, and closed with that.
    fn next_batch(&self, lane: K) -> Option<Vec<Waiting<J, A>>> {
        let mut lanes = self.lock();
        let queue = lanes.get_mut(&lane)?;
        let mut batch = Vec::new();
        let mut weight = 0;
        while let Some(next) = queue.front() {
            weight += next.job.weight();
            if weight > J::MOST && !batch.is_empty() {
                break;
            }
            batch.extend(queue.pop_front());
        }
        if batch.is_empty() {
            lanes.remove(&lane);
            return None;
        }
        Some(batch)
    }

    fn lock(&self) -> MutexGuard<'_, Open<K, J, A>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt;
    use futures_util::future::join_all;
    use tokio::sync::Semaphore;
    use tokio::time::timeout;

    use super::*;

    impl Job for usize {
        const MOST: usize = 10;

        fn weight(&self) -> usize {
            *self
        }
    }

    type Numbers = Lanes<u8, usize, usize>;

    /// Notes what is done together, one batch each time it is let. Breaks where a batch has a 7.
    struct Workshop {
        lanes: Numbers,
        tasks: TaskTracker,
        let_go: Arc<Semaphore>,
        done: Arc<Mutex<Vec<Vec<usize>>>>,
    }

    impl Workshop {
        fn new() -> Self {
            Self {
                lanes: Lanes::new(),
                tasks: TaskTracker::new(),
                let_go: Arc::new(Semaphore::new(0)),
                done: Arc::default(),
            }
        }

        fn work(&self) -> Work<u8, usize, usize> {
            let (let_go, done) = (self.let_go.clone(), self.done.clone());
            Arc::new(move |_, batch| {
                let (let_go, done) = (let_go.clone(), done.clone());
                Box::pin(async move {
                    let_go.acquire().await.unwrap().forget();
                    let jobs: Vec<usize> = batch.iter().map(|waiting| waiting.job).collect();
                    assert!(!jobs.contains(&7), "as planned");
                    done.lock().unwrap().push(jobs);
                    for waiting in batch {
                        let job = waiting.job;
                        waiting.answer(Ok(job));
                    }
                })
            })
        }

        async fn enter(&self, lane: u8, job: usize) -> AppResult<usize> {
            self.lanes.enter(lane, job, &self.tasks, self.work()).await
        }

        fn done(&self) -> Vec<Vec<usize>> {
            self.done.lock().unwrap().clone()
        }
    }

    #[tokio::test]
    async fn what_waits_is_done_together_in_its_order_and_as_much_as_fits() {
        let shop = Workshop::new();
        let jobs = [1, 2, 3, 4, 1, 11, 1].map(|job| shop.enter(0, job));
        let others = async {
            // All of them are in the lane before the first batch is let go.
            tokio::task::yield_now().await;
            shop.let_go.add_permits(100);
        };
        let (answers, ()) = tokio::join!(join_all(jobs), others);
        let answers: Vec<usize> = answers.into_iter().map(Result::unwrap).collect();
        assert_eq!(answers, [1, 2, 3, 4, 1, 11, 1]);
        assert_eq!(shop.done(), [vec![1, 2, 3, 4], vec![1], vec![11], vec![1]]);
        shop.tasks.close();
        timeout(Duration::from_secs(10), shop.tasks.wait())
            .await
            .expect("a lane that is empty ends");
        assert!(!shop.lanes.is_open(0));
    }

    #[tokio::test]
    async fn a_panic_answers_its_own_batch_and_the_lane_goes_on() {
        let shop = Workshop::new();
        shop.let_go.add_permits(2);
        // Too heavy together to be one batch.
        let (broken, next) = tokio::join!(shop.enter(0, 7), shop.enter(0, 5));
        assert_eq!(broken.unwrap_err().code(), "INTERNAL");
        assert_eq!(next.unwrap(), 5);
    }

    #[tokio::test]
    async fn a_lane_has_an_end_and_others_have_theirs() {
        let shop = Workshop::new();
        let mut waiting = Box::pin(join_all((0..=MOST_WAITING).map(|_| shop.enter(0, 1))));
        assert!(waiting.as_mut().now_or_never().is_none());
        let refused = shop.enter(0, 1).now_or_never();
        assert_eq!(refused.unwrap().unwrap_err().code(), "UNAVAILABLE");
        let mut elsewhere = Box::pin(shop.enter(1, 1));
        assert!(elsewhere.as_mut().now_or_never().is_none());
        shop.let_go.add_permits(MOST_WAITING);
        assert_eq!(elsewhere.await.unwrap(), 1);
        let refused = waiting.await.into_iter().filter(Result::is_err).count();
        assert_eq!(refused, 1);
    }
}
