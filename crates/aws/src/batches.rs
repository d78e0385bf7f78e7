//! Many things asked about in calls that each take only so many, or that each give only so many.

use crate::classify;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_async::future::pagination_stream::PaginationStream;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use std::error::Error;
use vpccni_core::ports::CloudError;

/// What all pages of an answer have; the first error ends it.
pub(crate) async fn all_pages<T, E>(
    action: &'static str,
    items: PaginationStream<Result<T, SdkError<E, HttpResponse>>>,
) -> Result<Vec<T>, CloudError>
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let read = items.collect::<Result<Vec<_>, _>>().await;
    read.map_err(|error| classify::error(action, &error))
}

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
