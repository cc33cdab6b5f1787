//! Settings: every fault named at once, secrets never repeated, `.env` read.

use super::support::Place;

#[tokio::test]
async fn every_fault_is_named_in_one_message_and_no_value_is_repeated() {
    let place = Place::new()
        .with("PARLOR_LISTEN", "here")
        .with("DATABASE_URL", "mysql://ada:hunter2@db")
        .with("PARLOR_DATABASE_POOL", "1")
        .with("PARLOR_NATS_URL", "http://ada:hunter2@nats")
        .with("PARLOR_REPLY_LEASE", "1")
        .with("PARLOR_SECRET", "short secret")
        .with("PARLOR_ALLOWED_ORIGINS", "*")
        .with("PARLOR_TRUSTED_PROXIES", "10.0.0.0/33")
        .with("PARLOR_INTROSPECTION", "perhaps")
        .with("PARLOR_GRAPHIQL", "yes")
        .with("PARLOR_LOG", "a=b=c")
        .with("PARLOR_LOG_FORMAT", "xml");
    for command in ["serve", "migrate", "doctor"] {
        let ended = place.run(&[command]).await;
        assert_eq!(ended.status.code(), Some(1));
        assert_eq!(ended.out, "");
        insta::assert_snapshot!("every_fault", ended.err);
    }
    assert!(!place.home.data_dir().exists());
}

#[tokio::test]
async fn a_database_without_a_secret_is_refused() {
    let place = Place::new().with("DATABASE_URL", "postgres://127.0.0.1:1/parlor");
    let ended = place.run(&["serve"]).await;
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        ended.err.contains("PARLOR_SECRET is required"),
        "{}",
        ended.err
    );
}

#[tokio::test]
async fn env_in_the_working_directory_is_read_and_the_environment_wins_over_it() {
    let place = Place::new();
    place.write(".env", "PARLOR_DATA_DIR=elsewhere\nPARLOR_LISTEN=nowhere\n");
    let server = place.serve().await;
    assert!(
        server.greeting.contains("its data is in elsewhere"),
        "{}",
        server.greeting
    );
}

#[tokio::test]
async fn env_of_a_folder_above_is_none_of_its_business() {
    let place = Place::new().with("PARLOR_LOG_FORMAT", "xml");
    place.write(".env", "PARLOR_DATABASE_POOL=1\n");
    let inside = place.home.folder().join("inside");
    std::fs::create_dir(&inside).unwrap();
    let ended = place.run_in(&inside, &["serve"]).await;
    assert!(!ended.err.contains("PARLOR_DATABASE_POOL"), "{}", ended.err);
}

#[tokio::test]
async fn a_line_of_env_that_cannot_be_read_is_found_by_the_one_before_and_its_value_is_not_told() {
    let place = Place::new();
    place.write(".env", "PARLOR_LOG=info\nPARLOR_SECRET=hunter2 and more\n");
    let ended = place.run(&["serve"]).await;
    assert_eq!(ended.status.code(), Some(1));
    insta::assert_snapshot!(ended.err, @"parlor: The file .env can't be read: the line after PARLOR_LOG is not NAME=value. A value with spaces or # stands in single quotes.");
}

#[tokio::test]
async fn a_misspelt_setting_is_a_fault_wherever_it_stands() {
    let place = Place::new().with("PARLOR_MAX_FIELD", "10");
    place.write(".env", "PARLOR_TRUSTED_DOCUMENT=list.json\n");
    let ended = place.run(&["serve"]).await;
    assert_eq!(ended.status.code(), Some(1));
    for fault in [
        "PARLOR_MAX_FIELD is no setting; PARLOR_MAX_FIELDS may be meant",
        "PARLOR_TRUSTED_DOCUMENT is no setting; PARLOR_TRUSTED_DOCUMENTS may be meant",
    ] {
        assert!(ended.err.contains(fault), "{}", ended.err);
    }
}

#[tokio::test]
async fn a_list_of_documents_that_could_not_run_is_told_at_the_start() {
    let place = Place::new().with("PARLOR_TRUSTED_DOCUMENTS", "list.json");
    let told = async |text: &str| {
        place.write("list.json", text);
        let ended = place.run(&["serve"]).await;
        assert_eq!(ended.status.code(), Some(1));
        ended.err
    };
    let none = told("{}").await;
    assert!(
        none.contains("names a file that lists no document"),
        "{none}"
    );
    let broken = told(r#"{"one": "{ __typename }", "two": "{"}"#).await;
    assert!(
        broken.contains("The document \"two\" can't run"),
        "{broken}"
    );
}
