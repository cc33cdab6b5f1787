//! What there is to look at and to act upon: three sessions and two visits, what was said in them, and chatbots.

use serde_json::{Value, json};

use super::names::{Named, Names};
use super::world::People;
use crate::helpers::{Person, TestApp};

/// Whether whoever was shut out may still be invited.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Invited {
    /// The person of the column `disabled` too, who is shut out later.
    Everybody,
    /// All but them.
    TheOthers,
}

/// Sets the stage anew; `number` tells its chatbots from those of earlier ones.
///
/// - `$room`: a room of the owner's, with their chatbot. There `$left_behind` was said by whoever was removed,
///   `$said` by the member (edited since), `$reply` by the chatbot (which failed), `$taken_back` by the member
///   (deleted since), and `$agreed` by the owner. The member has put the room away.
/// - `$shared`: a private session of the owner's with the same people. There the other member has `$whispered`,
///   and the chatbot owes an answer.
/// - `$private`: the owner's own, with the chatbot of the house, which is paused. There they said `$secret`.
/// - `$visit`: a guest's, to the owner, who has added the member. There `$asked` was said by the guest, `$answer` by the
///   owner's first chatbot (which failed), and `$welcome` by the owner. `$others_visit` is another guest's.
/// - `$owners_bot` and `$strangers_bot`: chatbots of theirs.
pub async fn set(app: &TestApp, people: &People, number: usize, invited: Invited) -> Names {
    let (owners_bot, strangers_bot) = (format!("owners-{number}"), format!("strangers-{number}"));
    let mut names = Names::new();
    let mut note = |name: &str, id: &Value| {
        names.insert(name.to_owned(), Named::id(id.as_str().unwrap()));
    };
    let made = people.owner.run(CHATBOT, chatbot(&owners_bot)).await;
    note("owners_bot_id", &made["made"]["id"]);
    let made = people.stranger.run(CHATBOT, chatbot(&strangers_bot)).await;
    note("strangers_bot_id", &made["made"]["id"]);

    let mut usernames = vec!["bob", "cleo", "eve", "hal"];
    if invited == Invited::Everybody {
        usernames.push("gus");
    }
    let begun = json!({"usernames": usernames, "bot": owners_bot});
    let begun = people.owner.run(SESSIONS, begun).await;
    let (room, shared, private) = (
        &begun["room"]["id"],
        &begun["shared"]["id"],
        &begun["private"]["id"],
    );
    note("room", room);
    note("shared", shared);
    note("private", private);

    let left = json!({"room": room, "content": "I bring milk"});
    let left = people.removed.run(SAY, left).await;
    note("left_behind", &left["said"]["message"]["id"]);
    let sessions = json!({"room": room, "shared": shared});
    people.owner.run(REMOVE, sessions).await;

    let said = json!({"room": room, "content": format!("@{owners_bot} no milk")});
    let said = people.member.run(SAY_TWICE, said).await;
    let (said, taken_back) = (&said["said"], &said["taken_back"]["message"]["id"]);
    note("said", &said["message"]["id"]);
    note("reply", &said["reply"]["id"]);
    note("taken_back", taken_back);
    let agreed = json!({"room": room, "private": private});
    let agreed = people.owner.run(AGREE, agreed).await;
    note("agreed", &agreed["agreed"]["message"]["id"]);
    note("secret", &agreed["secret"]["message"]["id"]);
    let whispered = json!({"room": shared, "content": "Psst, milk"});
    let whispered = people.other.run(SAY, whispered).await;
    note("whispered", &whispered["said"]["message"]["id"]);

    let (guest, other_guest) = (app.nobody(), app.nobody());
    let comes = guest.run(COME, json!({"name": "Ivy"})).await["comes"].take();
    let visit = &comes["session"]["id"];
    note("visit", visit);
    let members = comes["session"]["members"].as_array().unwrap();
    let of_guest = |member: &&Value| member["user"]["role"] == "GUEST";
    let guest_user = &members.iter().find(of_guest).unwrap()["user"];
    note("guest_id", &guest_user["id"]);
    let added = json!({"visit": visit});
    people.owner.run(ADD, added).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let access = text(&comes["accessToken"]);
    let asked = json!({"room": visit, "content": "Any milk?"});
    let asked = guest.with_token(&access).run(ASK, asked).await;
    note("asked", &asked["said"]["message"]["id"]);
    note("answer", &asked["said"]["reply"]["id"]);
    let welcome = json!({"room": visit, "content": "Welcome"});
    let welcome = people.owner.run(SAY, welcome).await;
    note("welcome", &welcome["said"]["message"]["id"]);
    let other_comes = other_guest.run(COME, json!({"name": "Joy"})).await["comes"].take();
    note("others_visit", &other_comes["session"]["id"]);

    let texts = [
        ("guest", Named::name(&text(&guest_user["username"]))),
        ("guests_access", Named::plain(&access)),
        ("guests_token", Named::token(&text(&comes["visitorToken"]))),
        (
            "other_guests_access",
            Named::plain(&text(&other_comes["accessToken"])),
        ),
        ("owners_bot", Named::name(&owners_bot)),
        ("strangers_bot", Named::name(&strangers_bot)),
    ];
    names.extend(texts.map(|(name, text)| (name.to_owned(), text)));
    db_fail(app, &names["reply"]).await;
    db_fail(app, &names["answer"]).await;
    let second = json!({"said": said["message"]["id"], "taken_back": taken_back, "room": room});
    people.member.run(SECOND_THOUGHTS, second).await;
    people.owner.run(PAUSE, json!({ "private": private })).await;

    names
}

