//! Tests of the fault suite's checker: quick, and without any process.

mod checker;
mod checking;
