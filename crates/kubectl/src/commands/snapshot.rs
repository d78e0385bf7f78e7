//! `snapshot`: everything a plan rests on, in one file.

use crate::args::{Flags, Snapshot as Args};
use crate::failure::Failure;
use crate::look::take;
use crate::output::Out;
use crate::policy_file;

/// Takes it and writes it.
pub(super) async fn run(flags: &Flags, args: &Args, out: &mut Out) -> Result<(), Failure> {
    let policy = args.filename.as_deref().map(policy_file::read).transpose()?;
    let snapshot = take(flags, args.cluster_name.clone(), policy.as_ref()).await?;
    let text = snapshot.text().map_err(|source| Failure::Snapshot {
        path: "the snapshot".into(),
        source,
    })?;
    match &args.file {
        None => out.write(&text),
        Some(path) => {
            std::fs::write(path, text).map_err(|source| Failure::Write {
                path: path.clone(),
                source,
            })?;
            out.write(&format!("written: {}\n", path.display()))
        }
    }
}
