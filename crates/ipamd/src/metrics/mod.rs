//! The metrics of the agent: the names of the stock one, and labels that are bounded. No label is ever a text that
//! somebody else wrote.

mod exact;
mod register;

pub use exact::ExactCounter;

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use std::time::Duration;
use vpccni_core::ports::CloudError;
use vpccni_telemetry::metrics::Registry;

/// Labels of one series.
pub type Labels = Vec<(&'static str, String)>;

type Counters = Family<Labels, ExactCounter>;
type Gauges = Family<Labels, Gauge>;

/// The numbers of a node, over all network cards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbers {
    /// The most interfaces.
    pub eni_max: i64,
    /// The most addresses.
    pub ip_max: i64,
    /// Interfaces.
    pub enis: i64,
    /// Addresses.
    pub total: i64,
    /// Addresses that pods hold.
    pub assigned: i64,
    /// Addresses in cooldown.
    pub cooling: i64,
    /// Prefixes.
    pub prefixes: i64,
}

/// Everything that is counted. Clones count into the same.
#[derive(Debug, Clone)]
pub struct Metrics {
    registry: Registry,
    errors: Counters,
    in_progress: Gauges,
    reconciles: Counters,
    adds: ExactCounter,
    dels: Counters,
    pod_eni_errors: Counters,
    latency: Family<Labels, Histogram, fn() -> Histogram>,
    api_errors: Counters,
    utils_errors: Counters,
    calls: Counters,
    call_errors: Counters,
    force_removed_enis: ExactCounter,
    force_removed_ips: ExactCounter,
    per_cidr: Gauges,
    per_eni: Gauges,
    no_address: ExactCounter,
    started: Family<Labels, Histogram, fn() -> Histogram>,
    initialised: Family<Labels, Histogram, fn() -> Histogram>,
    numbers: [Gauge; 7],
}

fn label(name: &'static str, value: impl Into<String>) -> (&'static str, String) {
    (name, value.into())
}

fn of_fn(function: &'static str) -> Labels {
    vec![label("fn", function)]
}

impl Metrics {
    /// Where they are written as text.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Something went wrong in a part of the agent.
    pub fn error(&self, function: &'static str) {
        self.errors.get_or_create(&of_fn(function)).inc();
    }

    /// A part of the agent is at work until the answer is dropped.
    pub fn in_progress(&self, function: &'static str) -> InProgress {
        let gauge = self.in_progress.get_or_create(&of_fn(function)).clone();
        gauge.inc();
        InProgress(gauge)
    }

    /// A difference between store and cloud was mended.
    pub fn reconciled(&self, function: &'static str) {
        self.reconciles.get_or_create(&of_fn(function)).inc();
    }

    /// A pod asked for an address.
    pub fn add_asked(&self) {
        self.adds.inc();
    }

    /// A pod gave its address back. The reason is one of two words; any other is counted as `other`.
    pub fn del_asked(&self, reason: &str) {
        let reason = match reason {
            vpccni_rpc::REASON_DELETED | vpccni_rpc::REASON_SETUP_FAILED => reason,
            _ => "other",
        };
        self.dels.get_or_create(&vec![label("reason", reason)]).inc();
    }

    /// There was none.
    pub fn no_address(&self) {
        self.no_address.inc();
    }

    /// A pod with a branch interface was not served.
    pub fn pod_eni_error(&self, function: &'static str) {
        self.pod_eni_errors.get_or_create(&of_fn(function)).inc();
    }

    /// An interface was taken out of the store with what pods held of it.
    pub fn force_removed(&self, enis: u64, ips: u64) {
        self.force_removed_enis.add(enis);
        self.force_removed_ips.add(ips);
    }

    /// A call to AWS ended.
    pub fn called(&self, action: &'static str, took: Duration, error: Option<&CloudError>) {
        let api = action.rsplit(':').next().unwrap_or(action);
        let (failed, status) = match error {
            None => ("false", "200"),
            Some(error) => ("true", error.category()),
        };
        let labels = vec![label("api", api), label("error", failed), label("status", status)];
        self.latency
            .get_or_create(&labels)
            .observe(took.as_secs_f64() * 1000.0);
        if action.starts_with("ec2:") {
            self.calls.get_or_create(&vec![label("fn", api)]).inc();
        }
        if let Some(error) = error {
            let labels = vec![label("api", api), label("error", error.category())];
            self.api_errors.get_or_create(&labels).inc();
            if action.starts_with("ec2:") {
                self.call_errors.get_or_create(&vec![label("fn", api)]).inc();
            }
        }
    }

