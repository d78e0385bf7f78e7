//! How long the kernel work of a pod takes. The bounds are wide, because this runs beside other tests; the numbers are
//! printed.

use crate::scene::{Sandbox, on_a_node, pod};
use std::time::{Duration, Instant};
use vpccni_netlink::{netns, pod as wire};

/// A CI machine under load takes a multiple of the couple of milliseconds that are the rule.
const BOUND: Duration = Duration::from_millis(100);

fn percentile(times: &mut [Duration], percent: usize) -> Duration {
    times.sort();
    times[(times.len() - 1) * percent / 100]
}

#[test]
fn adding_a_pod_takes_milliseconds() {
    on_a_node(|| {
        let (mut adds, mut deletes, mut kept) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..60 {
            let sandbox = Sandbox::new();
            let pod = pod(&format!("p{number}"), &format!("10.0.1.{number}"));
            let start = Instant::now();
            wire::add(&sandbox.path(), &pod).unwrap();
            adds.push(start.elapsed());
            kept.push((sandbox, pod));
        }
        for (_, pod) in &kept {
            let start = Instant::now();
            wire::delete(pod).unwrap();
            deletes.push(start.elapsed());
        }
        println!(
            "NOTE: kernel work of 60 pods: ADD p50 {:?} p99 {:?}, DEL p50 {:?} p99 {:?}",
            percentile(&mut adds, 50),
            percentile(&mut adds, 99),
            percentile(&mut deletes, 50),
            percentile(&mut deletes, 99)
        );
        assert!(percentile(&mut adds, 50) < BOUND);
        assert!(percentile(&mut deletes, 50) < BOUND);
    });
}

#[test]
fn a_burst_of_pods_is_not_held_up() {
    on_a_node(|| {
        let pods: Vec<_> = (0..30)
            .map(|number| {
                let name = format!("burst{number}");
                (Sandbox::new(), pod(&name, &format!("10.0.2.{number}")))
            })
            .collect();
        let node = netns::current().unwrap();
        let start = Instant::now();
        std::thread::scope(|scope| {
            for (sandbox, pod) in &pods {
                let node = &node;
                scope
                    .spawn(move || netns::within(node, || wire::add(&sandbox.path(), pod).unwrap()).unwrap());
            }
        });
        let took = start.elapsed();
        println!("NOTE: kernel work of a burst of {}: {took:?}", pods.len());
        for (sandbox, pod) in &pods {
            assert_eq!(wire::check(&sandbox.path(), pod).unwrap(), vec![]);
        }
        assert!(took < BOUND * 30);
    });
}
