//! Everybody who looks, and what there is to look at, on one server.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parlor::domain::{Horizon, Rev, SessionId};
use parlor::services::operator;
use serde_json::{Value, json};

use super::names::{Named, Names};
use super::stage::{self, Invited, place};
use super::viewers::Viewer;
use crate::helpers::{PASSWORD, Person, TestApp, TestDatabase, session_id};

/// The handle of the chatbot of the house.
const HOUSE: &str = "parlor";

/// Of an access token, which is made anew for each asking: on a busy machine a table takes longer than one is good for.
const LIFE: Duration = Duration::from_secs(14 * 60);

/// Those who act.
pub struct People {
    /// Ada.
    pub owner: Person,
    /// Bob.
    pub member: Person,
    /// Cleo.
    pub other: Person,
    /// Dan.
    pub stranger: Person,
    /// Eve.
    pub removed: Person,
    /// Fay.
    pub admin: Person,
    /// Gus.
    pub disabled: Person,
    /// Hal, who is in the room and in the shared session, and looks at nothing.
    pub bystander: Person,
    /// Bob on another device, where he has signed out.
    pub signed_out: Person,
}

/// A server, everybody who looks, and what there is to look at.
pub struct World {
    app: TestApp,
    people: People,
    names: Names,
    things: Vec<String>,
    /// Behind the last seat that was given, and before the last changes.
    all_were_there: Horizon,
    client: reqwest::Client,
    given: AtomicUsize,
}

impl World {
    /// Nobody writes replies here: `parlor::bots::start` is for who wants them.
    pub async fn start() -> Self {
        let database = TestDatabase::migrated().await;
        // A model server that is never asked, so that chatbots have a model to tell of.
        let models = [
            ("PARLOR_OPENAI_MODELS", "small"),
            ("OPENAI_BASE_URL", "http://127.0.0.1:9/v1"),
        ];
        let app = TestApp::configured(database, &models).await;
        let people = People::gather(&app).await;
        let mut names = stage::set(&app, &people, 0, Invited::Everybody).await;
        let things = names.keys().cloned().collect();
        operator::disable(app.app().db(), "gus").await.unwrap();
        names.append(&mut people.names().await);
        let last = app
            .database()
            .value("select max(joined_in) + 1 from members")
            .await;
        let mut world = Self {
            all_were_there: Horizon(last.as_i64().unwrap()),
            app,
            people,
            names,
            things,
            client: reqwest::Client::new(),
            given: AtomicUsize::new(1),
        };
        let mut places = world.places().await;
        world.names.append(&mut places);
        world
    }

    /// The server.
    pub fn app(&self) -> &TestApp {
        &self.app
    }

    /// What asks it.
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// What the tables' names stand for.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Somebody's token; nothing for nobody. Guests come and go with their visits, so they are among the things.
    pub fn token(&self, viewer: Viewer, names: &Names) -> Option<String> {
        let people = &self.people;
        let guest = |name: &str| names[name].value.as_str().map(str::to_owned);
        let person = match viewer {
            Viewer::Guest => return guest("guests_access"),
            Viewer::OtherGuest => return guest("other_guests_access"),
            Viewer::Nobody => return None,
            Viewer::Expired => return Some(people.member.expired_token()),
            Viewer::Member => &people.member,
            Viewer::Other => &people.other,
            Viewer::Stranger => &people.stranger,
            Viewer::Removed => &people.removed,
            Viewer::Owner => &people.owner,
            Viewer::Admin => &people.admin,
            Viewer::Disabled => &people.disabled,
            Viewer::SignedOut => &people.signed_out,
        };
        Some(person.token_valid_for(LIFE))
    }

    /// The token of a person in the room who is in no column.
    pub fn bystander(&self) -> String {
        self.people.bystander.token_valid_for(LIFE)
    }

    /// Whether a name stands for something that a deed may change: a session, a message, a chatbot of somebody's.
    pub fn is_thing(&self, name: &str) -> bool {
        self.things.iter().any(|thing| thing == name)
    }

    /// Other things of the same kinds, for a deed that changes them. The old ones are left as they are.
    pub async fn things_anew(&self) -> Names {
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        // A person may have 50 chatbots: those of earlier deeds make room.
        let earlier = format!(
            "update chatbots set deleted_at = now() where owner_id is not null \
             and deleted_at is null and not handle ~ '-(0|{number})$'"
        );
        self.app.database().execute(&earlier).await;
        let anew = stage::set(
            &self.app,
            &self.people.renewed(),
            number,
            Invited::TheOthers,
        )
        .await;
        let mut names = self.names.clone();
        names.extend(anew);
        names
    }

    /// What a name stands for to somebody. `$new_name` and `$new_email` are others each time.
    pub fn named(&self, names: &Names, viewer: Viewer, name: &str) -> Named {
        let number = || self.given.fetch_add(1, Ordering::Relaxed);
        match name {
            "own_inbox" => self.inbox(names, viewer, Horizon(0)),
            "own_inbox_when_all_were_there" => self.inbox(names, viewer, self.all_were_there),
            "owners_inbox" => self.inbox(names, Viewer::Owner, Horizon(0)),
            "new_name" => Named::plain(&format!("newcomer-{}", number())),
            "new_email" => Named::plain(&format!("newcomer-{}@example.org", number())),
            name => names
                .get(name)
                .unwrap_or_else(|| panic!("${name} is nothing"))
                .clone(),
        }
    }

