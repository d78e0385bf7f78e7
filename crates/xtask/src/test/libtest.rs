//! Reading what a test program prints.
//!
//! A test that cannot run here prints `SKIPPED: reason` and returns: it is counted as skipped, not as passed. A line
//! `NOTE: text` is shown in the report.

use std::fmt;
use std::ops::AddAssign;

/// What came of some tests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: usize,
    pub(super) failed: usize,
    /// The tests that were skipped, each with its reason.
    pub(super) skips: Vec<(String, String)>,
    pub(super) failures: Vec<String>,
    pub(super) notes: Vec<String>,
}

impl Counts {
    /// One check that is no libtest test.
    pub(super) fn of_one(name: &str, passed: bool) -> Self {
        let failures = if passed { Vec::new() } else { vec![name.to_owned()] };
        Self {
            passed: usize::from(passed),
            failed: usize::from(!passed),
            failures,
            ..Self::default()
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        let Self {
            passed,
            failed,
            skips,
            failures,
            notes,
        } = other;
        self.passed += passed;
        self.failed += failed;
        self.skips.extend(skips);
        self.failures.extend(failures);
        self.notes.extend(notes);
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} passed, {} failed, {} skipped",
            self.passed,
            self.failed,
            self.skips.len()
        )
    }
}

/// Reads the output of one program.
pub(super) fn parse(program: &str, text: &str) -> Counts {
    let mut counts = Counts::default();
    let mut printing: Option<&str> = None;
    for line in text.lines() {
        if let Some(name) = line
            .strip_prefix("---- ")
            .and_then(|rest| rest.strip_suffix(" stdout ----"))
        {
            printing = Some(name);
        } else if let Some(result) = line.strip_prefix("test ") {
            read_result(program, result, &mut counts);
        } else if let (Some(reason), Some(test)) = (line.strip_prefix("SKIPPED: "), printing) {
            let test = format!("{program}: {test}");
            // A test that fails has not skipped anything, whatever it printed before; one skips only once.
            if !counts.failures.contains(&test) && !counts.skips.iter().any(|(skipped, _)| *skipped == test) {
                counts.passed -= counts.passed.min(1);
                counts.skips.push((test, reason.to_owned()));
            }
        } else if let Some(note) = line.strip_prefix("NOTE: ") {
            counts.notes.push(note.to_owned());
        }
    }
    counts
}

/// `name ... ok`, `name ... FAILED`, `name ... ignored, reason`; the line of the sum, `result: …`, is none of them.
fn read_result(program: &str, result: &str, counts: &mut Counts) {
    let Some((name, outcome)) = result.split_once(" ... ") else {
        return;
    };
    let name = format!("{program}: {}", name.trim_end_matches(" - should panic"));
    match outcome
        .split_once(", ")
        .map_or((outcome, ""), |(word, reason)| (word, reason))
    {
        ("ok", _) => counts.passed += 1,
        ("FAILED", _) => {
            counts.failed += 1;
            counts.failures.push(name);
        }
        ("ignored", "") => counts
            .skips
            .push((name, "ignored, and nobody says why".to_owned())),
        ("ignored", reason) => counts.skips.push((name, reason.to_owned())),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "
running 5 tests
test a::good ... ok
test a::panics - should panic ... ok
test b::bad ... FAILED
test b::later ... ignored, needs root
test c::python ... ok

successes:

---- c::python stdout ----
SKIPPED: python3 with boto3 is not installed

---- a::good stdout ----
NOTE: 232 vectors of max-pods

failures:

---- b::bad stdout ----
SKIPPED: this must not hide the failure
assertion failed

test result: FAILED. 3 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
";

    #[test]
    fn counts_names_reasons_and_notes_are_read() {
        let counts = parse("p", OUTPUT);
        assert_eq!(counts.to_string(), "2 passed, 1 failed, 2 skipped");
        assert_eq!(counts.failures, ["p: b::bad"]);
        assert_eq!(counts.notes, ["232 vectors of max-pods"]);
        let reasons: Vec<_> = counts
            .skips
            .iter()
            .map(|(test, reason)| format!("{test}: {reason}"))
            .collect();
        assert_eq!(
            reasons,
            [
                "p: b::later: needs root",
                "p: c::python: python3 with boto3 is not installed"
            ]
        );
    }

    #[test]
    fn sums_add_up() {
        let mut total = Counts::of_one("tidy", false);
        total += parse("p", OUTPUT);
        assert_eq!(total.to_string(), "2 passed, 2 failed, 2 skipped");
        assert_eq!(total.failures, ["tidy", "p: b::bad"]);
    }
}
