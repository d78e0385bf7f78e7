//! The file: written whole beside itself, synced, renamed, and its folder synced, so that it is at any instant either
//! the old or the new one.
//!
//! A file that cannot be read is put aside under another name and named in the log: it cannot be from us, and what it
//! said must not be overwritten. A file of another version is fatal: somebody newer was here.

use super::wire::{self, Document, VERSION, Version};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use vpccni_core::assign::{Entry, Lease};

/// Why a checkpoint was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// It is there and cannot be read.
    #[error("failed to read the checkpoint {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the kernel says.
        source: io::Error,
    },
    /// It is of a version that this agent does not know.
    #[error("failed to read the checkpoint {}: it is of version {found:?}, this agent knows {VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: String,
    },
    /// It cannot be put aside.
    #[error("failed to put the unreadable checkpoint {} aside: {source}", path.display())]
    Aside {
        /// The file.
        path: PathBuf,
        /// What the kernel says.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("failed to write the checkpoint {}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the kernel says.
        source: io::Error,
    },
}

/// What was found at the start.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// No file: a new node, or one that was booted since.
    Nothing,
    /// The allocations.
    Entries(Vec<Entry>),
    /// A file that could not be read, and where it is now. What pods hold must be found otherwise.
    Torn {
        /// Its new name.
        aside: PathBuf,
    },
}

/// The checkpoint of one network card.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    temporary: PathBuf,
    buffer: Vec<u8>,
}

impl Checkpoint {
    /// That of a card: the default card has the path as it is, others a name derived from it.
    pub fn of_card(base: &Path, card: u32) -> Self {
        let path = if card == 0 {
            base.to_owned()
        } else {
            let stem = base.with_extension("");
            PathBuf::from(format!("{}-nic-{card}.json", stem.display()))
        };
        let mut temporary = path.clone().into_os_string();
        temporary.push(".tmp");
        Self {
            path,
            temporary: temporary.into(),
            buffer: Vec::new(),
        }
    }

    /// Its file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it.
    pub fn read(&self) -> Result<Found, CheckpointError> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
            Err(source) => {
                let path = self.path.clone();
                return Err(CheckpointError::Read { path, source });
            }
        };
        let version: Result<Version, _> = serde_json::from_slice(&text);
        match version {
            Ok(Version { version }) if version == VERSION => {}
            Ok(Version { version: found }) => {
                let path = self.path.clone();
                return Err(CheckpointError::Version { path, found });
            }
            Err(error) => return self.put_aside(&error.to_string()),
        }
        let document: Result<Document, _> = serde_json::from_slice(&text);
        match document {
            Ok(document) => Ok(Found::Entries(entries(document))),
            Err(error) => self.put_aside(&error.to_string()),
        }
    }

    fn put_aside(&self, problem: &str) -> Result<Found, CheckpointError> {
        let mut aside = self.path.clone().into_os_string();
        aside.push(format!(".torn-{}", jiff::Timestamp::now().as_second()));
        let aside = PathBuf::from(aside);
        fs::rename(&self.path, &aside).map_err(|source| CheckpointError::Aside {
            path: self.path.clone(),
            source,
        })?;
        tracing::error!(
            path = %self.path.display(),
            aside = %aside.display(),
            problem,
            "the checkpoint cannot be read; it was put aside, and allocations are rebuilt from the kernel's rules"
        );
        Ok(Found::Torn { aside })
    }

    /// Writes it.
    pub fn write<'a>(&mut self, leases: impl Iterator<Item = Lease<'a>>) -> Result<(), CheckpointError> {
        self.write_whole(leases).map_err(|source| CheckpointError::Write {
            path: self.path.clone(),
            source,
        })
    }

    fn write_whole<'a>(&mut self, leases: impl Iterator<Item = Lease<'a>>) -> io::Result<()> {
        wire::render(&mut self.buffer, leases)?;
        let mut file = File::create(&self.temporary)?;
        file.write_all(&self.buffer)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&self.temporary, &self.path)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
    }
}

