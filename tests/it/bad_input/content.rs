//! What a message may say.

use serde_json::json;

use super::Scene;

/// The longest message, in bytes of UTF-8.
const LONGEST: usize = 32 * 1024;

#[tokio::test]
async fn a_message_that_says_nothing_too_much_or_nul_is_not_sent() {
    let scene = Scene::start().await;
    let too_long = format!("{}a", "é".repeat(LONGEST / 2));
    for content in ["", " \t\r\n\u{3000}", "a\0b", "\0", too_long.as_str()] {
        // Into a session, and into one that must not be started for it.
        for session in [json!(scene.session), json!(null)] {
            let input = json!({"sessionId": session, "content": content, "clientKey": "k"});
            scene.refuses_send(input, "BAD_USER_INPUT", "content").await;
        }
    }
}

#[tokio::test]
async fn a_message_may_be_as_long_as_it_may_be_and_is_kept_to_the_byte() {
    let scene = Scene::start().await;
    let longest = format!("  {}\n\n", "é".repeat(LONGEST / 2 - 2));
    assert_eq!(longest.len(), LONGEST);
    let sent = scene.ada.say(Some(&scene.session), &longest).await;
    assert_eq!(sent["message"]["content"], longest);
    let history = scene.ada.history(&scene.session).await;
    assert_eq!(history[2]["content"], longest);
}

#[tokio::test]
async fn a_refusal_says_what_to_mend() {
    let scene = Scene::start().await;
    let answer = scene.ada.send(json!({"content": " "})).await;
    let refusal = &answer.0["errors"][0];
    insta::assert_snapshot!(serde_json::to_string_pretty(refusal).unwrap(), @r#"
    {
      "extensions": {
        "code": "BAD_USER_INPUT",
        "field": "content"
      },
      "locations": [
        {
          "column": 17,
          "line": 2
        }
      ],
      "message": "A message can't be empty.",
      "path": [
        "sendMessage"
      ]
    }
    "#);
}
