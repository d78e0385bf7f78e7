//! Times of the same thing, again and again.

use std::time::Duration;

/// Times in milliseconds, the shortest first.
#[derive(Debug, Clone)]
pub(super) struct Sample(Vec<f64>);

impl Sample {
    pub(super) fn new(times: impl IntoIterator<Item = Duration>) -> Self {
        let mut times: Vec<f64> = times
            .into_iter()
            .map(|time| time.as_secs_f64() * 1000.0)
            .collect();
        times.sort_by(f64::total_cmp);
        Self(times)
    }

    /// A percentile: as many of the times are not longer.
    pub(super) fn at(&self, percent: usize) -> f64 {
        let place = (self.0.len() * percent).div_ceil(100).saturating_sub(1);
        self.0.get(place).copied().unwrap_or(f64::NAN)
    }

    pub(super) fn median(&self) -> f64 {
        self.at(50)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_times_there_are() {
        let sample = Sample::new((1..=200).rev().map(Duration::from_millis));
        assert_eq!(
            (sample.median(), sample.at(99), sample.at(100)),
            (100.0, 198.0, 200.0)
        );
        let one = Sample::new([Duration::from_millis(7)]);
        assert_eq!((one.at(1), one.at(99)), (7.0, 7.0));
        assert!(Sample::new([]).median().is_nan());
    }
}
