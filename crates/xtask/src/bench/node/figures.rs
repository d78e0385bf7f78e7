//! What was measured, beside what is wanted of it and what it is held against.

use super::sample::Sample;

/// What is wanted of a figure.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted {
    /// It is only told.
    Nothing,
    /// At most this.
    Most(f64),
    /// At least this.
    Least(f64),
}

/// One figure.
#[derive(Debug, Clone)]
pub(super) struct Figure {
    what: String,
    value: f64,
    unit: &'static str,
    wanted: Wanted,
    ratios: Vec<(f64, &'static str)>,
}

impl Figure {
    /// With nothing to be held against.
    pub(super) fn new(what: impl Into<String>, value: f64, unit: &'static str, wanted: Wanted) -> Self {
        Self {
            what: what.into(),
            value,
            unit,
            wanted,
            ratios: Vec::new(),
        }
    }

    /// Held against a baseline.
    pub(super) fn against(mut self, baseline: &'static str, value: f64) -> Self {
        self.ratios.push((self.value / value, baseline));
        self
    }

    /// The median of a sample, and its 99th percentile.
    pub(super) fn of(what: &str, sample: &Sample, median: Wanted, last: Wanted) -> [Self; 2] {
        [
            Self::new(format!("{what}, p50"), sample.at(50), "ms", median),
            Self::new(format!("{what}, p99"), sample.at(99), "ms", last),
        ]
    }

    /// Whether it is as it is wanted to be.
    pub(super) fn is_well(&self) -> bool {
        match self.wanted {
            Wanted::Nothing => true,
            Wanted::Most(most) => self.value <= most,
            Wanted::Least(least) => self.value >= least,
        }
    }

    fn row(&self) -> String {
        let number = |value: f64| {
            let digits = match value.abs() {
                value if value >= 100.0 || value.fract() == 0.0 => 0,
                value if value >= 10.0 => 1,
                _ => 2,
            };
            format!("{value:.digits$} {}", self.unit).trim_end().to_owned()
        };
        let (wanted, verdict) = match self.wanted {
            Wanted::Nothing => (String::new(), ""),
            Wanted::Most(most) => (format!("at most {}", number(most)), self.verdict()),
            Wanted::Least(least) => (format!("at least {}", number(least)), self.verdict()),
        };
        let ratios: Vec<String> = self
            .ratios
            .iter()
            .map(|(ratio, baseline)| format!("{ratio:.2} of {baseline}"))
            .collect();
        let (what, value, ratios) = (&self.what, number(self.value), ratios.join(", "));
        format!("| {what} | {value} | {wanted} | {verdict} | {ratios} |\n")
    }

    fn verdict(&self) -> &'static str {
        if self.is_well() { "OK" } else { "MISSED" }
    }
}

/// All of them.
pub(super) fn table(figures: &[Figure]) -> String {
    let rows: String = figures.iter().map(Figure::row).collect();
    format!("| figure | measured | wanted | | ratio |\n|---|---|---|---|---|\n{rows}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_says_what_is_wanted_and_whether_it_is_so() {
        let slow = Figure::new("ADD", 12.34, "ms", Wanted::Most(5.0)).against("ptp", 24.68);
        assert_eq!(
            slow.row(),
            "| ADD | 12.3 ms | at most 5 ms | MISSED | 0.50 of ptp |\n"
        );
        let many = Figure::new("calls", 3000.0, "", Wanted::Least(3000.0));
        assert_eq!(many.row(), "| calls | 3000 | at least 3000 | OK |  |\n");
        assert!(many.is_well() && !slow.is_well());
    }
}
