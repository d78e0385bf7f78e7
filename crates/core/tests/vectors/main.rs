//! Test vectors from upstream's own tests, documents and code, held against this crate.
//!
//! Every vector file is read from the folder in `VECTORS_DIR`, else from `data/`. A check makes the whole `expected`
//! of a vector from its input, so nothing in it can go unasserted. An area or a vector that nobody has decided about
//! fails; what belongs to the node's agent is listed with its reason, counted and printed.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of a test fail by panicking"
)]

mod areas;
mod data_path;
mod max_pods;
mod node;
mod plugin;
mod pool;
mod reconcile;
mod requests;
mod settings;
#[allow(dead_code, reason = "the properties of the pool use the rest of it")]
#[path = "../pool/sim.rs"]
mod sim;
mod sizing;
mod store;

use areas::{AREAS, DIFFERENT, Fate, LATER};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What a check gives: the whole `expected`, or why the vector has none.
type Checked = Result<Value, String>;

#[expect(
    clippy::disallowed_methods,
    reason = "a test reads its data; the crate itself does not"
)]
fn load(file: &str) -> Value {
    let folder = std::env::var_os("VECTORS_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data"),
        PathBuf::from,
    );
    let path = folder.join(file);
    let text =
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("parse {}: {error}", path.display()))
}

fn list<'a>(data: &'a Value, field: &str) -> &'a [Value] {
    let list = data[field]
        .as_array()
        .unwrap_or_else(|| panic!("{field} is no list"));
    assert!(!list.is_empty(), "{field} is empty");
    list
}

fn text<'a>(vector: &'a Value, field: &str) -> &'a str {
    vector[field]
        .as_str()
        .unwrap_or_else(|| panic!("{field} is no text in {vector}"))
}

/// Holds one vector against what its check makes of it.
fn hold(fate: &Fate, id: &str, vector: &Value) -> Result<(), String> {
    let ours = DIFFERENT.iter().find(|(listed, _)| *listed == id);
    let ours = ours.map(|(_, text)| serde_json::from_str::<Value>(text).unwrap());
    let expected = ours.as_ref().unwrap_or_else(|| &vector["expected"]);
    let (actual, same) = match fate {
        Fate::Later(why) => return Err((*why).to_owned()),
        Fate::Tested(check) => {
            let actual = check(&vector["input"])?;
            let same = actual == *expected;
            (actual, same)
        }
        Fate::Among(check) => {
            let actual = check(&vector["input"])?;
            let same = is_among(expected, &actual);
            (actual, same)
        }
        Fate::Alike(check) => {
            let actual = check(&vector["input"], expected)?;
            let same = actual == *expected;
            (actual, same)
        }
    };
    if same {
        Ok(())
    } else {
        Err(format!("{actual} is not {expected}"))
    }
}

/// Whether all that is expected is there. The numbers of a list count in any order: upstream's maps have none.
fn is_among(expected: &Value, actual: &Value) -> bool {
    let sorted = |list: &[Value]| {
        let mut numbers: Vec<i64> = list.iter().filter_map(Value::as_i64).collect();
        numbers.sort_unstable();
        numbers
    };
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => expected
            .iter()
            .all(|(field, value)| actual.get(field).is_some_and(|actual| is_among(value, actual))),
        (Value::Array(expected), Value::Array(actual)) if expected.iter().all(Value::is_i64) => {
            expected.len() == actual.len() && sorted(expected) == sorted(actual)
        }
        (Value::Array(expected), Value::Array(actual)) => {
            expected.len() == actual.len() && expected.iter().zip(actual).all(|(e, a)| is_among(e, a))
        }
        (expected, actual) => expected == actual,
    }
}

#[test]
fn every_vector_of_the_cni_is_tested_or_listed() {
    let data = load("vpc-cni-vectors.json");
    let vectors = list(&data, "vectors");
    assert_eq!(data["count"].as_u64(), u64::try_from(vectors.len()).ok());
    let mut tested: BTreeMap<&str, u32> = BTreeMap::new();
    let mut later: BTreeMap<&str, u32> = BTreeMap::new();
    let mut failures = Vec::new();
    for vector in vectors {
        let (id, area) = (text(vector, "id"), text(vector, "area"));
        if let Some((_, reason)) = LATER.iter().find(|(listed, _)| *listed == id) {
            *later.entry(reason).or_default() += 1;
            continue;
        }
        match AREAS.iter().find(|(name, _)| *name == area) {
            None => failures.push(format!("{id}: nobody has decided about the area {area}")),
            Some((_, Fate::Later(reason))) => *later.entry(reason).or_default() += 1,
            Some((_, fate @ (Fate::Tested(_) | Fate::Among(_) | Fate::Alike(_)))) => {
                *tested.entry(area).or_default() += 1;
                if let Err(why) = hold(fate, id, vector) {
                    failures.push(format!("{id}: {why}"));
                }
            }
        }
    }
    println!(
        "tested: {} of {} {tested:?}",
        tested.values().sum::<u32>(),
        vectors.len()
    );
    println!("left to the node's agent: {}", later.values().sum::<u32>());
    for (reason, count) in &later {
        println!("  {count:3} {reason}");
    }
    assert!(
        failures.is_empty(),
        "{} failures:\n{}",
        failures.len(),
        failures.join("\n")
    );
}

#[test]
fn every_entry_of_the_table_has_a_vector() {
    let data = load("vpc-cni-vectors.json");
    let vectors = list(&data, "vectors");
    let of = |field| {
        vectors
            .iter()
            .map(|vector| text(vector, field))
            .collect::<BTreeSet<_>>()
    };
    let (ids, areas) = (of("id"), of("area"));
    let gone: Vec<_> = AREAS
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| !areas.contains(name))
        .collect();
    assert!(gone.is_empty(), "areas without a vector: {gone:?}");
    let gone: Vec<_> = LATER
        .iter()
        .chain(DIFFERENT)
        .map(|(id, _)| *id)
        .filter(|id| !ids.contains(id))
        .collect();
    assert!(gone.is_empty(), "listed vectors that are not there: {gone:?}");
}
