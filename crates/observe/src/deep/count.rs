//! Lists read page by page: each page is folded into a count and dropped before the next is asked for.

use kube::api::{ApiResource, DynamicObject, ListParams, ObjectList};
use kube::core::DeserializeGuard;
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use vpccni_core::known::Known;

/// Objects of one page.
const PAGE: u32 = 500;

/// A list that takes longer than the server keeps its snapshot is begun again, so often.
const ATTEMPTS: u32 = 3;

/// Folds all objects of a list. An object that cannot be read makes the whole count unknown: what it is, it may count.
pub(super) async fn pages<K, C>(
    api: &Api<DeserializeGuard<K>>,
    what: &str,
    start: impl Fn() -> C,
    fold: impl Fn(&mut C, K),
) -> Known<C>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    let mut last = format!("the list of {what} was not read");
    for _ in 0..ATTEMPTS {
        match once(api, what, start(), &fold).await {
            Ok(counted) => return Known::Yes(counted),
            Err(Stop::Expired(why)) => last = why,
            Err(Stop::Failed(why)) => return Known::Unknown(why),
        }
    }
    Known::Unknown(last)
}

enum Stop {
    Expired(String),
    Failed(String),
}

async fn once<K, C>(
    api: &Api<DeserializeGuard<K>>,
    what: &str,
    mut count: C,
    fold: &impl Fn(&mut C, K),
) -> Result<C, Stop>
where
    K: Resource + Clone + DeserializeOwned + Debug,
{
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = api.list(&params).await.map_err(|error| stop(what, &error))?;
        let next = next(&page);
        for object in page.items {
            let name = object.name_any();
            let object = object
                .0
                .map_err(|error| Stop::Failed(format!("{name} among the {what} cannot be read: {error}")))?;
            fold(&mut count, object);
        }
        let Some(token) = next else {
            return Ok(count);
        };
        params = params.continue_token(&token);
    }
}

/// How many objects of a type there are; none where the cluster does not have the type. Only metadata travel.
pub(super) async fn objects(client: &Client, resource: &ApiResource) -> Known<u32> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), resource);
    let mut params = ListParams::default().limit(PAGE);
    let mut count = 0_u32;
    loop {
        let page = match api.list_metadata(&params).await {
            Ok(page) => page,
            Err(kube::Error::Api(status)) if status.code == 404 => return Known::Yes(0),
            Err(error) => {
                return Known::Unknown(sentence(&format!("the list of {}", resource.plural), &error));
            }
        };
        count = count.saturating_add(u32::try_from(page.items.len()).unwrap_or(u32::MAX));
        let Some(token) = next(&page) else {
            return Known::Yes(count);
        };
        params = params.continue_token(&token);
    }
}

fn next<K: Clone>(page: &ObjectList<K>) -> Option<String> {
    page.metadata.continue_.clone().filter(|token| !token.is_empty())
}

fn stop(what: &str, error: &kube::Error) -> Stop {
    let sentence = sentence(&format!("the list of {what}"), error);
    match error {
        kube::Error::Api(status) if status.code == 410 => Stop::Expired(sentence),
        _ => Stop::Failed(sentence),
    }
}

/// The server's own message names the permission that is missing.
pub(super) fn sentence(what: &str, error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if status.code == 403 => {
            format!("{what} may not be read: {}", status.message)
        }
        kube::Error::Api(status) => format!("{what} could not be read: {}", status.message),
        other => format!("{what} could not be read: {other}"),
    }
}
