//! Chatbots that a person may talk to, those of the house and their own, and making one's own.

use diesel_async::AsyncConnection;

use super::under_way;
use crate::app::App;
use crate::db::chatbots::{self, Chatbot, Traits};
use crate::domain::{
    Account, ChatbotEngine, ChatbotId, DisplayName, Greeting, Handle, NewHandle, Page, PageRequest,
    Persona, Temperature, Viewer, WhileReplying,
};
use crate::error::{AppError, AppResult};

/// The most chatbots that one person may have.
pub const MAX_OWN: i64 = 50;

const NO_CHATBOT: AppError = AppError::NotFound("chatbot");

/// What someone wants of a chatbot. What is not there stays as it is; of a new one, as it is by default.
#[derive(Default)]
pub struct Wishes {
    /// Its unique name.
    pub handle: Option<String>,
    /// What it is shown as; the handle by default.
    pub name: Option<String>,
    /// What a client may show before the first message.
    pub greeting: Option<String>,
    /// What writes its replies.
    pub engine: Option<ChatbotEngine>,
    /// The model, or the operator's default one.
    pub model: Option<Option<String>>,
    /// How freely the model chooses its words, or as freely as it does by itself.
    pub temperature: Option<Option<f64>>,
    /// The system prompt, or none.
    pub persona: Option<Option<String>>,
    /// What becomes of a message that comes while it is replying.
    pub while_replying: Option<WhileReplying>,
}

/// A page of them, by handle.
pub async fn page(
    app: &App,
    viewer: &Viewer,
    request: &PageRequest<String>,
) -> AppResult<Page<Chatbot>> {
    let account = viewer.account()?;
    let mut conn = app.db().connection().await?;
    let rows = chatbots::page(&mut conn, account, request).await?;
    Ok(Page::new(request, rows))
}

/// The one with this handle, if there is one that the viewer may talk to.
pub async fn find(app: &App, viewer: &Viewer, handle: &Handle) -> AppResult<Option<Chatbot>> {
    let account = viewer.account()?;
    let mut conn = app.db().connection().await?;
    let handles = std::slice::from_ref(handle);
    let mut found = chatbots::by_handles(&mut conn, account, handles).await?;
    Ok(found.pop())
}

/// The one with this id: of the house, the viewer's own, or in a session of theirs, deleted or not. An admin
/// sees all. `NOT_FOUND` otherwise.
pub async fn get(app: &App, viewer: &Viewer, id: ChatbotId) -> AppResult<Chatbot> {
    let person = viewer.person()?;
    let mut conn = app.db().connection().await?;
    let found = chatbots::by_ids(&mut conn, &[id]).await?.pop();
    let chatbot = found.ok_or(NO_CHATBOT)?;
    let may_talk_to = |account: Account| {
        let owner = chatbot.owner_id;
        chatbot.deleted_at.is_none() && owner.is_none_or(|owner| owner == account.user())
    };
    let is_listed = viewer.account().is_ok_and(may_talk_to);
    if is_listed
        || viewer.is_admin()
        || chatbots::shares_a_session(&mut conn, person.user, id).await?
    {
        return Ok(chatbot);
    }
    Err(NO_CHATBOT)
}

/// Makes a chatbot of the viewer's own.
pub async fn create(app: &App, viewer: &Viewer, wishes: Wishes) -> AppResult<Chatbot> {
    let account = viewer.account()?;
    let wishes = Checked::parse(wishes)?;
    let Some(handle) = &wishes.handle else {
        return Err(AppError::bad_input(
            "handle",
            "A new chatbot needs a handle.",
        ));
    };
    let blank = Traits {
        handle: handle.as_str().to_owned(),
        handle_key: handle.key(),
        name: handle.as_str().to_owned(),
        greeting: String::new(),
        engine: match app.config().openai {
            Some(_) => ChatbotEngine::OpenAi,
            None => ChatbotEngine::Builtin,
        },
        model: None,
        temperature: None,
        persona: None,
        while_replying: WhileReplying::Queue,
    };
    let traits = granted(app, wishes, blank)?;
    let mut conn = app.db().connection().await?;
    conn.transaction(async |conn| chatbots::insert(conn, account, &traits, MAX_OWN).await)
        .await
}

/// Changes a chatbot of the viewer's own; an admin may change those of the house.
pub async fn update(
    app: &App,
    viewer: &Viewer,
    handle: &Handle,
    wishes: Wishes,
) -> AppResult<Chatbot> {
    let account = viewer.account()?;
    let wishes = Checked::parse(wishes)?;
    let mut conn = app.db().connection().await?;
    conn.transaction(async |conn| {
        let chatbot = chatbots::lock(conn, account, handle).await?;
        let chatbot = chatbot.ok_or(NO_CHATBOT)?;
        if chatbot.owner_id.is_none() && !viewer.is_admin() {
            return Err(AppError::Forbidden("This chatbot belongs to the house."));
        }
        let id = chatbot.id;
        let traits = granted(app, wishes, as_it_is(chatbot))?;
        let changed = chatbots::update(conn, id, &traits).await?;
        changed.ok_or(NO_CHATBOT)
    })
    .await
}

