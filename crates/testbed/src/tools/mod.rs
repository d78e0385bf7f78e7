//! The programs of the control plane: found on the machine, or built once into a cache.
//!
//! Searched in this order: `KUBEBUILDER_ASSETS`, our cache, `PATH`; what is nowhere is built from its Go module.

mod build;
mod error;
mod programs;
mod search;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use error::ToolError;
pub use programs::{Program, Suite};
pub use search::Search;

/// The paths of the programs that were asked for.
#[derive(Debug, Clone)]
pub struct Toolbox {
    paths: BTreeMap<Program, PathBuf>,
}

impl Toolbox {
    /// Finds the programs or builds what is missing, as the environment of this process says.
    ///
    /// Blocks, for minutes where something must be built; `progress` gets one line for each step.
    pub fn ready(programs: &[Program], progress: &mut dyn FnMut(&str)) -> Result<Self, ToolError> {
        Self::ready_in(&Search::from_env()?, programs, progress)
    }

    /// The same with a search of one's own.
    pub fn ready_in(
        search: &Search,
        programs: &[Program],
        progress: &mut dyn FnMut(&str),
    ) -> Result<Self, ToolError> {
        let mut paths = BTreeMap::new();
        for suite in Suite::ALL {
            let wanted: Vec<Program> = programs.iter().copied().filter(|p| p.suite() == suite).collect();
            if wanted.is_empty() {
                continue;
            }
            let found = match search.find(&wanted) {
                Some(found) => found,
                None => build::build(search.cache(), suite, &wanted, progress)?,
            };
            paths.extend(found);
        }
        Ok(Self { paths })
    }

    /// Where a program is; an error when it was not asked for.
    pub fn path(&self, program: Program) -> Result<&Path, ToolError> {
        self.paths
            .get(&program)
            .map(PathBuf::as_path)
            .ok_or(ToolError::NotAskedFor { program })
    }

    /// Every program and its path.
    pub fn iter(&self) -> impl Iterator<Item = (Program, &Path)> {
        self.paths
            .iter()
            .map(|(program, path)| (*program, path.as_path()))
    }
}
