//! The rules alone.

use super::*;
use crate::service::Service;
use crate::world::Caller;
use http::Uri;

fn rule(text: &str) -> Rule {
    serde_json::from_str(text).unwrap()
}

/// A rule book in which calls are described in short.
struct Book(Faults, i64);

impl Book {
    fn new(rules: &[&str]) -> Self {
        let mut faults = Faults::new(1);
        for text in rules {
            faults.add(rule(text), Timestamp::UNIX_EPOCH).unwrap();
        }
        Self(faults, 0)
    }

    fn meet(&mut self, service: Service, action: &str, key: &str, body: &str) -> Met {
        let uri = Uri::from_static("/");
        let subject = Subject {
            service,
            action,
            caller: &Caller::of_key(key),
            uri: &uri,
            body: body.as_bytes(),
        };
        self.0.meet(&subject, Timestamp::from_second(self.1).unwrap())
    }

    fn ec2(&mut self, action: &str) -> Met {
        self.meet(Service::Ec2, action, "", "")
    }
}

fn code(met: &Met) -> Option<(&str, u16)> {
    match &met.way {
        Some(Way::Refuse(error)) => Some((error.code(), error.status().as_u16())),
        _ => None,
    }
}

#[test]
fn a_rule_fires_on_the_call_it_names_and_as_often_as_it_says() {
    let mut book = Book::new(&[
        r#"{"service":"ec2","action":"A","nth":2,"effect":{"drop":"after"}}"#,
        r#"{"action":"B","times":1,"effect":{"delay_ms":5}}"#,
    ]);
    assert_eq!(book.ec2("A"), Met::default());
    assert_eq!(book.meet(Service::Eks, "A", "", ""), Met::default());
    assert_eq!(book.ec2("A").way, Some(Way::CutAfter));
    assert_eq!(book.ec2("A"), Met::default());
    assert_eq!(
        book.meet(Service::Eks, "B", "", "").delay,
        Duration::from_millis(5)
    );
    assert_eq!(book.meet(Service::Eks, "B", "", ""), Met::default());
}

#[test]
fn a_rule_can_be_about_a_caller_or_a_resource() {
    let mut book = Book::new(&[
        r#"{"caller":"key-a","effect":{"deny":true}}"#,
        r#"{"resource":"eni-1","effect":{"expired":true}}"#,
    ]);
    let (ec2, eks) = (Service::Ec2, Service::Eks);
    assert_eq!(
        code(&book.meet(ec2, "A", "key-a", "")),
        Some(("UnauthorizedOperation", 403))
    );
    assert_eq!(
        code(&book.meet(eks, "A", "key-a", "")),
        Some(("AccessDeniedException", 403))
    );
    assert_eq!(book.meet(ec2, "A", "key-b", "Id=eni-2"), Met::default());
    assert_eq!(
        code(&book.meet(ec2, "A", "key-b", "Id=eni%2D1")),
        Some(("RequestExpired", 400))
    );
    assert_eq!(
        code(&book.meet(eks, "A", "key-b", r#"{"id":"eni-1"}"#)),
        Some(("ExpiredTokenException", 403))
    );
}

#[test]
fn a_rule_ends_with_its_time() {
    let mut book = Book::new(&[r#"{"for_seconds":10,"effect":{"html":500}}"#]);
    book.1 = 9;
    assert_eq!(
        book.ec2("A").way,
        Some(Way::Html(http::StatusCode::INTERNAL_SERVER_ERROR))
    );
    book.1 = 10;
    assert_eq!(book.ec2("A"), Met::default());
}

#[test]
fn a_code_alone_has_the_status_and_words_of_aws() {
    for (name, status) in [
        ("RequestLimitExceeded", 503),
        ("Unavailable", 503),
        ("InternalError", 500),
        ("UnauthorizedOperation", 403),
        ("InsufficientCidrBlocks", 400),
    ] {
        let mut book = Book::new(&[&format!(r#"{{"effect":{{"error":{{"code":"{name}"}}}}}}"#)]);
        let met = book.ec2("A");
        assert_eq!(code(&met), Some((name, status)));
        let Some(Way::Refuse(error)) = met.way else {
            panic!("refused");
        };
        assert!(!error.message().is_empty());
    }
}

#[test]
fn probability_and_latency_follow_the_seed() {
    let fired = |seed| {
        let mut faults = Faults::new(seed);
        let text = r#"{"probability":0.3,"effect":{"error":{"code":"X"}}}"#;
        faults.add(rule(text), Timestamp::UNIX_EPOCH).unwrap();
        let mut book = Book(faults, 0);
        (0..1000).map(|_| book.ec2("A").way.is_some()).collect::<Vec<_>>()
    };
    let one = fired(1);
    let count = one.iter().filter(|f| **f).count();
    assert!((200..400).contains(&count), "{count}");
    assert_eq!(one, fired(1));
    assert_ne!(one, fired(2));

    let mut book = Book::new(&[
        r#"{"action":"U","effect":{"latency":{"uniform":{"min_ms":10,"max_ms":20}}}}"#,
        r#"{"action":"G","effect":{"latency":{"gaussian":{"mean_ms":300,"deviation_ms":20}}}}"#,
    ]);
    let mut sum = Duration::ZERO;
    for _ in 0..200 {
        let uniform = book.ec2("U").delay;
        assert!((10..=20).contains(&uniform.as_millis()), "{uniform:?}");
        sum += book.ec2("G").delay;
    }
    let mean = sum.as_millis() / 200;
    assert!((290..310).contains(&mean), "{mean}");
}

#[test]
fn a_rule_that_can_do_nothing_is_refused() {
    let mut faults = Faults::new(1);
    for text in [
        r#"{"effect":{}}"#,
        r#"{"effect":{"drop":"after","html":500}}"#,
        r#"{"service":"s3","effect":{"deny":true}}"#,
        r#"{"nth":0,"effect":{"deny":true}}"#,
        r#"{"probability":2,"effect":{"deny":true}}"#,
        r#"{"for_seconds":-1,"effect":{"deny":true}}"#,
        r#"{"effect":{"html":200}}"#,
        r#"{"effect":{"latency":{"uniform":{"min_ms":2,"max_ms":1}}}}"#,
    ] {
        assert!(faults.add(rule(text), Timestamp::UNIX_EPOCH).is_err(), "{text}");
    }
    assert!(serde_json::from_str::<Rule>(r#"{"efect":{}}"#).is_err());
    let id = faults
        .add(rule(r#"{"effect":{"deny":true}}"#), Timestamp::UNIX_EPOCH)
        .unwrap();
    assert!(faults.remove(id) && !faults.remove(id));
}