/// Deletes a chatbot of the viewer's own. It stays in its sessions as the author of what it wrote, and it
/// answers no more: its replies under way are cancelled in the same transaction.
pub async fn delete(app: &App, viewer: &Viewer, handle: &Handle) -> AppResult<()> {
    let account = viewer.account()?;
    let mut conn = app.db().connection().await?;
    let found = chatbots::by_handles(&mut conn, account, std::slice::from_ref(handle)).await?;
    drop(conn);
    let id = may_be_deleted(found.into_iter().next())?;
    under_way::ask_all_of_to_stop(app, id).await?;
    let mut conn = app.db().connection().await?;
    let cancelled = conn
        .transaction(async |conn| {
            let id = may_be_deleted(chatbots::lock(conn, account, handle).await?)?;
            chatbots::delete(conn, id).await?;
            // One that is born of a send that did not know of the deletion yet is ended by whoever takes it on.
            under_way::cancel_all_of(conn, id).await
        })
        .await?;
    drop(conn);
    for (session, ended) in cancelled {
        under_way::announce(app, session, ended);
    }
    Ok(())
}

fn may_be_deleted(chatbot: Option<Chatbot>) -> AppResult<ChatbotId> {
    let chatbot = chatbot.ok_or(NO_CHATBOT)?;
    if chatbot.owner_id.is_none() {
        return Err(AppError::Forbidden("This chatbot belongs to the house."));
    }
    Ok(chatbot.id)
}

fn as_it_is(chatbot: Chatbot) -> Traits {
    Traits {
        handle: chatbot.handle,
        handle_key: chatbot.handle_key,
        name: chatbot.name,
        greeting: chatbot.greeting,
        engine: chatbot.engine,
        model: chatbot.model,
        temperature: chatbot.temperature,
        persona: chatbot.persona,
        while_replying: chatbot.while_replying,
    }
}

/// Wishes that can be granted as far as they themselves are concerned.
struct Checked {
    handle: Option<NewHandle>,
    name: Option<DisplayName>,
    greeting: Option<Greeting>,
    engine: Option<ChatbotEngine>,
    model: Option<Option<String>>,
    temperature: Option<Option<Temperature>>,
    persona: Option<Persona>,
    while_replying: Option<WhileReplying>,
}

impl Checked {
    fn parse(wishes: Wishes) -> AppResult<Self> {
        let handle = wishes.handle.map(|text| NewHandle::parse(&text, "handle"));
        let name = wishes.name.map(|text| DisplayName::parse(&text, "name"));
        let greeting = wishes
            .greeting
            .map(|text| Greeting::parse(&text, "greeting"));
        let persona = wishes
            .persona
            .map(|text| Persona::parse(&text.unwrap_or_default(), "persona"));
        let temperature = wishes.temperature.map(|degrees| {
            let degrees = degrees.map(|degrees| Temperature::new(degrees, "temperature"));
            degrees.transpose()
        });
        Ok(Self {
            handle: handle.transpose()?,
            name: name.transpose()?,
            greeting: greeting.transpose()?,
            engine: wishes.engine,
            model: wishes.model,
            temperature: temperature.transpose()?,
            persona: persona.transpose()?,
            while_replying: wishes.while_replying,
        })
    }
}

/// The traits with these wishes granted, as far as this place can grant them.
fn granted(app: &App, wishes: Checked, mut traits: Traits) -> AppResult<Traits> {
    if let Some(handle) = &wishes.handle {
        traits.handle = handle.as_str().to_owned();
        traits.handle_key = handle.key();
    }
    if let Some(name) = &wishes.name {
        traits.name = name.as_str().to_owned();
    }
    if let Some(greeting) = &wishes.greeting {
        traits.greeting = greeting.as_str().to_owned();
    }
    if let Some(persona) = &wishes.persona {
        traits.persona = Some(persona.as_str().to_owned()).filter(|text| !text.is_empty());
    }
    if let Some(while_replying) = wishes.while_replying {
        traits.while_replying = while_replying;
    }
    if let Some(engine) = wishes.engine {
        traits.engine = engine;
    }
    match traits.engine {
        ChatbotEngine::Builtin => {
            let only_models = |field| {
                AppError::bad_input(field, "Only a chatbot with the engine OPENAI has this.")
            };
            if wishes.model.flatten().is_some() {
                return Err(only_models("model"));
            }
            if wishes.temperature.flatten().is_some() {
                return Err(only_models("temperature"));
            }
            traits.model = None;
            traits.temperature = None;
        }
        ChatbotEngine::OpenAi => {
            // One that was made when there was a model server may still be renamed.
            if wishes.engine.is_some() && app.config().openai.is_none() {
                return Err(AppError::bad_input(
                    "engine",
                    "No model server is set up here: chatbots with the engine OPENAI can't be made.",
                ));
            }
            if let Some(model) = wishes.model {
                traits.model = model.map(|model| allowed(app, &model)).transpose()?;
            }
            if let Some(degrees) = wishes.temperature {
                traits.temperature = degrees.map(Temperature::get);
            }
        }
    }
    Ok(traits)
}

fn allowed(app: &App, wanted: &str) -> AppResult<String> {
    let server = app.config().openai.as_ref();
    if let Some(model) = server.and_then(|server| server.model(Some(wanted))) {
        return Ok(model.to_owned());
    }
    let known = server.map_or_else(String::new, |server| server.models.join(", "));
    Err(AppError::bad_input(
        "model",
        format!("This model is not offered here. There are: {known}."),
    ))
}
