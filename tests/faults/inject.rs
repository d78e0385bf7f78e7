//! Which fault meets which write: by seed, one at every site, or one kill at any write.

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
    Throttled,
    /// What operators see stands still for so many seconds, from before the write on.
    Stale(u64),
}

/// Holds back what operators see of the cluster.
pub(super) type Hold = Arc<dyn Fn(Duration) + Send + Sync>;

/// The longest that a cache is stale: longer than any round waits for what it has written.
const STALEST: u64 = 15;

/// The faults of a write that never came about, and of one that did.
const BEFORE: [Fault; 5] = [
    Fault::Error,
    Fault::Conflict,
    Fault::TimeOutBefore,
    Fault::KillBefore,
    Fault::Throttled,
];
const AFTER: [Fault; 2] = [Fault::TimeOutAfter, Fault::KillAfter];

/// Seeds in which every fault is a kill.
const KILLING: u64 = 2;

/// The lives that are lived with faults; each site is hit in one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// A policy, from its first apply to its release.
    Policy,
    /// A migration of groups that AWS keeps.
    Groups,
    /// A migration of nodes that Karpenter keeps, and its way back.
    Karpenter,
}

/// In which life a site is hit, and at which of its writes at the latest; or why it is not.
fn case(site: WriteSite) -> Result<(Life, u32), &'static str> {
    Ok(match site {
        WriteSite::PolicyStatus | WriteSite::Event | WriteSite::ApplyDaemonSet => (Life::Policy, 3),
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
        | WriteSite::AdmissionBinding => (Life::Policy, 1),
        WriteSite::RecordStep | WriteSite::MigrationStatus => (Life::Groups, 20),
        WriteSite::TagGroup => (Life::Groups, 5),
        WriteSite::CordonNode
        | WriteSite::EvictPod
        | WriteSite::GuardNode
        | WriteSite::UnguardNode
        | WriteSite::ProtectInstance
        | WriteSite::TerminateInstance
        | WriteSite::EditTemplate
        | WriteSite::GrowGroup
        | WriteSite::BoundGroup
        | WriteSite::SuspendGroup => (Life::Groups, 2),
        WriteSite::UncordonNode
        | WriteSite::RaiseShield
        | WriteSite::LowerShield
        | WriteSite::UseTemplate
        | WriteSite::CreateTemplate
        | WriteSite::CreateSuccessor
        | WriteSite::DeleteGroup
        | WriteSite::UpdateGroup
        | WriteSite::MigrationCreate
        | WriteSite::MigrationDelete => (Life::Groups, 1),
        WriteSite::HoldNode | WriteSite::ReleaseNode => (Life::Karpenter, 2),
        WriteSite::DriftNodeClass | WriteSite::DriftNodePool => (Life::Karpenter, 1),
        WriteSite::DeleteClaim => {
            return Err(
                "it comes only where Karpenter finds no drift in ten minutes: the tests of the deed have it",
            );
        }
        WriteSite::UpdateAddon => return Err("the add-on is a carrier of its own: managed_addon has it"),
        WriteSite::Lease => {
            return Err("one replica without an election; two_leaders and the election's own tests have it");
        }
    })
}

/// Every site with its case.
pub(super) fn cases() -> impl Iterator<Item = (WriteSite, Result<(Life, u32), &'static str>)> {
    WriteSite::ALL.iter().map(|site| (*site, case(*site)))
}

/// The faults of one life; killed operators do not start it anew.
#[derive(Debug, Default)]
pub(super) struct Faults {
    plan: BTreeMap<WriteSite, (u32, Fault)>,
    /// The write, whatever its site, at which its replica is killed.
    kill: Option<(u32, Fault)>,
    seen: Mutex<BTreeMap<WriteSite, u32>>,
}

impl Faults {
    pub(super) fn none() -> Self {
        Self::default()
    }

