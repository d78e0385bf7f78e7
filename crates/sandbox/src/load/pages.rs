//! Everything there is, a thousand at a time.

use super::client::Client;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Instant;

/// Reads all interfaces and all instances in pages of a thousand, and says how long the pages took.
pub(crate) async fn read(address: SocketAddr) -> Result<Value, String> {
    let mut client = Client::new(address);
    let mut figures = serde_json::Map::new();
    for action in ["DescribeNetworkInterfaces", "DescribeInstances"] {
        let mut times = Vec::new();
        let mut token = String::new();
        loop {
            let call = format!("{action}&MaxResults=1000{token}");
            let begun = Instant::now();
            let answer = client.must(&call).await?;
            times.push(begun.elapsed().as_secs_f64() * 1000.0);
            match answer.texts("nextToken").pop() {
                Some(next) => token = format!("&NextToken={next}"),
                None => break,
            }
        }
        let longest = times.iter().copied().fold(0.0, f64::max);
        figures.insert(
            action.to_owned(),
            json!({ "pages": times.len(), "longest_ms": longest }),
        );
    }
    Ok(Value::Object(figures))
}
