//! Installs the executables and the list of plugins on the host: each written beside itself and renamed, the list last
//! and only when the agent answers, because the list is what makes the kubelet call a node ready.
//!
//! Nothing is ever removed.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The executable, and the second name that it is called by.
const PLUGIN: &str = "aws-cni";
const EGRESS: &str = "egress-cni";

/// What else is copied where the folder has it: plugins that the list chains.
const CHAINED: [&str; 5] = ["portmap", "bandwidth", "tuning", "host-local", "loopback"];

/// Something could not be installed.
#[derive(Debug, thiserror::Error)]
#[error("failed to install {}: {source}", path.display())]
pub struct InstallError {
    path: PathBuf,
    source: io::Error,
}

/// Copies the plugin under both its names, and what it chains.
pub fn executables(source: &Path, target: &Path) -> Result<(), InstallError> {
    let plugin = source.join(PLUGIN);
    for name in [PLUGIN, EGRESS] {
        copy(&plugin, target, name)?;
    }
    for name in CHAINED {
        let chained = source.join(name);
        if chained.exists() {
            copy(&chained, target, name)?;
        }
    }
    Ok(())
}

fn copy(source: &Path, target: &Path, name: &str) -> Result<(), InstallError> {
    let path = target.join(name);
    let result = fs::create_dir_all(target).and_then(|()| {
        let mut from = File::open(source)?;
        replace(&path, 0o755, |to| io::copy(&mut from, to).map(drop))
    });
    result.map_err(|source| InstallError { path, source })
}

/// Writes the list of plugins.
pub fn conflist(folder: &Path, name: &str, text: &str) -> Result<(), InstallError> {
    let path = folder.join(name);
    let result = fs::create_dir_all(folder)
        .and_then(|()| replace(&path, 0o644, |file| file.write_all(text.as_bytes())));
    result.map_err(|source| InstallError { path, source })
}

/// A process that runs the old file keeps it: a rename never disturbs it.
fn replace(path: &Path, mode: u32, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    // Runtimes read every `*.conflist`: this name is none.
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    let mut file = File::create(&temporary)?;
    write(&mut file)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_names_are_installed_and_can_be_run() {
        let (source, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(source.path().join(PLUGIN), "new").unwrap();
        fs::write(source.path().join("portmap"), "map").unwrap();
        let bin = target.path().join("opt/cni/bin");
        executables(source.path(), &bin).unwrap();
        for name in [PLUGIN, EGRESS, "portmap"] {
            let mode = fs::metadata(bin.join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o755, "{name}");
        }
        assert!(!bin.join("bandwidth").exists());
        assert_eq!(fs::read_dir(&bin).unwrap().count(), 3, "nothing temporary stays");
    }

    #[test]
    fn a_list_is_replaced_whole_and_a_missing_plugin_is_named() {
        let folder = tempfile::tempdir().unwrap();
        conflist(folder.path(), "10-aws.conflist", "{\"a\":1}").unwrap();
        conflist(folder.path(), "10-aws.conflist", "{}").unwrap();
        assert_eq!(
            fs::read_to_string(folder.path().join("10-aws.conflist")).unwrap(),
            "{}"
        );
        let error = executables(folder.path(), &folder.path().join("bin")).unwrap_err();
        assert!(error.to_string().contains("aws-cni"), "{error}");
    }
}
