//! Controllers come and go with leadership.

use super::*;
use crate::lease::Term;
use crate::testing::{FakeApi, context};
use crate::write::{OpenGate, WriteError, WriteSite};
use async_trait::async_trait;
use jiff::Timestamp;
use std::sync::Mutex;
use std::time::Duration;
use tokio::sync::watch;

/// Writes down its comings and goings, and ends early on demand.
#[derive(Default)]
struct Diary {
    entries: Mutex<Vec<&'static str>>,
    early: Option<bool>,
}

#[async_trait]
impl Controller for Diary {
    fn name(&self) -> &'static str {
        "diary"
    }

    async fn run(self: Arc<Self>, _ctx: Arc<Context>, stop: CancellationToken) -> Result<(), Failure> {
        self.entries.lock().unwrap().push("started");
        match self.early {
            Some(true) => {
                return Err(WriteError::NotLeader {
                    site: WriteSite::Event,
                }
                .into());
            }
            Some(false) => return Ok(()),
            None => stop.cancelled().await,
        }
        self.entries.lock().unwrap().push("stopped");
        Ok(())
    }
}

impl Diary {
    async fn reads(&self, expected: &[&str]) {
        let waiting = async {
            while *self.entries.lock().unwrap() != expected {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let read = tokio::time::timeout(Duration::from_secs(10), waiting).await;
        assert!(
            read.is_ok(),
            "{:?} instead of {expected:?}",
            self.entries.lock().unwrap()
        );
    }
}

fn test_context() -> Arc<Context> {
    Arc::new(context(&FakeApi::default(), Arc::new(OpenGate), Timestamp::now))
}

#[tokio::test]
async fn controllers_run_from_term_to_term_and_end_with_the_process() {
    let (leads, receiver) = watch::channel(Term::Not);
    let diary = Arc::new(Diary::default());
    let (ctx, stop) = (test_context(), CancellationToken::new());
    let controllers: Vec<Arc<dyn Controller>> = vec![diary.clone()];
    let work = lead(
        ctx.clone(),
        Leadership::follow(receiver),
        controllers,
        stop.clone(),
    );
    let story = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        diary.reads(&[]).await;
        leads.send_replace(Term::Always);
        diary.reads(&["started"]).await;
        assert!(
            ctx.metrics
                .registry()
                .encode()
                .unwrap()
                .contains("vpccni_operator_leader 1")
        );
        leads.send_replace(Term::Not);
        diary.reads(&["started", "stopped"]).await;
        leads.send_replace(Term::Always);
        diary.reads(&["started", "stopped", "started"]).await;
        stop.cancel();
    };
    let (result, ()) = tokio::join!(work, story);
    assert_eq!(result, Ok(()));
    diary.reads(&["started", "stopped", "started", "stopped"]).await;
    assert!(
        ctx.metrics
            .registry()
            .encode()
            .unwrap()
            .contains("vpccni_operator_leader 0")
    );
}

#[tokio::test]
async fn a_controller_that_ends_by_itself_ends_the_others_and_the_work() {
    for (early, expected) in [
        (false, "diary ended before the shutdown"),
        (
            true,
            "diary failed: refused to write at event: this process is not the leader",
        ),
    ] {
        let steady = Arc::new(Diary::default());
        let controllers: Vec<Arc<dyn Controller>> = vec![
            steady.clone(),
            Arc::new(Diary {
                early: Some(early),
                ..Diary::default()
            }),
        ];
        let result = lead(
            test_context(),
            Leadership::always(),
            controllers,
            CancellationToken::new(),
        )
        .await;
        assert_eq!(result.unwrap_err().to_string(), expected);
        steady.reads(&["started", "stopped"]).await;
    }
}
