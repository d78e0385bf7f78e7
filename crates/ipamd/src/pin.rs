//! The file with the mode of a node, kept from its first start on. What is decided with it is the business of core.
//!
//! The instance id stands beside it: an image made from a running node must not carry its mode to others.

use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use vpccni_core::assign::Mode;
use vpccni_core::ids::InstanceId;
use vpccni_core::pool::ModePin;

const FILE: &str = "mode.json";

/// Why the mode could not be kept.
#[derive(Debug, thiserror::Error)]
#[error("failed to {doing} the mode of the node in {}: {source}", path.display())]
pub struct PinError {
    doing: &'static str,
    path: PathBuf,
    source: io::Error,
}

#[derive(Debug, Serialize, Deserialize)]
struct Pin {
    instance: String,
    mode: Word,
    #[serde(default, rename = "customNetworking")]
    custom_networking: bool,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Secondary,
    Prefix,
    Ipv6,
}

impl Word {
    fn of(mode: Mode) -> Self {
        match mode {
            Mode::Secondary => Self::Secondary,
            Mode::Prefix => Self::Prefix,
            Mode::Ipv6 => Self::Ipv6,
        }
    }

    fn mode(self) -> Mode {
        match self {
            Self::Secondary => Mode::Secondary,
            Self::Prefix => Mode::Prefix,
            Self::Ipv6 => Mode::Ipv6,
        }
    }
}

/// What is kept; none where nothing is, or where it cannot be read as that.
pub fn read(folder: &Path) -> Result<Option<ModePin>, PinError> {
    let path = folder.join(FILE);
    let text = match fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            let doing = "read";
            return Err(PinError { doing, path, source });
        }
    };
    let pin: Result<Pin, _> = serde_json::from_slice(&text);
    let read = pin.map_err(|error| error.to_string()).and_then(|pin| {
        let instance = InstanceId::parse(&pin.instance).map_err(|error| error.to_string())?;
        Ok(ModePin {
            instance,
            mode: pin.mode.mode(),
            custom_networking: pin.custom_networking,
        })
    });
    Ok(read
        .inspect_err(|error| {
            tracing::warn!(path = %path.display(), %error, "the kept mode cannot be read and is settled anew");
        })
        .ok())
}

/// Keeps it from now on.
pub fn write(folder: &Path, pin: &ModePin) -> Result<(), PinError> {
    let path = folder.join(FILE);
    let ModePin {
        instance,
        mode,
        custom_networking,
    } = pin;
    let pin = Pin {
        instance: instance.to_string(),
        mode: Word::of(*mode),
        custom_networking: *custom_networking,
    };
    keep(folder, &path, &pin).map_err(|source| PinError {
        doing: "write",
        path,
        source,
    })
}

fn keep(folder: &Path, path: &Path, pin: &Pin) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary)?;
    file.write_all(&serde_json::to_vec(pin)?)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin(mode: Mode) -> ModePin {
        ModePin {
            instance: InstanceId::parse("i-1").unwrap(),
            mode,
            custom_networking: true,
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        assert_eq!(read(&state).unwrap(), None);
        for mode in [Mode::Secondary, Mode::Prefix, Mode::Ipv6] {
            write(&state, &pin(mode)).unwrap();
            assert_eq!(read(&state).unwrap(), Some(pin(mode)));
        }
    }

    #[test]
    fn rubbish_is_no_pin_and_a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "{").unwrap();
        assert_eq!(read(folder.path()).unwrap(), None);
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let error = write(&file, &pin(Mode::Prefix)).unwrap_err().to_string();
        assert!(error.contains("mode.json"), "{error}");
    }
}
