//! How much of anything a client may ask for at once: one line a limit, each with a variable of its own.
//!
//! `docs/LIMITS.md` shows the same table to operators; a test compares the two.

use std::ffi::OsString;

use super::read::Reader;

/// A limit as `docs/LIMITS.md` lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The variable that changes it.
    pub variable: &'static str,
    /// What it is without one.
    pub default: u64,
    /// The least it may be.
    pub least: u64,
    /// The most it may be.
    pub most: u64,
}

macro_rules! limits {
    ($($(#[$doc:meta])+ $field:ident: $variable:literal = $default:literal in $least:literal..=$most:literal;)+) => {
        /// How much of anything a client may ask for at once. Every number is the most that is let through.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct Limits {
            $($(#[$doc])+ #[doc = concat!("\n\n`", $variable, "`.")] pub $field: u64,)+
        }

        impl Default for Limits {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }

        impl Limits {
            /// Every limit with its variable, in the order of the documentation.
            pub const SETTINGS: &[Setting] = &[$(Setting {
                variable: $variable,
                default: $default,
                least: $least,
                most: $most,
            },)+];

            pub(super) fn read<L: Fn(&str) -> Option<OsString>>(reader: &mut Reader<L>) -> Self {
                Self { $($field: reader.number($variable, $least..=$most).unwrap_or($default),)+ }
            }
        }
    };
}

// The upper ends keep what is counted here from exhausting the machine: what is deep is walked by recursion.
limits! {
    /// Bytes of a request's body.
    body_bytes: "PARLOR_MAX_BODY_BYTES" = 262_144 in 1_024..=16_777_216;
    /// Values in a request's body or message, those of its variables included: numbers, texts, lists, objects.
    json_values: "PARLOR_MAX_JSON_VALUES" = 2_000 in 10..=100_000;
    /// Bytes of a document.
    document_bytes: "PARLOR_MAX_DOCUMENT_BYTES" = 65_536 in 1_024..=1_048_576;
    /// Levels of brackets, in a document as it would be with its fragments written out, and in JSON.
    nesting: "PARLOR_MAX_NESTING" = 32 in 8..=60;
    /// Tokens of a document: names, numbers, texts, punctuation; comments count too.
    tokens: "PARLOR_MAX_TOKENS" = 1_000 in 100..=20_000;
    /// Bytes of one name or number in a document.
    name_bytes: "PARLOR_MAX_NAME_BYTES" = 128 in 32..=1_024;
    /// Operations in a document, of which one runs.
    operations: "PARLOR_MAX_OPERATIONS" = 5 in 1..=100;
    /// Fragments in a document.
    fragments: "PARLOR_MAX_FRAGMENTS" = 30 in 0..=500;
    /// Variables of an operation.
    variables: "PARLOR_MAX_VARIABLES" = 50 in 0..=500;
    /// Fields of an operation, those of fragments counted wherever they are spread.
    fields: "PARLOR_MAX_FIELDS" = 1_000 in 10..=20_000;
    /// Levels of fields, down to those that ask about the schema.
    depth: "PARLOR_MAX_DEPTH" = 12 in 3..=50;
    /// Levels of fields that ask about the schema: `__schema` and `__type`, and what lies under them.
    introspection_depth: "PARLOR_MAX_INTROSPECTION_DEPTH" = 15 in 3..=50;
    /// Fields under another name, counted like fields.
    aliases: "PARLOR_MAX_ALIASES" = 30 in 0..=1_000;
    /// Fields at the root of a query.
    query_roots: "PARLOR_MAX_QUERY_ROOTS" = 10 in 1..=100;
    /// Fields at the root of a mutation.
    mutation_roots: "PARLOR_MAX_MUTATION_ROOTS" = 3 in 1..=20;
    /// Fields at the root of a mutation that prove who somebody is: register, login, refresh, changePassword,
    /// deleteAccount.
    credential_roots: "PARLOR_MAX_CREDENTIAL_ROOTS" = 1 in 1..=20;
    /// Directives of an operation, counted like fields.
    directives: "PARLOR_MAX_DIRECTIVES" = 20 in 0..=1_000;
    /// Directives in one place.
    directives_here: "PARLOR_MAX_DIRECTIVES_HERE" = 3 in 0..=20;
    /// Arguments in one place.
    arguments: "PARLOR_MAX_ARGUMENTS" = 16 in 4..=100;
    /// Bytes of variables, counted wherever they are used.
    input_bytes: "PARLOR_MAX_INPUT_BYTES" = 262_144 in 1_024..=16_777_216;
    /// Values that an answer may hold: what lies under a page counts once for each row the page may have.
    cost: "PARLOR_MAX_COST" = 5_000 in 100..=1_000_000;
    /// The same about the schema, its lists counted as long as they usually are.
    introspection_cost: "PARLOR_MAX_INTROSPECTION_COST" = 200_000 in 1_000..=10_000_000;
    /// Bytes of an answer, or of an event of a subscription.
    answer_bytes: "PARLOR_MAX_ANSWER_BYTES" = 8_388_608 in 65_536..=268_435_456;
    /// Connections, all together. More are told that the server is busy and closed.
    connections: "PARLOR_MAX_CONNECTIONS" = 10_000 in 10..=1_000_000;
    /// Connections of one address. Those of a trusted proxy are not counted.
    connections_per_address: "PARLOR_MAX_CONNECTIONS_PER_ADDRESS" = 250 in 1..=1_000_000;
    /// Sockets and streams of one address.
    sockets_per_address: "PARLOR_MAX_SOCKETS_PER_ADDRESS" = 100 in 1..=1_000_000;
    /// Sockets and streams of one person.
    sockets_per_person: "PARLOR_MAX_SOCKETS_PER_PERSON" = 20 in 1..=1_000_000;
    /// Operations under way on one socket.
    operations_per_socket: "PARLOR_MAX_OPERATIONS_PER_SOCKET" = 20 in 1..=1_000;
    /// Messages a second on one socket; four times as many at once after a rest.
    messages_per_second: "PARLOR_MAX_MESSAGES_PER_SECOND" = 50 in 1..=10_000;
    /// Bytes of a frame on a socket. A message of several frames may be as long as a body.
    frame_bytes: "PARLOR_MAX_FRAME_BYTES" = 65_536 in 1_024..=16_777_216;
    /// Answers of one person that are held back at once for a reply (`waitMs`).
    waits_per_person: "PARLOR_MAX_WAITS_PER_PERSON" = 10 in 0..=1_000;
    /// Bytes of documents kept for automatic persisted queries; 0 keeps none.
    persisted_bytes: "PARLOR_MAX_PERSISTED_BYTES" = 16_777_216 in 0..=1_073_741_824;
}
