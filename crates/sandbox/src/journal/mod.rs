//! The state of a sandbox as what led to it: every request that may have changed the world, in order, as JSON lines
//! under a header. The same seed and the same requests at the same times make the same world, so it is replayed at
//! the start, and every answer is compared with the one that was given then.

mod record;
mod replay;
mod store;

use crate::error::{ApiError, Code};
use crate::world::{Placement, Timings, World};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;

pub(crate) use record::Record;
pub(crate) use replay::replay;
use store::{LineFile, Store};

/// Whether what changes the world is written down, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Keep {
    /// Not at all.
    #[default]
    Nothing,
    /// In memory, to be read through the control API, up to 64 MiB.
    Memory,
    /// In a file, from which the world is made again at the next start.
    File(PathBuf),
}

/// The form of the lines; another one is not read.
const VERSION: u32 = 1;

/// A journal does not lead to a world, or cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be read or written.
    #[error("failed to {what} the state file {path}: {source}")]
    File {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// A line does not lead on.
    #[error("line {line} of the state: {reason}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// Why.
        reason: String,
    },
    /// The journal cannot be written.
    #[error("failed to write the state: {0}")]
    Write(io::Error),
}

impl JournalError {
    fn wrong(line: usize, reason: impl Into<String>) -> Self {
        Self::Line {
            line,
            reason: reason.into(),
        }
    }
}

/// The first line: what the world began as.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    version: u32,
    seed: u64,
    region: String,
    /// When the world began.
    began: String,
    placement: Placement,
    timings: Timings,
}

impl Header {
    fn of(world: &World, seed: u64) -> Self {
        Self {
            version: VERSION,
            seed,
            region: world.region.clone(),
            began: world.now().to_string(),
            placement: world.placement,
            timings: world.timings,
        }
    }

    fn line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What every world of a sandbox follows from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    pub(crate) seed: u64,
    pub(crate) region: &'a str,
}

/// The journal of a running sandbox.
#[derive(Debug)]
pub(crate) struct Journal {
    store: Store,
    seed: u64,
}

/// A journal, the world that it led to, and how many requests did.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) world: World,
    pub(crate) journal: Journal,
    pub(crate) replayed: u64,
}

/// Opens the journal that the options ask for, and makes the world that it tells of, or a new one.
pub(crate) fn open(
    origin: &Origin<'_>,
    keep: &Keep,
    now: Timestamp,
    start: impl Fn(Timestamp) -> World,
) -> Result<Opened, JournalError> {
    let seed = origin.seed;
    let path = match keep {
        Keep::File(path) => path,
        kept => {
            let store = match kept {
                Keep::Memory => Store::Memory(Some(Vec::new())),
                _ => Store::Nothing,
            };
            return begin(Journal { store, seed }, start(now));
        }
    };
    let failed = |what| {
        let path = path.display().to_string();
        move |source| JournalError::File { what, path, source }
    };
    let (mut file, text) = LineFile::open(path).map_err(failed("open"))?;
    let whole = replay::whole_lines(&text);
    if whole < text.len() {
        tracing::warn!(path = %path.display(), "the last line of the state file is not whole and is dropped");
        file.keep(whole as u64).map_err(failed("shorten"))?;
    }
    let store = Store::File(file);
    let journal = Journal { store, seed };
    match text.get(..whole) {
        None | Some([]) => begin(journal, start(now)),
        Some(lines) => {
            let replayed = replay(origin, lines, start)?;
            Ok(Opened {
                world: replayed.world,
                journal,
                replayed: replayed.count,
            })
        }
    }
}

fn begin(mut journal: Journal, world: World) -> Result<Opened, JournalError> {
    journal.restart(&world)?;
    Ok(Opened {
        world,
        journal,
        replayed: 0,
    })
}

impl Journal {
    /// A new world begins.
    pub(crate) fn restart(&mut self, world: &World) -> Result<(), JournalError> {
        let header = Header::of(world, self.seed).line() + "\n";
        self.replace(header.as_bytes())
    }

    /// Another journal takes its place.
    pub(crate) fn replace(&mut self, lines: &[u8]) -> Result<(), JournalError> {
        self.store.replace(lines).map_err(JournalError::Write)
    }

    /// Does what a record tells of and writes it down. What cannot be written down is not done, or not acknowledged.
    pub(crate) fn through(
        &mut self,
        mut record: Record,
        perform: impl FnOnce() -> Result<String, ApiError>,
    ) -> Result<String, ApiError> {
        if !self.store.keeps() {
            return perform();
        }
        self.store.ready().map_err(|error| unwritten(&error))?;
        let answer = perform();
        record.answer = record::sum(&answer);
        let line = serde_json::to_string(&record).unwrap_or_default();
        self.store.append(&line).map_err(|error| unwritten(&error))?;
        answer
    }

    /// All lines; none where nothing is kept.
    pub(crate) fn text(&mut self) -> Result<Option<Vec<u8>>, JournalError> {
        self.store.text().map_err(JournalError::Write)
    }

    /// The journal is safe on its disk.
    pub(crate) fn close(&mut self) {
        if let Err(error) = self.store.sync() {
            tracing::error!(%error, "failed to make the state file safe");
        }
    }
}

fn unwritten(error: &io::Error) -> ApiError {
    tracing::error!(%error, "failed to write the state file");
    ApiError::new(
        Code::InternalError,
        format!("An internal error has occurred: the state file cannot be written ({error})"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::OpenOptions;

    #[test]
    fn what_cannot_be_written_down_is_not_acknowledged_and_then_not_done() {
        let file = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut journal = Journal {
            store: Store::File(LineFile::on(file)),
            seed: 1,
        };
        let mut done = 0;
        for expected in [1, 1] {
            let record = Record::of_control("clock/advance", b"", Timestamp::UNIX_EPOCH);
            let answer = journal.through(record, || {
                done += 1;
                Ok("done".to_owned())
            });
            let error = answer.unwrap_err();
            assert_eq!((error.code(), error.status().as_u16()), ("InternalError", 500));
            assert_eq!(done, expected);
        }
    }
}
