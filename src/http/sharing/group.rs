//! Those who watch one session with one document: what one of them is shown, all are.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_graphql::{Request, Variables};
use futures_util::future::{BoxFuture, FutureExt as _};
use tokio::time::timeout;

use super::stage::Stage;
use crate::{
    api::{ParsedDocument, Schema},
    app::App,
    domain::{Epoch, SessionId},
    feed::{Form, Forms, Found, Made, Maker, Making, Seen, View},
    http::{answer::Answer, operation::Live},
    services::watch::Sight,
};

/// How long a shared execution may take. Whoever waits for it then executes by itself.
const PATIENCE: Duration = Duration::from_secs(2);

/// The groups there are. Cheap to clone.
#[derive(Clone)]
pub(in crate::http) struct Groups {
    app: App,
    schema: Schema,
    groups: Arc<Mutex<HashMap<Arc<Key>, Weak<Group>>>>,
}

/// So many events are made before anybody has asked for them.
const MOST_AHEAD: usize = 32;

/// Counts an execution until it is over, however it ends.
struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What all of a group have in common.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) session: SessionId,
    pub(super) epoch: Epoch,
    /// As the document asks for it.
    pub(super) view: View,
    pub(super) document: Arc<str>,
    pub(super) operation: Option<String>,
    /// Those that matter.
    pub(super) variables: String,
}

/// A group, for as long as somebody belongs to it.
pub(super) struct Group {
    key: Arc<Key>,
    document: Arc<ParsedDocument>,
    /// All variables of the first who came: those that don't matter must be there too.
    variables: Variables,
    form: Form,
    /// Nobody's execution: what depends on the viewer fails there.
    stage: tokio::sync::Mutex<Option<Stage>>,
    /// How many executions are under way or wait for the stage.
    making: AtomicUsize,
    groups: Groups,
}

impl Groups {
    pub(in crate::http) fn new(app: &App, schema: Schema) -> Self {
        Self {
            app: app.clone(),
            schema,
            groups: Arc::default(),
        }
    }

    /// The group of those who have this in common.
    pub(super) fn join(
        &self,
        key: Key,
        document: Arc<ParsedDocument>,
        variables: Variables,
    ) -> Arc<Group> {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(group) = groups.get(&key).and_then(Weak::upgrade) {
            return group;
        }
        let key = Arc::new(key);
        let group = Arc::new(Group {
            key: key.clone(),
            document,
            variables,
            form: Form::new(),
            stage: tokio::sync::Mutex::default(),
            making: AtomicUsize::new(0),
            groups: self.clone(),
        });
        groups.insert(key, Arc::downgrade(&group));
        drop(groups);
        let maker: Weak<Group> = Arc::downgrade(&group);
        self.app.feeds().have_made(group.key.session, maker);
        group
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let groups = &self.groups.groups;
        let mut groups = groups.lock().unwrap_or_else(PoisonError::into_inner);
        // Another one may have been founded since.
        if groups
            .get(&self.key)
            .is_some_and(|it| it.strong_count() == 0)
        {
            groups.remove(&self.key);
        }
        drop(groups);
        self.groups.app.feeds().forget_makers(self.key.session);
    }
}

impl Maker for Group {
    fn view(&self) -> View {
        self.key.view
    }

    fn make(self: Arc<Self>, seen: Seen) -> BoxFuture<'static, ()> {
        async move {
            // Beyond that they are made for whoever comes to them, at their pace.
            let is_behind = self.making.load(Ordering::Relaxed) >= MOST_AHEAD;
            if let Some(forms) = seen.forms.as_ref().filter(|_| !is_behind) {
                self.show(&seen, forms).await;
            }
        }
        .boxed()
    }
}

impl Group {
    /// What they all watch.
    pub(super) fn session(&self) -> SessionId {
        self.key.session
    }

    /// The operation anew. It carries nothing of who asks.
    pub(super) fn operation(&self) -> Live {
        let mut request = Request::new("").variables(self.variables.clone());
        request.operation_name.clone_from(&self.key.operation);
        Live::new(request.data(self.key.epoch), self.document.clone())
    }

    /// What all are shown of this. Nothing if each must be shown it for itself.
    pub(super) async fn show(self: &Arc<Self>, seen: &Seen, forms: &Arc<Forms>) -> Made {
        let made = match forms.find(self.form) {
            Found::Made(made) => made,
            Found::ToMake(making) => {
                let made = making.made.clone();
                // In a task of its own: who waits for it must not depend on whether the one who happened to come
                // first goes on, or is busy with a peer that takes nothing.
                let execute = self.clone().execute(seen.clone(), making);
                self.making.fetch_add(1, Ordering::Relaxed);
                self.groups.app.tasks().spawn(execute);
                made
            }
        };
        match made.get() {
            Some(made) => made.clone(),
            None => made.wait().await.clone(),
        }
    }

    /// Dropping `making` tells everyone to do without.
    async fn execute(self: Arc<Self>, seen: Seen, making: Making) {
        let _counted = Counted(&self.making);
        // Waiting for those before it is no part of what it may take.
        let Ok(mut stage) = timeout(PATIENCE, self.stage.lock()).await else {
            return;
        };
        let shown = timeout(PATIENCE, async {
            // Taken out: one that is given up, fails or has told of an error is not used again.
            let mut own = match stage.take() {
                Some(own) => own,
                None => Stage::new(&self.groups.schema, self.operation(), None),
            };
            let response = own.show(Sight::Item(seen)).await?.ok()?;
            if !response.errors.is_empty() {
                return None;
            }
            *stage = Some(own);
            match response.into() {
                Answer::Executed(text) => Some(text),
                Answer::Refused(_) => None,
            }
        });
        if let Ok(Some(text)) = shown.await {
            making.done(Some(text));
        }
    }
}
