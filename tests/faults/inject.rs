//! Which fault meets which write: by seed, one at every site.

use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use vpc_cni_operator::run::WrapGate;
use vpc_cni_operator::write::{Gate, Target, WriteError, WriteSite};

/// What happens to a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Error,
    Conflict,
    TimeOutBefore,
    TimeOutAfter,
    KillBefore,
    KillAfter,
}

const FAULTS: [Fault; 6] = [
    Fault::Error,
    Fault::Conflict,
    Fault::TimeOutBefore,
    Fault::TimeOutAfter,
    Fault::KillBefore,
    Fault::KillAfter,
];

/// At which of its writes a site may be hit, at the latest; or why it is not.
fn case(site: WriteSite) -> Result<u32, &'static str> {
    match site {
        WriteSite::PolicyStatus | WriteSite::Event | WriteSite::ApplyDaemonSet => Ok(3),
        WriteSite::HandToReleased
        | WriteSite::UnsetDaemonSet
        | WriteSite::ApplyConfigMap
        | WriteSite::HandConfigMapToReleased
        | WriteSite::UnsetConfigMap
        | WriteSite::StopRollout
        | WriteSite::ResumeRollout
        | WriteSite::ApplyEniConfig
        | WriteSite::HandEniConfigToReleased
        | WriteSite::NodeStateCreate
        | WriteSite::NodeStateStatus
        | WriteSite::NodeStateDelete
        | WriteSite::AdmissionParameters
        | WriteSite::AdmissionBinding => Ok(1),
        WriteSite::UpdateAddon => Err("the add-on is a carrier of its own: managed_addon has it"),
        WriteSite::Lease => {
            Err("one replica without an election; two_leaders and the election's own tests have it")
        }
    }
}

/// Every site with its case.
pub(super) fn cases() -> impl Iterator<Item = (WriteSite, Result<u32, &'static str>)> {
    WriteSite::ALL.iter().map(|site| (*site, case(*site)))
}

/// The faults of one life; killed operators do not start it anew.
#[derive(Debug)]
pub(super) struct Faults {
    plan: BTreeMap<WriteSite, (u32, Fault)>,
    seen: Mutex<BTreeMap<WriteSite, u32>>,
}

impl Faults {
    pub(super) fn none() -> Self {
        Self {
            plan: BTreeMap::new(),
            seen: Mutex::default(),
        }
    }

    pub(super) fn of_seed(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let plan = cases()
            .filter_map(|(site, case)| Some((site, case.ok()?)))
            .map(|(site, latest)| {
                (
                    site,
                    (random.u32(1..=latest), FAULTS[random.usize(..FAULTS.len())]),
                )
            })
            .collect();
        Self {
            plan,
            seen: Mutex::default(),
        }
    }

    pub(super) fn describe(&self) -> String {
        let one =
            |(site, (nth, fault)): (&WriteSite, &(u32, Fault))| format!("{}#{nth} {fault:?}", site.name());
        self.plan.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// The sites whose fault never came.
    pub(super) fn missed(&self) -> Vec<&'static str> {
        let seen = self.seen.lock().unwrap();
        let missed =
            |(site, (nth, _)): &(&WriteSite, &(u32, Fault))| seen.get(site).is_none_or(|seen| seen < nth);
        self.plan
            .iter()
            .filter(missed)
            .map(|(site, _)| site.name())
            .collect()
    }

    /// The gate of the next operator.
    pub(super) fn gate(self: &Arc<Self>, kill: UnboundedSender<()>) -> WrapGate {
        let faults = Arc::clone(self);
        Box::new(move |inner| {
            Arc::new(Faulty {
                inner,
                faults,
                kill,
                due: Mutex::default(),
            })
        })
    }

    /// The fault that this write meets.
    fn meet(&self, site: WriteSite) -> Option<Fault> {
        let mut seen = self.seen.lock().unwrap();
        let count = seen.entry(site).or_default();
        *count += 1;
        let (nth, fault) = self.plan.get(&site)?;
        (nth == count).then_some(*fault)
    }
}

#[derive(Debug)]
struct Faulty {
    inner: Arc<dyn Gate>,
    faults: Arc<Faults>,
    kill: UnboundedSender<()>,
    /// Faults that come after the effect.
    due: Mutex<BTreeMap<WriteSite, Fault>>,
}

impl Faulty {
    /// The process is gone: nothing goes on here.
    async fn die(&self) -> WriteError {
        self.kill.send(()).unwrap();
        std::future::pending().await
    }
}

/// What is written does not matter to who reads the error.
fn target() -> Target {
    Target::cluster::<k8s_openapi::api::core::v1::Node>("injected")
}

#[async_trait]
impl Gate for Faulty {
    async fn before(&self, site: WriteSite) -> Result<(), WriteError> {
        self.inner.before(site).await?;
        let message = "injected".to_owned();
        match self.faults.meet(site) {
            None => Ok(()),
            Some(Fault::Error) => Err(WriteError::Other {
                target: target(),
                message,
            }),
            Some(Fault::Conflict) => Err(WriteError::Conflict {
                target: target(),
                message,
                fields: Vec::new(),
            }),
            Some(Fault::TimeOutBefore) => Err(WriteError::TimedOut { target: target() }),
            Some(Fault::KillBefore) => Err(self.die().await),
            Some(fault @ (Fault::TimeOutAfter | Fault::KillAfter)) => {
                self.due.lock().unwrap().insert(site, fault);
                Ok(())
            }
        }
    }

    async fn after(&self, site: WriteSite) -> Result<(), WriteError> {
        let due = self.due.lock().unwrap().remove(&site);
        match due {
            Some(Fault::KillAfter) => Err(self.die().await),
            Some(_) => Err(WriteError::TimedOut { target: target() }),
            None => self.inner.after(site).await,
        }
    }

    fn time_left(&self, site: WriteSite) -> Option<Duration> {
        self.inner.time_left(site)
    }
}