    /// One of the usual faults at every site of a life: at each in turn before and after its effect, so that any two
    /// seeds in a row have both. The first two seeds kill at every site.
    pub(super) fn of_seed(life: Life, seed: u64) -> Self {
        Self::at_every_site(life, seed, |place, random| {
            let kinds = match (seed <= KILLING, (seed + place).is_multiple_of(2)) {
                (true, true) => &[Fault::KillBefore][..],
                (true, false) => &[Fault::KillAfter],
                (false, true) => &BEFORE,
                (false, false) => &AFTER,
            };
            kinds[random.usize(..kinds.len())]
        })
    }

    /// A stale cache at every site.
    pub(super) fn stale(life: Life, seed: u64) -> Self {
        Self::at_every_site(life, seed, |_, random| Fault::Stale(random.u64(1..=STALEST)))
    }

    fn at_every_site(life: Life, seed: u64, mut fault: impl FnMut(u64, &mut fastrand::Rng) -> Fault) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let plan = cases()
            .filter_map(|(site, case)| Some((site, case.ok()?)))
            .filter(|(_, (its, _))| *its == life)
            .zip(0..)
            .map(|((site, (_, latest)), place)| (site, (random.u32(1..=latest), fault(place, &mut random))))
            .collect();
        Self {
            plan,
            ..Self::default()
        }
    }

    /// One kill, at any of the first `writes` writes.
    pub(super) fn one_kill(seed: u64, writes: u32) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let nth = random.u32(1..=writes.max(1));
        let fault = [Fault::KillBefore, Fault::KillAfter][random.usize(..2)];
        Self {
            kill: Some((nth, fault)),
            ..Self::default()
        }
    }

    /// How many writes there were.
    pub(super) fn writes(&self) -> u32 {
        self.seen.lock().unwrap().values().sum()
    }

    /// The sites that are hit, and whether that is after the effect.
    pub(super) fn hits(&self) -> impl Iterator<Item = (WriteSite, bool)> {
        self.plan
            .iter()
            .map(|(site, (_, fault))| (*site, AFTER.contains(fault)))
    }

    pub(super) fn describe(&self) -> String {
        let one =
            |(site, (nth, fault)): (&WriteSite, &(u32, Fault))| format!("{}#{nth} {fault:?}", site.name());
        let kill = self
            .kill
            .iter()
            .map(|(nth, fault)| format!("write {nth} {fault:?}"));
        self.plan
            .iter()
            .map(one)
            .chain(kill)
            .collect::<Vec<_>>()
            .join(", ")
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
    pub(super) fn gate(self: &Arc<Self>, kill: UnboundedSender<()>, hold: Option<Hold>) -> WrapGate {
        let faults = Arc::clone(self);
        Box::new(move |inner| {
            Arc::new(Faulty {
                inner,
                faults,
                kill,
                hold,
                due: Mutex::default(),
            })
        })
    }

    /// The fault that this write meets.
    fn meet(&self, site: WriteSite) -> Option<Fault> {
        let mut seen = self.seen.lock().unwrap();
        let count = seen.entry(site).or_default();
        *count += 1;
        let count = *count;
        let all: u32 = seen.values().sum();
        let planned = self.plan.get(&site).filter(|(nth, _)| *nth == count);
        let killed = self.kill.as_ref().filter(|(nth, _)| *nth == all);
        planned.or(killed).map(|(_, fault)| *fault)
    }
}

struct Faulty {
    inner: Arc<dyn Gate>,
    faults: Arc<Faults>,
    kill: UnboundedSender<()>,
    hold: Option<Hold>,
    /// Faults that come after the effect.
    due: Mutex<BTreeMap<WriteSite, Fault>>,
}

impl std::fmt::Debug for Faulty {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Faulty")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
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
            Some(Fault::Throttled) => Err(WriteError::Throttled {
                target: target(),
                retry_after: None,
            }),
            Some(Fault::TimeOutBefore) => Err(WriteError::TimedOut { target: target() }),
            Some(Fault::KillBefore) => Err(self.die().await),
            Some(Fault::Stale(seconds)) => {
                let hold = self.hold.as_ref().unwrap();
                hold(Duration::from_secs(seconds));
                Ok(())
            }
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
