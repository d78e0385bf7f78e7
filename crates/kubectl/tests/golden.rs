//! Texts that are compared with committed files.

use std::path::PathBuf;

/// Set, it has the tests write what they would compare.
const UPDATE: &str = "UPDATE_GOLDEN";

/// A file beside the tests.
pub(crate) fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// Whether committed files are to be written anew.
pub(crate) fn updating() -> bool {
    std::env::var_os(UPDATE).is_some()
}

/// The text has to be that of the file.
#[track_caller]
pub(crate) fn check(name: &str, text: &str) {
    let path = path(&format!("golden/{name}"));
    if updating() {
        std::fs::write(&path, text).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == text,
        "{} is not what is shown now; if it should be, mend it with {UPDATE}=1 cargo test -p vpccni-kubectl:\n{text}",
        path.display()
    );
}
