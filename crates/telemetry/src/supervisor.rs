//! One supervisor joins every task of the process: a task that ends before the shutdown ends the process with an
//! error, and after the shutdown every task is waited for, in bounded time.

use std::convert::Infallible;
use std::fmt::Display;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// A task that ended as it should not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// It ended without an error before anybody asked for it.
    #[error("{task} ended before the shutdown")]
    EndedEarly {
        /// Its name.
        task: &'static str,
    },
    /// It failed.
    #[error("{task} failed: {message}")]
    Failed {
        /// Its name.
        task: &'static str,
        /// Why.
        message: String,
    },
    /// It panicked.
    #[error("a task panicked: {message}")]
    Panicked {
        /// What is known.
        message: String,
    },
    /// Tasks did not end in time after the shutdown had begun.
    #[error("{left} tasks did not end within {} s", .grace.as_secs())]
    Hung {
        /// How many.
        left: usize,
        /// How long they had.
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

    /// Starts a task that cannot fail and may end only after the shutdown has begun.
    pub fn add_infallible(&mut self, task: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        self.add(task, async move {
            work.await;
            Ok::<(), Infallible>(())
        });
    }

    /// The tasks and what ends them, for a library that starts its own.
    pub fn parts(&mut self) -> (&mut JoinSet<Result<(), TaskError>>, &CancellationToken) {
        (&mut self.tasks, &self.stop)
    }

    /// Waits until the shutdown begins, or a task ends before it: then the shutdown begins with that error.
    pub async fn watch(&mut self) -> Result<(), TaskError> {
        let stop = self.stop.clone();
        let ended = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            ended = self.tasks.join_next() => ended,
        };
        let result = match ended {
            Some(ended) => flatten(ended),
            None => Ok(()),
        };
        if stop.is_cancelled() {
            return result;
        }
        stop.cancel();
        result.and(Err(TaskError::EndedEarly { task: "a watch" }))
    }

    /// Waits until the shutdown begins or a task ends before it, which begins it; then for all tasks.
    pub async fn run(mut self, grace: Duration) -> Result<(), TaskError> {
        let watched = self.watch().await;
        let joined = self.join(grace).await;
        watched.and(joined)
    }

    /// Waits for all tasks after the shutdown has begun, and aborts those that do not end within `grace`. Says which
    /// error came first, if any.
    pub async fn join(mut self, grace: Duration) -> Result<(), TaskError> {
        let mut first = Ok(());
        let all = async {
            while let Some(ended) = self.tasks.join_next().await {
                let ended = flatten(ended);
                if let Err(error) = &ended {
                    tracing::error!(%error, "task failed while shutting down");
                }
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

    #[tokio::test]
    async fn a_task_that_ends_before_the_shutdown_begins_it_with_an_error() {
        let stop = CancellationToken::new();
        let mut supervisor = Supervisor::new(stop.clone());
        supervisor.add_infallible("lease", async {});
        let error = supervisor.watch().await.unwrap_err();
        assert_eq!(error, TaskError::EndedEarly { task: "lease" });
        assert!(stop.is_cancelled());
    }

    #[tokio::test]
    async fn a_failed_and_a_panicked_task_are_told_apart() {
        let mut supervisor = Supervisor::new(CancellationToken::new());
        supervisor.add("admin server", async { Err("address in use") });
        let failed = supervisor.watch().await.unwrap_err();
        assert_eq!(failed.to_string(), "admin server failed: address in use");
        let mut supervisor = Supervisor::new(CancellationToken::new());
        supervisor.add_infallible("lease", async { panic!("no such luck") });
        assert!(matches!(
            supervisor.watch().await,
            Err(TaskError::Panicked { .. })
        ));
    }

    #[tokio::test]
    async fn after_the_shutdown_tasks_may_end_and_a_foreign_one_that_ended_early_is_an_error() {
        let stop = CancellationToken::new();
        let mut supervisor = Supervisor::new(stop.clone());
        let until = stop.clone();
        supervisor.add_infallible("lease", async move { until.cancelled().await });
        stop.cancel();
        assert_eq!(supervisor.watch().await, Ok(()));
        assert_eq!(supervisor.join(Duration::from_secs(10)).await, Ok(()));
        let mut supervisor = Supervisor::new(CancellationToken::new());
        supervisor.tasks.spawn(async { Ok(()) });
        assert_eq!(
            supervisor.watch().await,
            Err(TaskError::EndedEarly { task: "a watch" })
        );
    }

    #[tokio::test]
    async fn a_run_ends_with_the_first_error_and_only_after_the_other_tasks() {
        let stop = CancellationToken::new();
        let mut supervisor = Supervisor::new(stop.clone());
        supervisor.add_infallible("pool", async {});
        let until = stop.clone();
        supervisor.add_infallible("server", async move { until.cancelled().await });
        let ended = supervisor.run(Duration::from_secs(5)).await;
        assert_eq!(ended, Err(TaskError::EndedEarly { task: "pool" }));
    }

    #[tokio::test]
    async fn a_task_that_does_not_end_is_aborted_after_the_grace() {
        let stop = CancellationToken::new();
        let mut supervisor = Supervisor::new(stop.clone());
        supervisor.add("deaf", std::future::pending::<Result<(), Infallible>>());
        stop.cancel();
        let grace = Duration::from_millis(20);
        assert_eq!(
            supervisor.join(grace).await,
            Err(TaskError::Hung { left: 1, grace })
        );
    }
}
