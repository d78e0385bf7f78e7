//! SSM: the public parameters that name the images of EKS nodes. Their values follow from the catalogue of images.

use crate::error::{ApiError, Code};
use crate::json_service::{Body, JsonService};
use crate::world::{Image, World};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(crate) const SERVICE: JsonService = JsonService {
    target_prefix: "AmazonSSM",
    actions: &[
        ("GetParameter", get),
        ("GetParameters", get_many),
        ("GetParametersByPath", by_path),
    ],
};

/// AWS's bounds: names of one GetParameters, and the page of GetParametersByPath.
const MAX_NAMES: usize = 10;
const MAX_PAGE: usize = 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct One {
    name: String,
    /// Nothing here is encrypted.
    #[serde(rename = "WithDecryption")]
    _decrypted: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Many {
    names: Vec<String>,
    #[serde(rename = "WithDecryption")]
    _decrypted: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the names are those of the API")]
struct Path {
    path: String,
    #[serde(default)]
    recursive: bool,
    max_results: Option<usize>,
    next_token: Option<String>,
    #[serde(rename = "WithDecryption")]
    _decrypted: Option<bool>,
}

fn get(body: &Body, world: &mut World) -> Result<Value, ApiError> {
    let One { name, .. } = body.read()?;
    let all = parameters(world);
    let found = all.get(&name).ok_or_else(|| {
        // AWS names no parameter here either.
        ApiError::new(Code::ParameterNotFound, "")
    })?;
    Ok(json!({ "Parameter": write(world, &name, found) }))
}

fn get_many(body: &Body, world: &mut World) -> Result<Value, ApiError> {
    let Many { names, .. } = body.read()?;
    if !(1..=MAX_NAMES).contains(&names.len()) {
        return Err(invalid(format!("Between 1 and {MAX_NAMES} names may be given")));
    }
    let all = parameters(world);
    let (known, unknown): (Vec<String>, Vec<String>) = names.into_iter().partition(|n| all.contains_key(n));
    let found: Vec<Value> = known
        .iter()
        .filter_map(|name| Some(write(world, name, all.get(name)?)))
        .collect();
    Ok(json!({ "Parameters": found, "InvalidParameters": unknown }))
}

fn by_path(body: &Body, world: &mut World) -> Result<Value, ApiError> {
    let asked: Path = body.read()?;
    let Path {
        path,
        recursive,
        max_results,
        next_token,
        ..
    } = asked;
    let most = max_results.unwrap_or(MAX_PAGE);
    if !(1..=MAX_PAGE).contains(&most) {
        return Err(invalid(format!("MaxResults must be between 1 and {MAX_PAGE}")));
    }
    if !path.starts_with('/') {
        return Err(invalid(
            "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a \
             forward slash \"/\".",
        ));
    }
    let under = format!("{}/", path.trim_end_matches('/'));
    // A token is the name of the last parameter of the page before; it can only be one that is under the path.
    if next_token
        .as_ref()
        .is_some_and(|token| !token.starts_with(&under))
    {
        return Err(ApiError::new(
            Code::InvalidNextToken,
            "The specified token isn't valid.",
        ));
    }
    let all = parameters(world);
    let mut rest = all
        .iter()
        .filter_map(|(name, parameter)| Some((name, parameter, name.strip_prefix(&under)?)))
        .filter(|(_, _, tail)| recursive || !tail.contains('/'))
        .filter(|(name, _, _)| next_token.as_ref().is_none_or(|token| *name > token));
    let page: Vec<_> = rest.by_ref().take(most).collect();
    let next = rest.next().and_then(|_| page.last()).map(|(name, _, _)| *name);
    let found: Vec<Value> = page
        .iter()
        .map(|(name, parameter, _)| write(world, name, parameter))
        .collect();
    // Absent is not the same as null to every SDK.
    Ok(match next {
        Some(next) => json!({ "Parameters": found, "NextToken": next }),
        None => json!({ "Parameters": found }),
    })
}

/// A parameter: its value, and when it was set.
struct Parameter {
    value: String,
    set: Timestamp,
}

/// Every parameter there is: the ids of images, and beside those of EKS the release they are of.
fn parameters(world: &World) -> BTreeMap<String, Parameter> {
    let mut all = BTreeMap::new();
    for image in world.images.all().values() {
        let set = image.created.parse().unwrap_or(Timestamp::UNIX_EPOCH);
        for path in &image.parameters {
            let value = image.id.clone();
            all.insert(path.clone(), Parameter { value, set });
            let Some(base) = path.strip_suffix("/image_id") else {
                continue;
            };
            for (leaf, value) in beside(world, image, base) {
                all.insert(format!("{base}/{leaf}"), Parameter { value, set });
            }
        }
    }
    all
}

/// What stands beside the id of an image: for EKS `image_name` and `release_version`, for Bottlerocket
/// `image_version`.
fn beside(world: &World, image: &Image, base: &str) -> Vec<(&'static str, String)> {
    if base.starts_with("/aws/service/bottlerocket/") {
        let version = image
            .name
            .rsplit_once("-v")
            .map(|(_, version)| version.to_owned());
        return version
            .map(|version| ("image_version", version))
            .into_iter()
            .collect();
    }
    let mut found = vec![("image_name", image.name.clone())];
    if let Some(release) = release_of(world, image) {
        found.push(("release_version", release));
    }
    found
}

/// The release of an EKS image, such as `1.33.1-20260812`; the patch is that of the default kube-proxy.
fn release_of(world: &World, image: &Image) -> Option<String> {
    let (rest, date) = image.name.rsplit_once("-v")?;
    let kubernetes = rest.rsplit('-').next()?;
    let offer = world.catalogue.get("kube-proxy", kubernetes)?;
    let patch = offer.default.split('-').next()?.trim_start_matches('v');
    Some(format!("{patch}-{date}"))
}

fn write(world: &World, name: &str, parameter: &Parameter) -> Value {
    let seconds = parameter.set.as_second();
    json!({
        "Name": name,
        "Type": "String",
        "Value": parameter.value,
        "Version": 1,
        "LastModifiedDate": seconds,
        // Public parameters belong to no account.
        "ARN": format!("arn:aws:ssm:{}::parameter{name}", world.region),
        "DataType": "text",
    })
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(Code::JsonValidation, message)
}
