//! Waiting for a condition with a deadline. It never sleeps for its own sake: the first look is at once.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The condition did not hold before the deadline.
#[derive(Debug, thiserror::Error)]
#[error("waited {} s for {what}; last seen: {last}", waited.as_secs())]
pub struct TimedOut {
    /// What was waited for.
    pub what: String,
    /// How long.
    pub waited: Duration,
    /// What the last look saw.
    pub last: String,
}

/// Looks until `look` gives a value, or the deadline has passed. A look that fails says what it saw instead.
pub async fn until<T, F, Fut>(what: &str, within: Duration, mut look: F) -> Result<T, TimedOut>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, String>>,
{
    let deadline = Instant::now() + within;
    let mut pause = Duration::from_millis(10);
    loop {
        match look().await {
            Ok(found) => return Ok(found),
            Err(last) if Instant::now() >= deadline => {
                return Err(TimedOut {
                    what: what.to_owned(),
                    waited: within,
                    last,
                });
            }
            Err(_) => sleep(pause).await,
        }
        // Fast at first, because most waits are short; then slow enough not to load two cores.
        pause = (pause * 2).min(Duration::from_millis(250));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn looks_again_until_it_holds() {
        let mut looks = 0;
        let found = until("three looks", Duration::from_secs(5), || {
            looks += 1;
            let seen = looks;
            async move {
                if seen == 3 {
                    Ok(seen)
                } else {
                    Err(format!("{seen} looks"))
                }
            }
        });
        assert_eq!(found.await.unwrap(), 3);
    }

    #[tokio::test]
    async fn says_what_it_saw_last() {
        let error = until("pigs to fly", Duration::from_millis(30), || async {
            Err::<(), _>("mud".to_owned())
        })
        .await
        .unwrap_err();
        assert_eq!(error.to_string(), "waited 0 s for pigs to fly; last seen: mud");
    }
}
