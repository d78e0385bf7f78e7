//! `RESERVED_ENIS` of Karpenter: the interfaces that its controller leaves out where it counts the pods of a node. It is a
//! setting of the process, so it is read from the Deployment that runs it, where that has the name its chart gives it.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Container;
use kube::{Api, Client};
use vpccni_core::known::Known;

const NAME: &str = "karpenter";
/// Where its guides install it, in turn.
const NAMESPACES: [&str; 2] = ["kube-system", "karpenter"];
const CONTAINER: &str = "controller";
const VARIABLE: &str = "RESERVED_ENIS";
const FLAG: &str = "--reserved-enis";

/// What it is set to.
pub(super) async fn enis(client: &Client) -> Known<u32> {
    for namespace in NAMESPACES {
        let api: Api<Deployment> = Api::namespaced(client.clone(), namespace);
        match api.get_opt(NAME).await {
            Ok(Some(deployment)) => return of(&deployment),
            Ok(None) => {}
            Err(error) => {
                return Known::Unknown(format!(
                    "the Deployment {namespace}/{NAME} cannot be read: {error}"
                ));
            }
        }
    }
    Known::Unknown(format!(
        "there is no Deployment {NAME} in {}",
        NAMESPACES.join(" or ")
    ))
}

fn of(deployment: &Deployment) -> Known<u32> {
    let pod = deployment
        .spec
        .as_ref()
        .and_then(|spec| spec.template.spec.as_ref());
    let containers = pod.map(|pod| pod.containers.as_slice()).unwrap_or_default();
    let named = containers.iter().find(|container| container.name == CONTAINER);
    let Some(container) = named.or(containers.first()) else {
        return Known::Unknown(format!("the Deployment {NAME} has no container"));
    };
    match said(container) {
        Ok(None) => Known::Yes(0),
        Ok(Some(text)) => match text.parse() {
            Ok(count) => Known::Yes(count),
            Err(_) => Known::Unknown(format!("{VARIABLE} of Karpenter is {text:?}")),
        },
        Err(why) => Known::Unknown(why),
    }
}

/// The flag goes before the variable, and of several of either the last one holds.
fn said(container: &Container) -> Result<Option<String>, String> {
    let words: Vec<&String> = container
        .command
        .iter()
        .chain(&container.args)
        .flatten()
        .collect();
    let flag = words.iter().rposition(|word| {
        let name = word.split('=').next().unwrap_or_default();
        // Both forms are those of the flag package of Go.
        name == FLAG || name == &FLAG[1..]
    });
    if let Some(at) = flag {
        let value = match words[at].split_once('=') {
            Some((_, value)) => Some(value.to_owned()),
            None => words.get(at + 1).map(|next| (*next).clone()),
        };
        return value
            .map(Some)
            .ok_or_else(|| format!("{FLAG} of Karpenter has no value"));
    }
    let variables = container.env.iter().flatten();
    match variables.filter(|variable| variable.name == VARIABLE).next_back() {
        Some(variable) if variable.value_from.is_some() => {
            Err(format!("{VARIABLE} of Karpenter comes from another object"))
        }
        // What is set to nothing is not set.
        Some(variable) => Ok(variable.value.clone().filter(|value| !value.is_empty())),
        None if container.env_from.iter().flatten().next().is_some() => Err(format!(
            "{VARIABLE} of Karpenter may come from an object that its Deployment names in envFrom"
        )),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake_api::{client, failure};
    use serde_json::{Value, json};

    fn deployment(container: Value) -> Value {
        let mut container = container;
        container["name"] = json!("controller");
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": NAME}, "spec": {
            "selector": {}, "template": {"spec": {"containers": [{"name": "proxy"}, container]}}}})
    }

    fn read(container: Value) -> Known<u32> {
        of(&serde_json::from_value(deployment(container)).unwrap())
    }

    #[test]
    fn flags_go_before_variables_and_what_is_not_set_is_none() {
        let one = json!([{"name": VARIABLE, "value": "1"}]);
        assert_eq!(read(json!({})), Known::Yes(0));
        assert_eq!(read(json!({"env": one})), Known::Yes(1));
        assert_eq!(
            read(json!({"env": [{"name": VARIABLE, "value": ""}]})),
            Known::Yes(0)
        );
        assert_eq!(
            read(json!({"env": one, "args": ["--reserved-enis=2"]})),
            Known::Yes(2)
        );
        assert_eq!(
            read(json!({"env": one, "command": ["karpenter", "-reserved-enis", "3"]})),
            Known::Yes(3)
        );
        assert_eq!(
            read(json!({"args": ["--reserved-enis-of-another=2"]})),
            Known::Yes(0)
        );
    }

    #[test]
    fn what_cannot_be_known_says_why() {
        let from = json!({"configMapKeyRef": {"name": "settings", "key": "reserved"}});
        for (container, words) in [
            (
                json!({"env": [{"name": VARIABLE, "valueFrom": from}]}),
                "another object",
            ),
            (
                json!({"envFrom": [{"configMapRef": {"name": "settings"}}]}),
                "envFrom",
            ),
            (json!({"env": [{"name": VARIABLE, "value": "many"}]}), "\"many\""),
            (json!({"args": ["--reserved-enis"]}), "no value"),
        ] {
            let Known::Unknown(why) = read(container) else {
                panic!("{words}");
            };
            assert!(why.contains(words), "{why}");
        }
    }

    #[tokio::test]
    async fn it_is_looked_for_where_it_is_installed() {
        let one = deployment(json!({"env": [{"name": VARIABLE, "value": "1"}]}));
        let path = "/apis/apps/v1/namespaces/karpenter/deployments/karpenter";
        let absent = || {
            let (code, mut body) = failure(404, "not found");
            body["reason"] = json!("NotFound");
            Some((code, body))
        };
        let (there, asked) = client(move |target| match target.starts_with(path) {
            true => Some((200, one.clone())),
            false => absent(),
        });
        assert_eq!(enis(&there).await, Known::Yes(1));
        assert_eq!(asked.lock().unwrap().len(), 2);
        let (nowhere, _) = client(move |_| absent());
        assert!(matches!(enis(&nowhere).await, Known::Unknown(why) if why.contains("no Deployment")));
        let (denied, _) = client(|_| Some(failure(403, "forbidden")));
        assert!(matches!(enis(&denied).await, Known::Unknown(why) if why.contains("forbidden")));
    }
}