impl Person {
    /// What comes of an operation that works.
    pub(super) async fn run(&self, query: &str, variables: Value) -> Value {
        self.ask(query, variables).await.data()
    }
}

fn chatbot(handle: &str) -> Value {
    json!({"input": {
        "handle": handle, "greeting": "Milk?", "engine": "OPENAI", "model": "small", "temperature": 1,
        "persona": "You love milk.",
    }})
}

/// Nobody writes replies here, so the end of this one is put down behind the API.
async fn db_fail(app: &TestApp, reply: &Named) {
    let (session, seq) = place(reply);
    app.database()
        .execute(&format!(
            "update messages set status = 'FAILED', content = 'Half of', failure = 'It broke off.', \
             finished_rev = rev where session_id = '{session}' and seq = {seq}"
        ))
        .await;
}

/// Where a message stands.
pub fn place(message: &Named) -> (parlor::domain::SessionId, i32) {
    use parlor::domain::NodeId;
    match NodeId::decode(message.value.as_str().unwrap()) {
        Some(NodeId::Message(session, seq)) => (session, seq.0),
        other => panic!("not a message: {other:?}"),
    }
}

const CHATBOT: &str =
    "mutation ($input: ChatbotInput!) { made: createChatbot(input: $input) { id } }";

const SESSIONS: &str = r#"mutation ($usernames: [String!], $bot: String!) {
    room: startSession(input: {kind: ROOM, title: "Milk", chatbots: [$bot], usernames: $usernames}) { id }
    shared: startSession(input: {title: "Shared", chatbots: [$bot], usernames: $usernames}) { id }
    private: startSession(input: {title: "Private"}) { id }
}"#;

const SAY: &str = "mutation ($room: ID!, $content: String!) {
    said: sendMessage(input: {sessionId: $room, content: $content}) { message { id } }
}";

const ASK: &str = r#"mutation ($room: ID!, $content: String!) {
    said: sendMessage(input: {sessionId: $room, content: $content, clientKey: "a key"}) {
        message { id } reply { id }
    }
}"#;

const COME: &str = r#"mutation ($name: String!) {
    comes: startVisit(input: {owner: "ada", displayName: $name}) {
        accessToken visitorToken session { id members { user { id username role } } }
    }
}"#;

const ADD: &str =
    r#"mutation ($visit: ID!) { addMember(sessionId: $visit, username: "bob") { id } }"#;

const REMOVE: &str = r#"mutation ($room: ID!, $shared: ID!) {
    room: removeMember(sessionId: $room, username: "eve") { id }
    shared: removeMember(sessionId: $shared, username: "eve") { id }
}"#;

const SAY_TWICE: &str = r#"mutation ($room: ID!, $content: String!) {
    said: sendMessage(input: {sessionId: $room, content: $content, clientKey: "a key"}) {
        message { id } reply { id }
    }
    taken_back: sendMessage(input: {sessionId: $room, content: "Oops"}) { message { id } }
}"#;

const AGREE: &str = r#"mutation ($room: ID!, $private: ID!) {
    agreed: sendMessage(input: {sessionId: $room, content: "Indeed"}) { message { id } }
    secret: sendMessage(input: {sessionId: $private, content: "I drank the milk"}) { message { id } }
}"#;

const SECOND_THOUGHTS: &str = r#"mutation ($said: ID!, $taken_back: ID!, $room: ID!) {
    editMessage(id: $said, content: "We are out of milk") { id }
    deleteMessage(id: $taken_back) { id }
    updateSession(id: $room, input: {archived: true}) { id }
}"#;

const PAUSE: &str = "mutation ($private: ID!) {
    updateSession(id: $private, input: {chatbotsPaused: true}) { id }
}";
