//! What the program says of itself.

use super::support::Place;

#[tokio::test]
async fn help_reads_well() {
    let place = Place::new();
    insta::assert_snapshot!("help", place.run(&["--help"]).await.out);
    insta::assert_snapshot!("help_short", place.run(&["-h"]).await.out);
    for command in [
        "serve", "worker", "migrate", "schema", "reset", "restored", "doctor",
    ] {
        let ended = place.run(&[command, "--help"]).await;
        assert!(ended.status.success());
        insta::assert_snapshot!(format!("help_{command}"), ended.out);
    }
    let mut about_people = place.run(&["user", "--help"]).await.out;
    for command in ["create", "promote", "disable", "enable"] {
        about_people += "\n----\n";
        about_people += &place.run(&["user", command, "--help"]).await.out;
    }
    insta::assert_snapshot!("help_user", about_people);
}

#[tokio::test]
async fn a_command_that_is_not_there_is_refused_with_a_hint() {
    let ended = Place::new().run(&["server"]).await;
    assert_eq!(ended.status.code(), Some(2));
    assert!(ended.err.contains("'serve'"), "{}", ended.err);
}

#[tokio::test]
async fn schema_prints_the_committed_schema_and_needs_no_settings() {
    let place = Place::new().with("PARLOR_LISTEN", "nowhere");
    let ended = place.run(&["schema"]).await;
    assert!(ended.status.success());
    assert!(ended.out == include_str!("../../../schema.graphql"));
}