    /// A part that wraps AWS failed.
    pub fn utils_error(&self, function: &'static str, error: &CloudError) {
        let labels = vec![label("fn", function), label("error", error.category())];
        self.utils_errors.get_or_create(&labels).inc();
    }

    /// The start ended.
    pub fn started(&self, took: Duration, with_api_server: bool) {
        let labels = vec![
            label("success", "true"),
            label("with_api_server", with_api_server.to_string()),
            label("failure_reason", ""),
        ];
        self.started.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// The node was made ready.
    pub fn initialised(&self, took: Duration) {
        self.initialised
            .get_or_create(&vec![label("success", "true")])
            .observe(took.as_secs_f64());
    }

    /// The numbers of the node are these now.
    pub fn numbers(&self, numbers: Numbers) {
        let Numbers {
            eni_max,
            ip_max,
            enis,
            total,
            assigned,
            cooling,
            prefixes,
        } = numbers;
        let values = [eni_max, ip_max, enis, total, assigned, cooling, prefixes];
        for (gauge, value) in self.numbers.iter().zip(values) {
            gauge.set(value);
        }
    }

    /// Held addresses by block and by interface are these now; what is not among them is gone.
    pub fn held<'a>(&self, rows: impl Iterator<Item = (&'a str, String, i64)>) {
        self.per_cidr.clear();
        self.per_eni.clear();
        for (eni, block, held) in rows {
            self.per_cidr.get_or_create(&vec![label("cidr", block)]).set(held);
            self.per_eni.get_or_create(&vec![label("eni", eni)]).inc_by(held);
        }
    }
}

/// A part of the agent at work.
#[derive(Debug)]
pub struct InProgress(Gauge);

impl Drop for InProgress {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vpccni_core::ports::CloudErrorKind;

    #[test]
    fn names_are_the_stock_agents_to_the_letter() {
        let metrics = Metrics::new();
        metrics.add_asked();
        metrics.del_asked("PodDeleted");
        metrics.del_asked("whatever a client says");
        metrics.error("increaseDatastorePool");
        metrics.called("ec2:CreateNetworkInterface", Duration::from_millis(3), None);
        metrics.numbers(Numbers {
            eni_max: 3,
            cooling: 2,
            ..Numbers::default()
        });
        metrics.held([("eni-1", "10.0.0.16/28".to_owned(), 4)].into_iter());
        let text = metrics.registry().encode().unwrap();
        for line in [
            "awscni_add_ip_req_count 1\n",
            "awscni_del_ip_req_count{reason=\"PodDeleted\"} 1\n",
            "awscni_del_ip_req_count{reason=\"other\"} 1\n",
            "awscni_ipamd_error_count{fn=\"increaseDatastorePool\"} 1\n",
            "awscni_ec2api_req_count{fn=\"CreateNetworkInterface\"} 1\n",
            "awscni_aws_api_latency_ms_count{api=\"CreateNetworkInterface\",error=\"false\",status=\"200\"} 1\n",
            "awscni_eni_max 3\n",
            "awscni_ip_addresses_in_cooldown 2\n",
            "awscni_assigned_ip_per_cidr{cidr=\"10.0.0.16/28\"} 4\n",
            "awscni_assigned_ip_per_eni{eni=\"eni-1\"} 4\n",
            "awscni_no_available_ip_addresses 0\n",
        ] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        assert!(!text.contains("_count_total"), "{text}");
    }

    #[test]
    fn an_error_is_a_category_and_never_its_text() {
        let metrics = Metrics::new();
        let error = CloudError {
            kind: CloudErrorKind::Denied,
            action: "ec2:DescribeSubnets",
            code: "UnauthorizedOperation".to_owned(),
            message: "a long text with ids".to_owned(),
        };
        metrics.called("ec2:DescribeSubnets", Duration::ZERO, Some(&error));
        metrics.utils_error("AllocENI", &error);
        let text = metrics.registry().encode().unwrap();
        assert!(
            text.contains("awscni_aws_api_error_count{api=\"DescribeSubnets\",error=\"denied\"} 1\n"),
            "{text}"
        );
        assert!(!text.contains("a long text"), "{text}");
    }

    #[test]
    fn work_in_progress_ends_with_its_guard() {
        let metrics = Metrics::new();
        let working = metrics.in_progress("nodeInit");
        let line = |value| format!("awscni_ipamd_action_inprogress{{fn=\"nodeInit\"}} {value}\n");
        assert!(metrics.registry().encode().unwrap().contains(&line(1)));
        drop(working);
        assert!(metrics.registry().encode().unwrap().contains(&line(0)));
    }
}
