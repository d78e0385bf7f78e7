//! The NodeConfig of nodeadm, alone and in MIME documents.

use super::*;

const HEAD: &str = "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\n";

#[test]
fn node_configs() {
    check(&[
        (
            "---\napiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  cluster:\n    name: prod\n  kubelet:\n    config:\n      # as many as fit\n      maxPods: 29 # for now\n      shutdownGracePeriod: 30s\n",
            Some(29),
            "---\napiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  cluster:\n    name: prod\n  kubelet:\n    config:\n      # as many as fit\n      maxPods: 110 # for now\n      shutdownGracePeriod: 30s\n",
        ),
        (
            "kind: NodeConfig\napiVersion: node.eks.aws/v1alpha1\nspec:\n    kubelet:\n        config:\n            clusterDNS:\n            - 10.0.0.2\n",
            None,
            "kind: NodeConfig\napiVersion: node.eks.aws/v1alpha1\nspec:\n    kubelet:\n        config:\n            maxPods: 110\n            clusterDNS:\n            - 10.0.0.2\n",
        ),
        (
            "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  kubelet:\n    flags:\n    - --node-labels=a=b\n  cluster:\n    name: prod\n    maxPods: 3",
            None,
            "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  kubelet:\n    config:\n      maxPods: 110\n    flags:\n    - --node-labels=a=b\n  cluster:\n    name: prod\n    maxPods: 3",
        ),
        (
            "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  cluster: {name: prod}\n",
            None,
            "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  kubelet:\n    config:\n      maxPods: 110\n  cluster: {name: prod}\n",
        ),
        (
            "apiVersion: node.eks.aws/v1alpha1\r\nkind: \"NodeConfig\"\r\n",
            None,
            "apiVersion: node.eks.aws/v1alpha1\r\nkind: \"NodeConfig\"\r\nspec:\r\n  kubelet:\r\n    config:\r\n      maxPods: 110\r\n",
        ),
        (
            "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  kubelet:\n    config:\n      maxPods: 20\n    flags: [\"--max-pods=29\", \"--v=2\"]\n",
            Some(29),
            "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  kubelet:\n    config:\n      maxPods: 110\n    flags: [\"--max-pods=110\", \"--v=2\"]\n",
        ),
        (
            "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  kubelet:\n    flags:\n      - --max-pods=29\n",
            Some(29),
            "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\nspec:\n  kubelet:\n    flags:\n      - --max-pods=110\n",
        ),
    ]);
    let empty = format!("{HEAD}spec:\n  kubelet: {{}}\n");
    let changed = with_max_pods(&empty, 110, Family::Unknown);
    assert_eq!(
        changed,
        Ok(format!("{HEAD}spec:\n  kubelet: {{config: {{maxPods: 110}}}}\n"))
    );
}

#[test]
fn node_configs_that_are_not_understood() {
    for (rest, why) in [
        (
            "spec: {kubelet: {config: {maxPods: 3}}}\n",
            "spec is not written in block style",
        ),
        (
            "spec:\n  kubelet:\n    config: &c\n      maxPods: 3\n",
            "config is not written in block style",
        ),
        (
            "spec:\n  kubelet:\n    config:\n      maxPods: \"3\"\n",
            "maxPods is not a plain number",
        ),
        (
            "spec:\n  kubelet:\n    config:\n      maxPods:\n",
            "maxPods is not a plain number",
        ),
        (
            "spec:\n  kubelet:\n    config:\n      <<: *base\n",
            "it merges mappings by <<",
        ),
        ("spec:\n  kubelet:\n  kubelet:\n", "kubelet is there twice"),
        ("spec:\n\tkubelet:\n", "its lines begin with tabs"),
        (
            "spec:\n  - kubelet\n",
            "it has a list where a mapping is expected",
        ),
        ("---\nkind: NodeConfig\n", "it has several YAML documents in one"),
        (
            "spec:\n  kubelet:\n    flags: [\"--max-pods=$N\"]\n",
            "--max-pods is not a plain number",
        ),
    ] {
        assert_eq!(refused(&format!("{HEAD}{rest}")), why, "{rest}");
    }
    assert_eq!(
        refused("apiVersion: node.eks.aws/v1alpha1\nkind: Other\n"),
        "its kind is not NodeConfig"
    );
}

fn mime(parts: &str) -> String {
    format!("MIME-Version: 1.0\nContent-Type: multipart/mixed;\n boundary=\"B\"\n\n{parts}--B--\n")
}

