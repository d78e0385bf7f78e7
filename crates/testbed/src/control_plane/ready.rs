//! Waiting until a program is ready, with an eye on whether it still runs.

use std::time::Duration;

use super::error::StartError;
use super::process::Process;
use crate::wait;

/// Waits until `look` succeeds. A program that has ended is an error at once, with the tail of its log.
pub(super) async fn ready<F, Fut>(process: &mut Process, within: Duration, look: F) -> Result<(), StartError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<(), String>>,
{
    let program = process.program();
    let answer = wait::until(&format!("{program} to be ready"), within, || {
        let ended = process.ended();
        let answer = look();
        async move {
            match ended {
                Some(status) => Ok(Some(status)),
                None => answer.await.map(|()| None),
            }
        }
    })
    .await;
    match answer {
        Ok(None) => Ok(()),
        Ok(Some(status)) => Err(StartError::Ended {
            program,
            status,
            log: process.log_tail(),
        }),
        Err(source) => Err(StartError::NotReady {
            program,
            source,
            log: process.log_tail(),
        }),
    }
}
