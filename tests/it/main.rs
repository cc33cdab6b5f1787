//! The integration tests, in one program.

mod private_postgres;
