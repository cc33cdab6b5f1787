//! Everything that a run needs up and filled: the model server, both Parlors with their databases, the ceilings.

use std::path::Path;

use anyhow::{Context, Result};

use crate::cells;
use crate::load::{Size, Target, Who};
use crate::meter::Metered;
use crate::plan::Plan;
use crate::process::Process;
use crate::world::{self, Setup, World};

/// All processes of a run. They end in this order when it is dropped.
pub struct Stage {
    pub small: World,
    pub large: World,
    /// The raw ceiling, as the load sees it.
    pub raw: Target,
    pub setup: Setup,
    _ceiling: Process,
    _model: Process,
}

impl Stage {
    /// Starts them, fills the databases, and makes sure that what is compared may be compared.
    pub async fn set(folder: &Path, parlor: &Path, plan: &Plan) -> Result<Self> {
        let words = plan.words.to_string();
        let myself = std::env::current_exe()?;
        let model = Process::start("model", folder, &myself, |command, address| {
            command.args(["model", &address.to_string(), &words]);
        })
        .await?;
        let setup = Setup {
            folder: folder.to_owned(),
            parlor: parlor.canonicalize().context("there is no such Parlor")?,
            connections: connections(),
            model: model.address(),
        };
        let small = World::start(&setup, Size::Small, plan.small).await?;
        let large = World::start(&setup, Size::Large, plan.large).await?;
        let ceiling = world::ceiling(&setup, "ceiling-raw", None).await?;
        for world in [&small, &large] {
            world.warm_up().await?;
            cells::compare(world).await?;
        }
        let raw = Target {
            who: Who::Raw,
            size: Size::Small,
            address: ceiling.address(),
            server: Metered::Process(ceiling.pid()),
            database: None,
            template: Some(small.template().await?),
        };
        Ok(Self {
            small,
            large,
            raw,
            setup,
            _ceiling: ceiling,
            _model: model,
        })
    }
}

/// As many connections to the database as Parlor takes by itself.
fn connections() -> usize {
    std::thread::available_parallelism().map_or(10, |cores| 2 * cores.get() + 8)
}
