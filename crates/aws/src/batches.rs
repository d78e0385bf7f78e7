//! Many things asked about in calls that each take only so many.

use vpccni_core::ports::CloudError;

/// Asks batch by batch; the first error ends it. Nothing to ask about is no call.
pub(crate) async fn in_batches<'a, K, T, All, Asked>(
    keys: &'a [K],
    size: usize,
    ask: impl Fn(&'a [K]) -> Asked,
) -> Result<All, CloudError>
where
    All: Default + Extend<T>,
    Asked: Future<Output = Result<Vec<T>, CloudError>>,
{
    let mut all = All::default();
    for batch in keys.chunks(size) {
        all.extend(ask(batch).await?);
    }
    Ok(all)
}
