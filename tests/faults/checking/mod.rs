//! The checker, checked: it accepts good histories, and catches each bug that is planted in one.

mod bugs;
mod chance;
mod long;
mod planted;
mod room;
mod simulation;
