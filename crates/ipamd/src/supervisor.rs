//! One supervisor joins every task of the process: a task that ends before the shutdown ends the process with an
//! error, and after the shutdown every task is waited for, in bounded time.

use std::fmt::Display;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How a task ended the process.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// It returned.
    #[error("{task} ended before the shutdown")]
    EndedEarly {
        /// Which.
        task: &'static str,
    },
    /// It failed.
    #[error("{task} failed: {message}")]
    Failed {
        /// Which.
        task: &'static str,
        /// Why.
        message: String,
    },
    /// It panicked.
    #[error("a task panicked: {message}")]
    Panicked {
        /// What it said.
        message: String,
    },
    /// It did not end after the shutdown had begun.
    #[error("{left} tasks did not end within {} s", .grace.as_secs())]
    Hung {
        /// How many.
        left: usize,
        /// How long was waited.
        grace: Duration,
    },
}

/// The tasks of the process.
#[derive(Debug)]
pub struct Supervisor {
    tasks: JoinSet<Result<(), TaskError>>,
    stop: CancellationToken,
}

impl Supervisor {
    /// Of a process that ends when `stop` is cancelled.
    pub fn new(stop: CancellationToken) -> Self {
        Self {
            tasks: JoinSet::new(),
            stop,
        }
    }

    /// Starts a task that may end only after the shutdown has begun.
    pub fn add<E: Display>(
        &mut self,
        task: &'static str,
        work: impl Future<Output = Result<(), E>> + Send + 'static,
    ) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            match work.await {
                Ok(()) if stop.is_cancelled() => Ok(()),
                Ok(()) => Err(TaskError::EndedEarly { task }),
                Err(error) => Err(TaskError::Failed {
                    task,
                    message: error.to_string(),
                }),
            }
        });
    }

    /// Waits until the shutdown begins or a task ends before it, which begins it; then for all tasks.
    pub async fn run(mut self, grace: Duration) -> Result<(), TaskError> {
        let mut first = tokio::select! {
            () = self.stop.cancelled() => Ok(()),
            Some(ended) = self.tasks.join_next() => flatten(ended),
        };
        self.stop.cancel();
        let all = async {
            while let Some(ended) = self.tasks.join_next().await {
                let ended = flatten(ended);
                first = std::mem::replace(&mut first, Ok(())).and(ended);
            }
        };
        if tokio::time::timeout(grace, all).await.is_err() {
            let left = self.tasks.len();
            self.tasks.shutdown().await;
            return first.and(Err(TaskError::Hung { left, grace }));
        }
        first
    }
}

fn flatten(ended: Result<Result<(), TaskError>, tokio::task::JoinError>) -> Result<(), TaskError> {
    ended.unwrap_or_else(|error| {
        Err(TaskError::Panicked {
            message: error.to_string(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[tokio::test]
    async fn a_task_that_ends_or_fails_ends_the_process() {
        let stop = CancellationToken::new();
        let mut supervisor = Supervisor::new(stop.clone());
        supervisor.add("pool", async { Ok::<(), Infallible>(()) });
        let until = stop.clone();
        supervisor.add("server", async move {
            until.cancelled().await;
            Ok::<(), Infallible>(())
        });
        let ended = supervisor.run(Duration::from_secs(5)).await;
        assert_eq!(ended, Err(TaskError::EndedEarly { task: "pool" }));
        let mut supervisor = Supervisor::new(CancellationToken::new());
        supervisor.add("server", async { Err("address in use") });
        let ended = supervisor
            .run(Duration::from_secs(5))
            .await
            .map_err(|e| e.to_string());
        assert_eq!(ended, Err("server failed: address in use".to_owned()));
    }

    #[tokio::test]
    async fn a_task_that_does_not_end_is_left_after_the_grace() {
        let stop = CancellationToken::new();
        let mut supervisor = Supervisor::new(stop.clone());
        supervisor.add("deaf", std::future::pending::<Result<(), Infallible>>());
        stop.cancel();
        let grace = Duration::from_millis(20);
        assert_eq!(
            supervisor.run(grace).await,
            Err(TaskError::Hung { left: 1, grace })
        );
    }
}
