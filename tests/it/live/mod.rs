//! Watching a session live.

mod ending;
mod following;

use crate::helpers::session_id as id;
