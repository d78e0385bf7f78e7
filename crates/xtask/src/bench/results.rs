//! The figures as a table, against what is allowed, and against the first run.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::OperatorArgs;
use super::limits::{CHANGE_P99_MS, MEMORY_MIB, REVIEW_MS};

/// What the section of the operator is called.
pub(super) const OPERATOR: &str = "The operator on the real API server";

/// Where the figures are kept.
const FILE: &str = "bench/RESULTS.md";

/// One run.
pub(super) struct Row {
    pub(super) nodes: u16,
    pub(super) pods: usize,
    pub(super) peak_mib: f64,
    pub(super) change_p50: Duration,
    pub(super) change_p99: Duration,
    pub(super) idle_seconds: u64,
    pub(super) idle_writes: f64,
    pub(super) idle_ec2_calls: u64,
    pub(super) review: Duration,
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

impl Row {
    pub(super) fn line(&self) -> String {
        format!(
            "{} nodes: peak {:.1} MiB, change to DaemonSet p50 {:.0} ms p99 {:.0} ms, idle {:.0} writes {} EC2 calls, \
             review {:.2} ms",
            self.nodes,
            self.peak_mib,
            ms(self.change_p50),
            ms(self.change_p99),
            self.idle_writes,
            self.idle_ec2_calls,
            ms(self.review)
        )
    }
}

/// Everything as Markdown.
pub(super) fn table(args: &OperatorArgs, rows: &[Row]) -> String {
    let mut text = String::new();
    let sizes: Vec<String> = args.nodes.iter().map(ToString::to_string).collect();
    let command = format!(
        "`cargo xtask bench operator --nodes {} --pods-per-node {} --changes {} --idle-seconds {} --record`",
        sizes.join(","),
        args.pods_per_node,
        args.changes,
        args.idle_seconds
    );
    write(
        &mut text,
        &format!(
            "{command}\n\nTwo cores, all on one machine: API server, etcd, sandbox and operator share \
        them. Profile `bench-lite`. Static Nodes and Pods, one interface an instance. The first row is the baseline of \
        the ratios.\n"
        ),
    );
    write(
        &mut text,
        "| nodes | pods | peak RSS | ratio | change to DaemonSet p50 | p99 | ratio p99 | idle writes | idle EC2 calls | review | ratio |",
    );
    write(&mut text, "|---|---|---|---|---|---|---|---|---|---|---|");
    let Some(base) = rows.first() else { return text };
    for row in rows {
        write(
            &mut text,
            &format!(
                "| {} | {} | {:.1} MiB | {:.2} | {:.0} ms | {:.0} ms | {:.2} | {:.0} in {} s | {} in {} s | {:.2} ms | {:.1} |",
                row.nodes,
                row.pods,
                row.peak_mib,
                row.peak_mib / base.peak_mib,
                ms(row.change_p50),
                ms(row.change_p99),
                ms(row.change_p99) / ms(base.change_p99).max(0.001),
                row.idle_writes,
                row.idle_seconds,
                row.idle_ec2_calls,
                row.idle_seconds,
                ms(row.review),
                ms(row.review) / ms(base.review).max(0.000_001),
            ),
        );
    }
    write(
        &mut text,
        &format!(
            "\nAllowed at 5,000 nodes and 50,000 pods: peak RSS {MEMORY_MIB:.0} MiB, p99 {CHANGE_P99_MS:.0} ms, review \
         {REVIEW_MS:.0} ms, no idle write; EC2 is read every 30 s while measured."
        ),
    );
    text
}

fn write(text: &mut String, line: &str) {
    // Writing to a String cannot fail.
    writeln!(text, "{line}").unwrap_or_default();
}

/// Whether every run is within what is allowed, and nothing grows faster than the nodes.
pub(super) fn verdict(rows: &[Row]) -> bool {
    let within = rows.iter().all(|row| {
        row.peak_mib <= MEMORY_MIB
            && ms(row.change_p99) <= CHANGE_P99_MS
            && ms(row.review) <= REVIEW_MS
            && row.idle_writes < 1.0
    });
    let Some(base) = rows.first() else { return false };
    let grows = rows.iter().all(|row| {
        let nodes = f64::from(row.nodes) / f64::from(base.nodes);
        row.peak_mib / base.peak_mib <= nodes.max(1.0)
    });
    within && grows
}

/// What the file begins with.
const HEADER: &str = "# Benchmark results\n\nEach section names the command that made it. Figures are of one run; \
                      ratios are to the first row of the same run.\n";

/// Keeps a section: in the place of the one of this title, or after the others.
pub(super) fn record_section(root: &Path, title: &str, text: &str) -> Result<(), String> {
    let path = root.join(FILE);
    fs::create_dir_all(root.join("bench")).map_err(|error| format!("create bench/: {error}"))?;
    let old = fs::read_to_string(&path).unwrap_or_default();
    fs::write(&path, with_section(&old, title, text)).map_err(|error| format!("write {FILE}: {error}"))
}

fn with_section(old: &str, title: &str, text: &str) -> String {
    let new = format!("## {title}\n\n{}\n", text.trim_end());
    let mut sections: Vec<String> = old
        .split("\n## ")
        .skip(1)
        .map(|section| format!("## {}\n", section.trim_end()))
        .collect();
    let heading = format!("## {title}\n");
    match sections.iter_mut().find(|section| section.starts_with(&heading)) {
        Some(section) => *section = new,
        None => sections.push(new),
    }
    format!("{HEADER}\n{}", sections.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_the_place_of_the_one_before_and_leaves_the_others() {
        let one = with_section("", "A", "first");
        let two = with_section(&one, "B", "second\n\n");
        let three = with_section(&two, "A", "third");
        assert_eq!(three, format!("{HEADER}\n## A\n\nthird\n\n## B\n\nsecond\n"));
    }
}
