//! Takes out what must not leave a cluster: the values of variables whose names say that they are secret.
//!
//! Settings of the table are never secret, and are never taken out: the plan is about them.

use serde_json::Value;
use vpccni_core::config::Key;

/// What stands in the place of a value that was taken out.
pub(super) const TAKEN_OUT: &str = "(taken out of the snapshot)";

/// Words that make a name that of a secret.
const SECRET: [&str; 7] = [
    "SECRET",
    "TOKEN",
    "PASSWORD",
    "PASSWD",
    "CREDENTIAL",
    "PRIVATE_KEY",
    "ACCESS_KEY",
];

/// Whether a variable of this name may hold a secret. The path of a file is none.
fn is_secret(name: &str) -> bool {
    let upper = name.to_uppercase().replace('-', "_");
    let known = || Key::all().any(|key| key.field().name == name);
    SECRET.iter().any(|word| upper.contains(word)) && !upper.ends_with("_FILE") && !known()
}

/// Takes secrets out of an object, at any depth: of lists of `{name, value}`, and of maps from name to text.
pub(super) fn object(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let named = members.get("name").and_then(Value::as_str).is_some_and(is_secret);
            if named && let Some(text @ Value::String(_)) = members.get_mut("value") {
                *text = TAKEN_OUT.into();
            }
            for (name, member) in members.iter_mut() {
                // `init NAME` and `nodeagent NAME` are names of settings in a status.
                let last = name.rsplit(' ').next().unwrap_or(name);
                if member.is_string() && is_secret(last) {
                    *member = TAKEN_OUT.into();
                } else {
                    object(member);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(object),
        _ => {}
    }
}

/// The same for the configuration document of an add-on. One that cannot be read is taken out as a whole.
pub(super) fn document(text: String) -> String {
    let Ok(before) = serde_norway::from_str::<Value>(&text) else {
        return TAKEN_OUT.to_owned();
    };
    let mut after = before.clone();
    object(&mut after);
    if after == before { text } else { after.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_with_secret_names_are_taken_out_wherever_they_are() {
        let mut before = json!({
            "env": [
                {"name": "PROXY_PASSWORD", "value": "hunter2"},
                {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/var/run/token"},
                {"name": "WARM_ENI_TARGET", "value": "1"},
                {"name": "API_TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            ],
            "record": {"settings": {"init MY_SECRET": "x", "WARM_ENI_TARGET": "1"}},
            "automountServiceAccountToken": true,
        });
        object(&mut before);
        let expected = json!({
            "env": [
                {"name": "PROXY_PASSWORD", "value": TAKEN_OUT},
                {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/var/run/token"},
                {"name": "WARM_ENI_TARGET", "value": "1"},
                {"name": "API_TOKEN", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            ],
            "record": {"settings": {"init MY_SECRET": TAKEN_OUT, "WARM_ENI_TARGET": "1"}},
            "automountServiceAccountToken": true,
        });
        assert_eq!(before, expected);
    }

    #[test]
    fn no_setting_of_the_table_counts_as_a_secret() {
        for key in Key::all() {
            assert!(!is_secret(key.field().name), "{key}");
        }
    }

    #[test]
    fn a_document_without_secrets_stays_as_it_was_written() {
        let yaml = "env:\n  WARM_ENI_TARGET: \"2\"\n";
        assert_eq!(document(yaml.to_owned()), yaml);
        let secret = "env:\n  HTTP_TOKEN: abc\n";
        assert!(!document(secret.to_owned()).contains("abc"));
        assert_eq!(document("{".to_owned()), TAKEN_OUT);
    }
}
