//! CNI_ARGS: what a kubelet says of the pod.

use crate::error::{CniError, Code};

/// The pod that a sandbox is for. All empty where it is for none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodArgs {
    /// K8S_POD_NAME
    pub name: String,
    /// K8S_POD_NAMESPACE
    pub namespace: String,
    /// K8S_POD_INFRA_CONTAINER_ID
    pub infra_container_id: String,
    /// K8S_POD_UID
    pub uid: String,
}

impl PodArgs {
    /// Reads `KEY=value;KEY=value`. A key that is not known is an error, unless IgnoreUnknown says otherwise.
    pub fn read(text: &str) -> Result<Self, CniError> {
        let mut pod = Self::default();
        let (mut unknown, mut ignore) = (Vec::new(), false);
        for pair in text.split(';').filter(|pair| !pair.is_empty()) {
            let Some((key, value)) = pair.split_once('=') else {
                return Err(invalid(format!("CNI_ARGS: {pair:?} is no pair")));
            };
            match key {
                "K8S_POD_NAME" => value.clone_into(&mut pod.name),
                "K8S_POD_NAMESPACE" => value.clone_into(&mut pod.namespace),
                "K8S_POD_INFRA_CONTAINER_ID" => value.clone_into(&mut pod.infra_container_id),
                "K8S_POD_UID" => value.clone_into(&mut pod.uid),
                "IgnoreUnknown" => ignore = read_bool(value)?,
                other => unknown.push(other),
            }
        }
        if !ignore && !unknown.is_empty() {
            return Err(invalid(format!("CNI_ARGS: {} not known", unknown.join(", "))));
        }
        Ok(pod)
    }
}

fn read_bool(text: &str) -> Result<bool, CniError> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err(invalid(format!(
            "CNI_ARGS: IgnoreUnknown={text} is neither true nor false"
        ))),
    }
}

fn invalid(message: String) -> CniError {
    CniError::new(Code::InvalidEnvironment, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pod_is_read_and_the_rest_is_ignored_on_request() {
        let pod = PodArgs::read("IgnoreUnknown=True;K8S_POD_NAMESPACE=a;K8S_POD_NAME=b;X=1;K8S_POD_UID=u=1;")
            .unwrap();
        assert_eq!((&*pod.namespace, &*pod.name, &*pod.uid), ("a", "b", "u=1"));
        assert_eq!(PodArgs::read("").unwrap(), PodArgs::default());
    }

    #[test]
    fn anything_else_is_an_error() {
        for text in [
            "X=1",
            "IgnoreUnknown=0;X=1",
            "IgnoreUnknown=maybe",
            "K8S_POD_NAME",
        ] {
            assert_eq!(
                PodArgs::read(text).unwrap_err().code,
                Code::InvalidEnvironment,
                "{text}"
            );
        }
    }
}
