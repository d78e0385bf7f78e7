//! Where the journal is kept, and what happens when it cannot be written.
//!
//! A line is handed to the operating system before its request is answered, so it outlives a sandbox that is killed,
//! though not a machine that loses its power: it is made safe on the disk (fsync) at shutdown. While the file cannot
//! be written, no request that changes anything is answered with success, nor even tried: what a client was told has
//! happened is always in the file.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// About a hundred thousand requests: who wants to keep more has a file.
const LONGEST_IN_MEMORY: usize = 64 << 20;

/// Where lines go.
#[derive(Debug)]
pub(super) enum Store {
    /// Nowhere.
    Nothing,
    /// Into memory; none once it was too long to be kept.
    Memory(Option<Vec<u8>>),
    /// Into a file.
    File(LineFile),
}

/// A file of lines that never ends in half a line of ours.
#[derive(Debug)]
pub(super) struct LineFile {
    file: File,
    /// So much of the file is whole lines.
    good: u64,
    /// What the file should have after that.
    pending: Vec<u8>,
}

impl LineFile {
    /// Opens or makes the file; gives what is in it.
    pub(super) fn open(path: &Path) -> io::Result<(Self, Vec<u8>)> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("it is no file"));
        }
        // Two sandboxes that write one file would each spoil the other's.
        file.try_lock().map_err(io::Error::from)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let good = text.len() as u64;
        let pending = Vec::new();
        Ok((Self { file, good, pending }, text))
    }

    /// An empty one.
    #[cfg(test)]
    pub(super) fn on(file: File) -> Self {
        Self {
            file,
            good: 0,
            pending: Vec::new(),
        }
    }

    /// Only so much of it counts.
    pub(super) fn keep(&mut self, length: u64) -> io::Result<()> {
        self.good = length;
        self.file.set_len(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        self.file.seek(SeekFrom::Start(self.good))?;
        if let Err(error) = self.file.write_all(&self.pending) {
            // What got there of it is no whole line; the next attempt begins anew, and so does a restart.
            if let Err(error) = self.file.set_len(self.good) {
                tracing::debug!(%error, "failed to cut half a line from the state file");
            }
            return Err(error);
        }
        self.good += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }
}

impl Store {
    /// Writes a line, after those that could not be written before.
    pub(super) fn append(&mut self, line: &str) -> io::Result<()> {
        match self {
            Self::Nothing => Ok(()),
            Self::Memory(kept) => {
                if let Some(text) = kept {
                    text.extend_from_slice(line.as_bytes());
                    text.push(b'\n');
                    if text.len() > LONGEST_IN_MEMORY {
                        *kept = None;
                    }
                }
                Ok(())
            }
            Self::File(file) => {
                file.pending.extend_from_slice(line.as_bytes());
                file.pending.push(b'\n');
                file.flush()
            }
        }
    }

    /// Whether it can be written now: writes what is left from before.
    pub(super) fn ready(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Nothing | Self::Memory(_) => Ok(()),
        }
    }

    /// Begins anew with these lines.
    pub(super) fn replace(&mut self, text: &[u8]) -> io::Result<()> {
        match self {
            Self::Nothing => Ok(()),
            Self::Memory(kept) => {
                *kept = Some(text.to_vec());
                Ok(())
            }
            Self::File(file) => {
                file.keep(0)?;
                file.pending = text.to_vec();
                file.flush()
            }
        }
    }

    /// Whether lines go anywhere at all.
    pub(super) fn keeps(&self) -> bool {
        !matches!(self, Self::Nothing | Self::Memory(None))
    }

    /// Everything that is in it; none where nothing is kept.
    pub(super) fn text(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self {
            Self::Nothing => Ok(None),
            Self::Memory(text) => Ok(text.clone()),
            Self::File(file) => {
                let mut text = Vec::new();
                file.file.seek(SeekFrom::Start(0))?;
                (&file.file).take(file.good).read_to_end(&mut text)?;
                text.extend_from_slice(&file.pending);
                Ok(Some(text))
            }
        }
    }

    /// Everything is safe on the disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush().and_then(|()| file.file.sync_all()),
            Self::Nothing | Self::Memory(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("aws-sandbox-store-{}-{name}", std::process::id()))
    }

    #[test]
    fn what_a_full_disk_refused_is_written_once_there_is_room() {
        let path = scratch("full");
        let (mut lines, _) = LineFile::open(&path).unwrap();
        let room = lines.file.try_clone().unwrap();
        lines.file = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut store = Store::File(lines);
        assert!(store.append("one").is_err());
        assert!(store.ready().is_err());
        let Store::File(lines) = &mut store else {
            panic!("a file");
        };
        lines.file = room;
        assert!(store.ready().is_ok());
        store.append("two").unwrap();
        assert_eq!(store.text().unwrap(), Some(b"one\ntwo\n".to_vec()));
        assert_eq!(std::fs::read(&path).unwrap(), b"one\ntwo\n");
        std::fs::remove_file(&path).unwrap();
    }
}
