//! Whom a round waits for. Many things can be waited for at once; the one that says most about why it does not go on is
//! told first.

use crate::migration::report::WaitingFor;
pub(super) use crate::migration::report::WaitsOn as Rank;
use jiff::Timestamp;

#[derive(Debug, Default)]
pub(super) struct Waits(Vec<WaitingFor>);

impl Waits {
    pub(super) fn add(
        &mut self,
        rank: Rank,
        what: impl Into<String>,
        who: impl Into<String>,
        since: Option<Timestamp>,
        command: impl Into<String>,
    ) {
        let waiting = WaitingFor {
            on: rank,
            what: what.into(),
            who: who.into(),
            since,
            command: command.into(),
        };
        self.0.push(waiting);
    }

    /// The most telling one; of equals the one that has lasted longest, then the first.
    pub(super) fn first(self) -> Option<WaitingFor> {
        let since = |waiting: &WaitingFor| waiting.since.unwrap_or(Timestamp::MAX);
        self.0
            .into_iter()
            .min_by_key(|waiting| (waiting.on, since(waiting)))
    }
}
