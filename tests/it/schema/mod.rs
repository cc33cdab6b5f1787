//! The public schema: what is committed is what the program has, it explains itself, and it keeps what
//! clients were promised.

mod lines;

use std::collections::HashSet;

use parlor::api;

/// What clients may rely on, a statement a line. Those that begin with `-` are yet to come.
const PROMISED: &str = include_str!("promised.txt");

#[test]
fn the_committed_schema_is_the_programs() {
    let committed = include_str!("../../../schema.graphql");
    // Not `assert_eq!`: nobody wants to read both from end to end.
    assert!(
        committed == api::sdl(),
        "schema.graphql is not the program's schema any more. `make schema` writes it anew; \
         look at the difference before you commit it."
    );
}

#[test]
fn everything_in_the_schema_has_a_description() {
    let silent: Vec<String> = lines::of(&api::sdl())
        .into_iter()
        .filter(|line| line.is_described == Some(false))
        .map(|line| line.text)
        .collect();
    assert!(silent.is_empty(), "without a description: {silent:#?}");
}

#[test]
fn what_was_promised_to_clients_is_there_word_for_word() {
    let said = lines::of(&api::sdl());
    let said: HashSet<&str> = said.iter().map(|line| line.text.as_str()).collect();
    let broken: Vec<&str> = kept().filter(|line| !said.contains(line)).collect();
    assert!(broken.is_empty(), "promised and not there: {broken:#?}");
    let come: Vec<&str> = yet_to_come().filter(|line| said.contains(line)).collect();
    assert!(
        come.is_empty(),
        "there now: take the dash from {come:#?} in promised.txt"
    );
}

#[test]
fn what_is_yet_to_come_is_not_there_in_another_form() {
    let said = lines::of(&api::sdl());
    let said: HashSet<&str> = said.iter().map(|line| place(&line.text)).collect();
    let differs: Vec<&str> = yet_to_come()
        .filter(|line| said.contains(place(line)))
        .collect();
    assert!(differs.is_empty(), "promised in another form: {differs:#?}");
}

#[test]
fn nothing_is_demanded_of_clients_that_they_were_not_told_of() {
    let promised: HashSet<&str> = kept().chain(yet_to_come()).collect();
    let places: HashSet<&str> = promised.iter().map(|line| place(line)).collect();
    let demanded: Vec<String> = lines::of(&api::sdl())
        .into_iter()
        .filter(|line| line.is_demanded && !promised.contains(line.text.as_str()))
        // What was added as a whole may demand what it likes.
        .filter(|line| places.contains(owner(&line.text)))
        .map(|line| line.text)
        .collect();
    assert!(
        demanded.is_empty(),
        "demanded and not promised: {demanded:#?}"
    );
}

fn kept() -> impl Iterator<Item = &'static str> {
    PROMISED.lines().filter(|line| !line.starts_with('-'))
}

fn yet_to_come() -> impl Iterator<Item = &'static str> {
    PROMISED.lines().filter_map(|line| line.strip_prefix("- "))
}

/// What a line is about: `Query.chatbots(first)` of `Query.chatbots(first): Int = 50`.
fn place(line: &str) -> &str {
    line.split_once(": ").map_or(line, |(place, _)| place)
}

/// What an argument or an input field belongs to: `Query.chatbots`, `LoginInput`.
fn owner(line: &str) -> &str {
    let place = place(line);
    let end = place.find('(').or_else(|| place.find('.'));
    &place[..end.unwrap_or(place.len())]
}