fn entries(document: Document) -> Vec<Entry> {
    let mut entries = Vec::new();
    for allocation in document.allocations.unwrap_or_default() {
        match allocation.into_entry() {
            Ok(entry) => entries.push(entry),
            Err(error) => tracing::warn!(%error, "left out an entry of the checkpoint"),
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::IpAddr;
    use vpccni_core::assign::{Key, PodRef};

    fn entry(container: &str, address: &str) -> Entry {
        Entry {
            key: Key {
                container: container.to_owned(),
                interface: "eth0".to_owned(),
                network: "aws-cni".to_owned(),
            },
            address: address.parse().unwrap(),
            since: jiff::Timestamp::from_nanosecond(1_700_000_000_123_456_789).unwrap(),
            pod: Some(PodRef {
                namespace: "default".to_owned(),
                name: "web".to_owned(),
            }),
            interfaces: 1,
        }
    }

    #[test]
    fn what_is_written_is_read_and_looks_as_the_stock_agents() {
        let folder = tempfile::tempdir().unwrap();
        let mut checkpoint = Checkpoint::of_card(&folder.path().join("ipam.json"), 0);
        assert_eq!(checkpoint.read().unwrap(), Found::Nothing);
        let entries = vec![entry("c1", "10.0.0.5"), entry("c2", "fd00::7")];
        checkpoint.write(entries.iter().map(Entry::lease)).unwrap();
        assert_eq!(checkpoint.read().unwrap(), Found::Entries(entries));
        let text = fs::read_to_string(checkpoint.path()).unwrap();
        let row = concat!(
            r#"{"version":"vpc-cni-ipam/1","allocations":[{"networkName":"aws-cni","containerID":"c1","ifName":"eth0","#,
            r#""ipv4":"10.0.0.5","allocationTimestamp":1700000000123456789,"#,
            r#""metadata":{"k8sPodNamespace":"default","k8sPodName":"web","interfacesCount":1}}"#,
        );
        assert!(text.starts_with(row), "{text}");
        assert!(!checkpoint.temporary.exists());
    }

    #[test]
    fn a_kill_anywhere_in_a_write_leaves_the_old_or_the_new() {
        let folder = tempfile::tempdir().unwrap();
        let mut checkpoint = Checkpoint::of_card(&folder.path().join("ipam.json"), 0);
        let (old, new) = (vec![entry("c1", "10.0.0.5")], vec![entry("c2", "10.0.0.6")]);
        checkpoint.write(new.iter().map(Entry::lease)).unwrap();
        let whole = fs::read(checkpoint.path()).unwrap();
        checkpoint.write(old.iter().map(Entry::lease)).unwrap();
        // Killed with so much written beside it, and not renamed.
        for written in 0..=whole.len() {
            fs::write(&checkpoint.temporary, &whole[..written]).unwrap();
            assert_eq!(
                checkpoint.read().unwrap(),
                Found::Entries(old.clone()),
                "{written}"
            );
        }
        // The next write is not disturbed by what is left.
        fs::write(&checkpoint.temporary, &whole[..7]).unwrap();
        checkpoint.write(new.iter().map(Entry::lease)).unwrap();
        assert_eq!(checkpoint.read().unwrap(), Found::Entries(new));
    }

    #[test]
    fn old_files_lack_what_came_later() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = Checkpoint::of_card(&folder.path().join("ipam.json"), 0);
        let text = r#"{"version":"vpc-cni-ipam/1","allocations":[{"networkName":"n","containerID":"c","ifName":"i","ipv4":"10.0.0.9"}]}"#;
        fs::write(checkpoint.path(), text).unwrap();
        let Found::Entries(read) = checkpoint.read().unwrap() else {
            panic!("entries");
        };
        let address: IpAddr = "10.0.0.9".parse().unwrap();
        assert_eq!(
            (read[0].address, &read[0].pod, read[0].interfaces),
            (address, &None, 1)
        );
        fs::write(
            checkpoint.path(),
            r#"{"version":"vpc-cni-ipam/1","allocations":null}"#,
        )
        .unwrap();
        assert_eq!(checkpoint.read().unwrap(), Found::Entries(Vec::new()));
    }

    #[test]
    fn another_version_is_fatal_and_a_torn_file_is_put_aside() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = Checkpoint::of_card(&folder.path().join("ipam.json"), 0);
        fs::write(
            checkpoint.path(),
            r#"{"version":"vpc-cni-ipam/2","allocations":[]}"#,
        )
        .unwrap();
        let error = checkpoint.read().unwrap_err().to_string();
        assert!(error.contains("vpc-cni-ipam/2"), "{error}");
        assert!(checkpoint.path().exists());
        fs::write(
            checkpoint.path(),
            r#"{"version":"vpc-cni-ipam/1","allocations":[{"netw"#,
        )
        .unwrap();
        let Found::Torn { aside } = checkpoint.read().unwrap() else {
            panic!("torn");
        };
        assert!(aside.exists() && !checkpoint.path().exists());
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_says_which() {
        let folder = tempfile::tempdir().unwrap();
        let mut checkpoint = Checkpoint::of_card(&folder.path().join("ipam.json"), 0);
        let old = entry("c1", "10.0.0.5");
        checkpoint.write(std::iter::once(old.lease())).unwrap();
        // A folder in the place of the temporary file: even root cannot write there.
        fs::create_dir(&checkpoint.temporary).unwrap();
        let new = entry("c2", "10.0.0.6");
        let error = checkpoint.write(std::iter::once(new.lease())).unwrap_err();
        assert!(error.to_string().contains("ipam.json"), "{error}");
        assert_eq!(checkpoint.read().unwrap(), Found::Entries(vec![old]));
    }

    #[test]
    fn other_cards_have_files_of_their_own() {
        let base = Path::new("/var/run/aws-node/ipam.json");
        assert_eq!(Checkpoint::of_card(base, 0).path(), base);
        assert_eq!(
            Checkpoint::of_card(base, 2).path(),
            Path::new("/var/run/aws-node/ipam-nic-2.json")
        );
    }
}
