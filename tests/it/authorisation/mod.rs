//! Who may see and do what: a table of every field of every type and of every argument that names something, by
//! viewer, and every cell of it asserted by an operation.
//!
//! The tables are the text files beside this one; a field of the schema without a row fails, and so does a row
//! without a field. Cells say what somebody gets: `table::Cell` tells the words. What may not be seen is answered in
//! the same bytes as what does not exist, and what is refused writes nothing.

mod calls;
mod covered;
mod document;
mod fields;
mod names;
mod planted;
mod shape;
mod stage;
mod table;
mod told;
pub mod viewers;
pub mod world;
