//! `max-pods-vectors.json`: the script, nodeadm and Karpenter.

use crate::{list, load, text};
use serde_json::Value;
use vpccni_core::ids::InstanceType;
use vpccni_core::limits::{self, InstanceLimits};
use vpccni_core::max_pods::{self, ExpressionError, KarpenterArgs, ScriptArgs, ScriptError};

fn find(name: &str) -> Option<InstanceLimits> {
    limits::find(&InstanceType::parse(name).ok()?)
}

fn number(vector: &Value, field: &str) -> u32 {
    optional(vector, field).unwrap_or_else(|| panic!("{field} is no number in {vector}"))
}

fn optional(vector: &Value, field: &str) -> Option<u32> {
    let number = vector[field].as_u64()?;
    Some(u32::try_from(number).unwrap())
}

/// What the command line of the script asks for; none where it only prints its usage.
fn parse(args: &[Value]) -> Option<(String, ScriptArgs)> {
    let mut instance_type = None;
    let mut parsed = ScriptArgs {
        cni_version: String::new(),
        prefix_delegation: false,
        custom_networking: false,
        max_eni: None,
        show_max_allowed: false,
    };
    let mut words = args.iter().map(|word| word.as_str().unwrap());
    while let Some(word) = words.next() {
        match word {
            "--instance-type" => instance_type = words.next(),
            "--cni-version" => words.next().unwrap().clone_into(&mut parsed.cni_version),
            "--cni-max-eni" => parsed.max_eni = Some(words.next().unwrap().parse().unwrap()),
            "--cni-prefix-delegation-enabled" => parsed.prefix_delegation = true,
            "--cni-custom-networking-enabled" => parsed.custom_networking = true,
            "--show-max-allowed" => parsed.show_max_allowed = true,
            "--help" => return None,
            other => panic!("unknown argument {other}"),
        }
    }
    Some((instance_type?.to_owned(), parsed))
}

/// The script's exit code and number.
fn run(args: &[Value]) -> (u64, Option<u32>) {
    let Some((name, args)) = parse(args) else {
        return (1, None);
    };
    // The AWS client's own exit code, which the script passes on.
    let Some(limits) = find(&name) else {
        return (254, None);
    };
    match max_pods::script(&limits, &args) {
        Ok(pods) => (0, Some(pods)),
        Err(ScriptError::Version(_)) => (1, None),
        Err(error) => panic!("{name}: {error}"),
    }
}

#[test]
fn the_script() {
    let data = load("max-pods-vectors.json");
    let vectors = list(&data, "vectors");
    assert_eq!(data["count"].as_u64(), u64::try_from(vectors.len()).ok());
    let mut errors = 0;
    for vector in vectors {
        let args = list(vector, "args");
        let expected = (vector["exit"].as_u64().unwrap(), optional(vector, "expected"));
        assert_eq!(run(args), expected, "{vector}");
        errors += u32::from(expected.0 != 0);
        if let Some((name, _)) = parse(args).filter(|_| vector.get("input").is_some()) {
            same_limits(&find(&name).unwrap(), &vector["input"]);
        }
    }
    println!(
        "max-pods script: {} vectors, {errors} of them errors",
        vectors.len()
    );
}

/// The limits the vector was made with are those of our table.
fn same_limits(limits: &InstanceLimits, input: &Value) {
    assert_eq!(limits.max_enis, number(input, "enis"), "{input}");
    assert_eq!(limits.ipv4_per_eni, number(input, "ips"), "{input}");
    assert_eq!(limits.vcpus, optional(input, "vcpus"), "{input}");
    assert_eq!(Some(limits.bare_metal), input["bareMetal"].as_bool(), "{input}");
    assert_eq!(limits.nitro, input["hypervisor"] == "nitro", "{input}");
}

#[test]
fn nodeadm() {
    let data = load("max-pods-vectors.json");
    let data = &data["nodeadm"];
    let expressions = list(data, "evaluateCustomMaxPodsExpression");
    for vector in expressions {
        let result = max_pods::nodeadm_expression(
            text(vector, "expression"),
            number(vector, "default_enis"),
            number(vector, "ips_per_eni"),
            number(vector, "standard_max_pods"),
        );
        match vector["error"].as_str() {
            None => assert_eq!(result.ok(), Some(number(vector, "expected")), "{vector}"),
            Some(error) => {
                assert!(vector["expected"].is_null(), "{vector}");
                let compiles = !error.contains("failed to compile");
                let expected = match result {
                    Err(ExpressionError::DoesNotCompile(_)) => !compiles,
                    Err(ExpressionError::OutOfRange(_)) => compiles,
                    Ok(_) | Err(ExpressionError::NotComputable(_)) => false,
                };
                assert!(expected, "{vector}: {result:?}");
            }
        }
    }
    for vector in list(data, "CalcMaxPods") {
        let (enis, ips) = (number(vector, "default_enis"), number(vector, "ips_per_eni"));
        let pods = max_pods::nodeadm(text(vector, "expression"), enis, ips);
        assert_eq!(pods, number(vector, "expected"), "{vector}");
    }
    for vector in list(data, "standard") {
        let limits = find(text(vector, "instanceType")).unwrap();
        assert_eq!(
            max_pods::nodeadm_standard(&limits),
            number(vector, "expected"),
            "{vector}"
        );
    }
}

#[test]
fn karpenter() {
    let data = load("max-pods-vectors.json");
    for vector in list(&data["karpenter"], "vectors") {
        let limits = find(text(vector, "instanceType")).unwrap();
        let args = KarpenterArgs {
            reserved_enis: number(vector, "reservedENIs"),
            efa_only: number(vector, "efaOnlyOnCard0"),
            max_pods: optional(vector, "maxPods"),
            pods_per_core: optional(vector, "podsPerCore"),
            eni_limited: vector["eniLimitedFamily"].as_bool().unwrap(),
        };
        assert_eq!(
            max_pods::karpenter(&limits, &args),
            number(vector, "expected"),
            "{vector}"
        );
    }
}