const SHELL: &str =
    "--B\nContent-Type: text/x-shellscript; charset=\"us-ascii\"\n\n#!/bin/bash\necho hello\n\n";

fn config_part(spec: &str) -> String {
    format!("--B\nContent-Type: application/node.eks.aws\n\n---\n{HEAD}{spec}\n")
}

#[test]
fn a_node_config_in_a_mime_document() {
    let of = |number: &str| {
        let config = config_part(&format!(
            "spec:\n  kubelet:\n    config:\n      maxPods: {number}\n"
        ));
        mime(&format!("{SHELL}{config}"))
    };
    assert_eq!(max_pods(&of("29")), Ok(Some(29)));
    assert_eq!(with_max_pods(&of("29"), 110, Family::Al2023), Ok(of("110")));
    let crlf = of("29").replace('\n', "\r\n");
    assert_eq!(
        with_max_pods(&crlf, 110, Family::Al2023),
        Ok(of("110").replace('\n', "\r\n"))
    );
}

#[test]
fn the_last_node_config_that_says_a_number_counts_and_all_that_do_are_set() {
    let with = |first: &str, last: &str| {
        let spec = |number: &str| format!("spec:\n  kubelet:\n    config:\n      maxPods: {number}\n");
        let plain = config_part("spec:\n  cluster:\n    name: prod\n");
        mime(&format!(
            "{}{plain}{}",
            config_part(&spec(first)),
            config_part(&spec(last))
        ))
    };
    assert_eq!(max_pods(&with("20", "29")), Ok(Some(29)));
    assert_eq!(
        with_max_pods(&with("20", "29"), 110, Family::Al2023),
        Ok(with("110", "110"))
    );
    let one = mime(&config_part("spec:\n  cluster:\n    name: prod\n"));
    let changed = with_max_pods(&one, 110, Family::Al2023).expect("understood");
    assert_eq!(
        changed,
        one.replace("spec:\n", "spec:\n  kubelet:\n    config:\n      maxPods: 110\n")
    );
}

#[test]
fn a_call_in_a_mime_document() {
    let call = "--B\nContent-Type: text/x-shellscript\n\n#!/bin/bash\n/etc/eks/bootstrap.sh prod\n\n";
    let before = mime(&format!("{SHELL}{call}"));
    let after = before.replace(
        "bootstrap.sh prod",
        "bootstrap.sh --use-max-pods false --kubelet-extra-args '--max-pods=110' prod",
    );
    assert_eq!(max_pods(&before), Ok(None));
    assert_eq!(with_max_pods(&before, 110, Family::Al2), Ok(after));
}

#[test]
fn amazon_linux_2023_gets_a_node_config_where_there_is_none() {
    let before = mime(SHELL);
    let part = format!(
        "--B\nContent-Type: application/node.eks.aws\n\n{HEAD}spec:\n  kubelet:\n    config:\n      maxPods: 110\n"
    );
    let after = mime(&format!("{SHELL}{part}"));
    assert_eq!(with_max_pods(&before, 110, Family::Al2023), Ok(after.clone()));
    assert_eq!(max_pods(&after), Ok(Some(110)));
    assert!(with_max_pods(&before, 110, Family::Al2).is_err());
    let made = with_max_pods("", 110, Family::Al2023).expect("a document");
    assert_eq!(max_pods(&made), Ok(Some(110)));
    assert!(made.starts_with("MIME-Version: 1.0\n"));
}

#[test]
fn mime_documents_that_are_not_understood() {
    let encoded = "--B\nContent-Type: application/node.eks.aws\nContent-Transfer-Encoding: base64\n\nYQ==\n";
    let both = format!(
        "{}--B\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n/etc/eks/bootstrap.sh a\n",
        config_part("")
    );
    for (text, why) in [
        (
            mime(encoded),
            "its part of type application/node.eks.aws is encoded",
        ),
        (
            mime(&both),
            "more than one part of it says how the node is started",
        ),
        (
            mime("--B\nContent-Type: multipart/mixed; boundary=\"C\"\n\n--C--\n"),
            "it has a MIME document in a MIME document",
        ),
        (mime(SHELL).replace("--B--\n", ""), "its last part is not closed"),
        (
            "MIME-Version: 1.0\nContent-Type: text/plain\n\nx\n".to_owned(),
            "its Content-Type is not multipart with a boundary",
        ),
    ] {
        assert_eq!(refused(&text), why, "{text}");
    }
}
