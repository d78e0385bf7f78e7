//! The time by which the agent decides: that of the machine at its start, carried on by a clock that nobody sets.
//!
//! A machine whose clock is put right an hour after boot must not keep addresses in cooldown for that hour, nor give
//! them out again before theirs is over. What others compare with their own clocks, such as tags, is of the machine's.

use jiff::{SignedDuration, Timestamp};
use std::sync::LazyLock;
use std::time::Instant;

static START: LazyLock<(Timestamp, Instant)> = LazyLock::new(|| (Timestamp::now(), Instant::now()));

/// Now.
pub fn now() -> Timestamp {
    let (wall, begun) = *START;
    let gone = SignedDuration::try_from(begun.elapsed()).unwrap_or_default();
    wall.checked_add(gone).unwrap_or(wall)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    #[test]
    fn it_goes_on_by_itself() {
        let one = now();
        std::thread::sleep(Duration::from_millis(20));
        let gone = now().duration_since(one);
        assert!(gone >= SignedDuration::from_millis(20), "{gone:?}");
    }

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else {
                found.push(path);
            }
        }
    }

    #[test]
    fn only_what_others_compare_is_of_the_clock_of_the_machine() {
        let mut found = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        let wall = ["Timestamp::", "now()"].concat();
        let mut users: Vec<String> = found
            .iter()
            .filter(|path| std::fs::read_to_string(path).unwrap().contains(&wall))
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect();
        users.sort();
        // The name of a file, tags of interfaces, and the age of those tags.
        assert_eq!(users, ["clock.rs", "create.rs", "file.rs", "left_over.rs"]);
    }
}