    /// A cursor of somebody's inbox; of the member's, where nobody knows who asks.
    fn inbox(&self, names: &Names, viewer: Viewer, horizon: Horizon) -> Named {
        let app = self.app.app();
        let token = self.token(viewer, names);
        let claims = token.and_then(|token| app.access_tokens().check(&token).ok());
        let user = match claims {
            Some(claims) => claims.user,
            None => {
                app.access_tokens()
                    .check(self.people.member.token())
                    .unwrap()
                    .user
            }
        };
        Named::place(&app.seal_inbox_cursor(app.epoch(), user, horizon))
    }

    /// Cursors: of logs, and of the owner's lists.
    async fn places(&self) -> Names {
        let session = |name: &str| session_id(self.names[name].value.as_str().unwrap());
        let cursor = |session: SessionId, rev| {
            Named::place(
                &self
                    .app
                    .app()
                    .seal_cursor(self.app.app().epoch(), session, Rev(rev)),
            )
        };
        let (room, private, visit) = (session("room"), session("private"), session("visit"));
        let lists = json!({ "private": self.names["private"].value });
        let lists = self.people.owner.run(LISTS, lists).await;
        let edge = |list: &Value| Named::place(list["edges"][0]["cursor"].as_str().unwrap());
        let places = [
            ("room_start", cursor(room, 0)),
            (
                "room_before_said",
                cursor(room, born(self, "said").await - 1),
            ),
            (
                "room_when_all_was_said",
                cursor(room, born(self, "agreed").await),
            ),
            ("private_start", cursor(private, 0)),
            ("visit_start", cursor(visit, 0)),
            ("edge_of_sessions", edge(&lists["sessions"])),
            ("edge_of_rooms", edge(&lists["rooms"])),
            ("edge_of_chatbots", edge(&lists["chatbots"])),
            ("edge_of_history", edge(&lists["history"])),
            ("edge_of_search", edge(&lists["search"])),
            ("edge_of_private", edge(&lists["session"]["messages"])),
        ];
        places.map(|(name, place)| (name.to_owned(), place)).into()
    }
}

impl People {
    async fn gather(app: &TestApp) -> Self {
        let (owner, member, other, stranger) = tokio::join!(
            app.person("ada"),
            app.person("bob"),
            app.person("cleo"),
            app.person("dan"),
        );
        let (removed, admin, disabled, bystander) = tokio::join!(
            app.person("eve"),
            app.person("fay"),
            app.person("gus"),
            app.person("hal"),
        );
        let bio = r#"mutation { updateProfile(input: {bio: "Drinks tea."}) { id } }"#;
        member.run(bio, json!({})).await;
        let promoted = "update users set role = 'ADMIN' where username = 'fay'";
        app.database().execute(promoted).await;
        let login = member.log_in("bob", PASSWORD).await.data();
        let signed_out = member.signed_in(&login["login"]);
        signed_out.log_out(false).await;
        Self {
            owner,
            member,
            other,
            stranger,
            removed,
            admin,
            disabled,
            bystander,
            signed_out,
        }
    }

    /// The same with fresh tokens.
    fn renewed(&self) -> Self {
        let renew = |person: &Person| person.with_token(&person.token_valid_for(LIFE));
        Self {
            owner: renew(&self.owner),
            member: renew(&self.member),
            other: renew(&self.other),
            stranger: renew(&self.stranger),
            removed: renew(&self.removed),
            admin: renew(&self.admin),
            disabled: renew(&self.disabled),
            bystander: renew(&self.bystander),
            signed_out: renew(&self.signed_out),
        }
    }

    /// What the tables call them and theirs by.
    async fn names(&self) -> Names {
        let mut names = Names::new();
        for (role, username) in [
            ("owner", "ada"),
            ("member", "bob"),
            ("other", "cleo"),
            ("stranger", "dan"),
            ("disabled", "gus"),
        ] {
            let query = "query ($name: String!) { user(username: $name) { id } }";
            let found = self.owner.run(query, json!({ "name": username })).await;
            let id = Named::id(found["user"]["id"].as_str().unwrap());
            names.insert(format!("{role}_id"), id);
            names.insert(role.to_owned(), Named::name(username));
        }
        let house = "query ($handle: String!) { chatbot(handle: $handle) { id } }";
        let house = self.owner.run(house, json!({ "handle": HOUSE })).await;
        let texts = [
            ("house", Named::name(HOUSE)),
            (
                "house_id",
                Named::id(house["chatbot"]["id"].as_str().unwrap()),
            ),
            ("members_email", Named::plain("bob@example.org")),
            ("members_key", Named::plain("a key")),
            ("password", Named::plain(PASSWORD)),
            ("new_password", Named::plain("sieben kleine Wale singen")),
            ("members_refresh", Named::token(self.member.refresh_token())),
            (
                "ended_refresh",
                Named::token(self.signed_out.refresh_token()),
            ),
        ];
        names.extend(texts.map(|(name, text)| (name.to_owned(), text)));
        names
    }
}

/// The rev with which a message came.
async fn born(world: &World, message: &str) -> i64 {
    let (session, seq) = place(&world.names[message]);
    let born =
        format!("select added_rev from messages where session_id = '{session}' and seq = {seq}");
    world.app.database().value(&born).await.as_i64().unwrap()
}

/// The owner's lists.
const LISTS: &str = r#"query ($private: ID!) {
    sessions { edges { cursor } }
    rooms { edges { cursor } }
    chatbots { edges { cursor } }
    history { edges { cursor } }
    search(text: "milk") { edges { cursor } }
    session(id: $private) { messages { edges { cursor } } }
}"#;
