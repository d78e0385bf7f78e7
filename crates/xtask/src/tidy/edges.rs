//! Which of our crates may depend on which: the whole table, compared with what cargo says.

use cargo_metadata::{DependencyKind, Package};

use super::{Tree, Violation};

/// A crate, what it may depend on, and what only its tests may depend on.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

/// The table of `docs/ARCHITECTURE.md`.
const TABLE: &[Row] = &[
    ("vpccni-core", &[], &[]),
    ("vpccni-telemetry", &[], &[]),
    ("vpccni-api", &["vpccni-core"], &[]),
    ("vpccni-aws", &["vpccni-core"], &["vpccni-sandbox"]),
    ("vpccni-netlink", &["vpccni-core"], &[]),
    ("vpccni-rpc", &["vpccni-core"], &[]),
    (
        "vpccni-cni",
        &["vpccni-core", "vpccni-netlink", "vpccni-rpc"],
        &[],
    ),
    (
        "vpccni-ipamd",
        &[
            "vpccni-api",
            "vpccni-aws",
            "vpccni-core",
            "vpccni-netlink",
            "vpccni-rpc",
            "vpccni-telemetry",
        ],
        &["vpccni-sandbox"],
    ),
    (
        "vpccni-observe",
        &["vpccni-api", "vpccni-aws", "vpccni-core"],
        &[],
    ),
    (
        "vpc-cni-operator",
        &[
            "vpccni-api",
            "vpccni-aws",
            "vpccni-core",
            "vpccni-observe",
            "vpccni-telemetry",
        ],
        &["vpccni-testbed"],
    ),
    (
        "vpccni-kubectl",
        &["vpccni-api", "vpccni-aws", "vpccni-core", "vpccni-observe"],
        &["vpccni-testbed"],
    ),
    // Of core only ids, net and limits: an oracle must not share the planner's mistakes.
    ("vpccni-sandbox", &["vpccni-core", "vpccni-telemetry"], &[]),
    (
        "vpccni-testbed",
        &["vpccni-api", "vpccni-core", "vpccni-rpc", "vpccni-sandbox"],
        &[],
    ),
    ("xtask", &["vpccni-api", "vpccni-core", "vpccni-testbed"], &[]),
    (
        "vpccni-e2e",
        &["vpccni-api", "vpccni-core", "vpccni-testbed"],
        &[],
    ),
];

/// The check.
pub(super) fn check(tree: &Tree) -> Vec<Violation> {
    tree.metadata
        .packages
        .iter()
        .flat_map(|package| of_package(tree, package))
        .collect()
}

fn of_package(tree: &Tree, package: &Package) -> Vec<Violation> {
    let path = tree.relative(package.manifest_path.as_std_path());
    let Some((_, allowed, in_tests)) = TABLE.iter().find(|(name, ..)| *name == package.name.as_str()) else {
        return vec![Violation::at(
            &path,
            1,
            format!("`{}` is not in the table of crate edges", package.name),
        )];
    };
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.path.is_some())
        .filter(|dependency| {
            let name = dependency.name.as_str();
            let in_tests = dependency.kind == DependencyKind::Development && in_tests.contains(&name);
            !in_tests && !allowed.contains(&name)
        })
        .map(|dependency| {
            let kind = if dependency.kind == DependencyKind::Development {
                ", not even in tests"
            } else {
                ""
            };
            Violation::at(
                &path,
                1,
                format!("`{}` may not depend on `{}`{kind}", package.name, dependency.name),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::tree::tests::{manifest, small};
    use super::*;

    #[test]
    fn an_edge_that_is_not_in_the_table_is_found() {
        let dependency = |kind: &str, name: &str| format!("[{kind}]\n{name} = {{ path = \"../{name}\" }}\n");
        let core = manifest("vpccni-core", &dependency("dependencies", "vpccni-api"));
        let aws = manifest("vpccni-aws", &dependency("dev-dependencies", "vpccni-sandbox"));
        let (_folder, tree) = small(&[
            ("crates/vpccni-core/Cargo.toml", &core),
            ("crates/vpccni-core/src/lib.rs", ""),
            ("crates/vpccni-api/Cargo.toml", &manifest("vpccni-api", "")),
            ("crates/vpccni-api/src/lib.rs", ""),
            ("crates/vpccni-aws/Cargo.toml", &aws),
            ("crates/vpccni-aws/src/lib.rs", ""),
            (
                "crates/vpccni-sandbox/Cargo.toml",
                &manifest("vpccni-sandbox", ""),
            ),
            ("crates/vpccni-sandbox/src/lib.rs", ""),
            ("crates/new/Cargo.toml", &manifest("new", "")),
            ("crates/new/src/lib.rs", ""),
        ]);
        let mut found: Vec<_> = check(&tree)
            .into_iter()
            .map(|violation| violation.message)
            .collect();
        found.sort();
        assert_eq!(
            found,
            [
                "`new` is not in the table of crate edges",
                "`vpccni-core` may not depend on `vpccni-api`"
            ]
        );
    }
}
