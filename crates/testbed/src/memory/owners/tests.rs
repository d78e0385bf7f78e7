//! Ownership as the API server keeps it.

use super::*;

fn manager(name: &str, applies: bool) -> Manager {
    Manager {
        name: name.to_owned(),
        applies,
        version: "v1".to_owned(),
        subresource: String::new(),
    }
}

fn shape() -> Shape {
    Shape::of_table(&[("data", "map")])
}

fn owners(object: &Value, key: &str) -> Vec<String> {
    let entries = object["metadata"]["managedFields"]
        .as_array()
        .into_iter()
        .flatten();
    entries
        .filter(|entry| entry["fieldsV1"]["f:data"].get(format!("f:{key}")).is_some())
        .map(|entry| entry["manager"].as_str().unwrap().to_owned())
        .collect()
}

fn applied(live: &Value, data: &Value, name: &str, force: bool) -> Result<Value, Vec<Conflict>> {
    let config = json!({"metadata": {"name": "x"}, "data": data});
    apply(live, &config, &manager(name, true), force, &shape(), "now")
}

#[test]
fn a_value_of_another_is_a_conflict_and_force_takes_it() {
    let mut live = json!({"metadata": {"name": "x"}, "data": {"a": "1", "b": "1"}});
    update(
        &json!({}),
        &mut live,
        &manager("kubectl", false),
        &shape(),
        "then",
    );
    let conflicts = applied(&live, &json!({"a": "2"}), "operator", false).unwrap_err();
    let expected = Conflict {
        manager: "\"kubectl\" using v1".to_owned(),
        field: ".data.a".to_owned(),
    };
    assert_eq!(conflicts, [expected]);
    let shared = applied(&live, &json!({"a": "1"}), "operator", false).unwrap();
    assert_eq!(owners(&shared, "a"), ["operator", "kubectl"]);
    let taken = applied(&live, &json!({"a": "2"}), "operator", true).unwrap();
    assert_eq!(taken["data"], json!({"a": "2", "b": "1"}));
    assert_eq!(owners(&taken, "a"), ["operator"]);
    assert_eq!(owners(&taken, "b"), ["kubectl"]);
}

#[test]
fn what_is_no_longer_applied_goes_unless_somebody_else_has_it() {
    let first = applied(&json!({}), &json!({"a": "1", "b": "1"}), "operator", false).unwrap();
    let both = applied(&first, &json!({"b": "1"}), "holder", true).unwrap();
    let less = applied(&both, &json!({}), "operator", true).unwrap();
    assert_eq!(less["data"], json!({"b": "1"}));
    assert_eq!(owners(&less, "b"), ["holder"]);
    let none = applied(&less, &json!({}), "holder", true).unwrap();
    // A map that becomes empty by an apply is null, which the API server leaves out of what it answers.
    assert_eq!(none["data"], json!(null));
}

#[test]
fn an_update_takes_what_it_changes_and_nothing_else() {
    let first = applied(&json!({}), &json!({"a": "1", "b": "1"}), "operator", false).unwrap();
    let mut edited = first.clone();
    edited["data"]["a"] = json!("2");
    update(&first, &mut edited, &manager("edit", false), &shape(), "later");
    assert_eq!(owners(&edited, "a"), ["edit"]);
    assert_eq!(owners(&edited, "b"), ["operator"]);
}
