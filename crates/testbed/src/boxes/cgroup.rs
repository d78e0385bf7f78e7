//! A cgroup for each machine, so that kubelets and runtimes do not see each other's, and nothing of theirs stays.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::error::BoxError;

const ROOT: &str = "/sys/fs/cgroup";
const PREFIX: &str = "vpccni-box-";

/// A cgroup in every hierarchy of this machine. It goes when this is dropped, and at the next start of a box where this
/// process is killed.
#[derive(Debug)]
pub(super) struct Cgroup {
    name: String,
}

impl Cgroup {
    /// Makes it.
    pub(super) fn new() -> Result<Self, BoxError> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        sweep();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{PREFIX}{}-{number}", std::process::id());
        for hierarchy in hierarchies() {
            let folder = hierarchy.join(&name);
            fs::create_dir(&folder).map_err(BoxError::file("create", &folder))?;
            // The first version gives a new cgroup no processors and no memory nodes.
            for file in ["cpuset.cpus", "cpuset.mems"] {
                let (from, to) = (hierarchy.join(file), folder.join(file));
                if from.is_file() && !hierarchy.join("cgroup.controllers").is_file() {
                    let all = fs::read(&from).map_err(BoxError::file("read", &from))?;
                    fs::write(&to, all).map_err(BoxError::file("write", &to))?;
                }
            }
        }
        Ok(Self { name })
    }

    /// Shell that brings process 1 into it; it becomes the root of what the machine sees.
    pub(super) fn join(&self) -> String {
        format!(
            "for place in {ROOT}/{name} {ROOT}/*/{name}; do
                if [ -e \"$place/cgroup.procs\" ]; then echo 0 >\"$place/cgroup.procs\"; fi
            done\n",
            name = self.name
        )
    }
}

/// Shell that shows a machine its own cgroups and its own devices under /sys.
pub(super) const MOUNT: &str = r#"
known=$(ls /sys/fs/cgroup)
second=$([ -e /sys/fs/cgroup/cgroup.controllers ] && echo yes || :)
links=$(find /sys/fs/cgroup -maxdepth 1 -type l -printf '%f=%l ')
mount -t sysfs sysfs /sys
if [ -n "$second" ]; then
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
else
    mount -t tmpfs tmpfs /sys/fs/cgroup
    for link in $links; do ln -s "${link#*=}" "/sys/fs/cgroup/${link%%=*}"; done
    for name in $known; do
        [ ! -L "/sys/fs/cgroup/$name" ] || continue
        mkdir "/sys/fs/cgroup/$name"
        case $name in
            unified) mount -t cgroup2 cgroup2 "/sys/fs/cgroup/$name" ;;
            systemd|elogind) mount -t cgroup -o "none,name=$name" cgroup "/sys/fs/cgroup/$name" ;;
            *) mount -t cgroup -o "$name" cgroup "/sys/fs/cgroup/$name" ;;
        esac
    done
fi
"#;

/// Shell that brings a program started later into the cgroup of its machine, and then becomes that program.
pub(super) const ENTER: &str = r#"
for place in /sys/fs/cgroup /sys/fs/cgroup/*; do
    if [ -e "$place/cgroup.procs" ]; then echo 0 >"$place/cgroup.procs" || :; fi
done
exec "$@"
"#;

impl Drop for Cgroup {
    fn drop(&mut self) {
        for hierarchy in hierarchies() {
            remove(&hierarchy.join(&self.name));
        }
    }
}

fn hierarchies() -> Vec<PathBuf> {
    let root = Path::new(ROOT);
    if root.join("cgroup.controllers").is_file() {
        return vec![root.to_owned()];
    }
    folders(root)
        .filter(|folder| folder.join("cgroup.procs").is_file())
        .collect()
}

/// Folders in a folder, without links to others.
fn folders(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
}

/// A cgroup is removed from its leaves up; its files need not be.
fn remove(folder: &Path) {
    for inner in folders(folder) {
        remove(&inner);
    }
    if let Err(error) = fs::remove_dir(folder)
        && folder.exists()
    {
        tracing::warn!(%error, folder = %folder.display(), "a cgroup of a box stays");
    }
}

/// Removes those of processes that are gone.
fn sweep() {
    for hierarchy in hierarchies() {
        for folder in folders(&hierarchy) {
            let name = folder.file_name().unwrap_or_default().to_string_lossy();
            let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
            if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
                remove(&folder);
            }
        }
    }
}
