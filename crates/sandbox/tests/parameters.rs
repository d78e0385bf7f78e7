//! SSM's public parameters and Service Quotas over plain HTTP.

use crate::lab::{Lab, code};
use crate::protocol::raw;
use serde_json::{Value, json};

async fn ask(lab: &Lab, target: &str, body: &Value) -> (u16, Value) {
    let body = body.to_string();
    let answer = raw(
        lab,
        &format!(
            "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Amz-Target: {target}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    )
    .await;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split("\r\n\r\n").nth(1).expect("a body");
    (
        status.expect("a status"),
        serde_json::from_str(body).expect("JSON"),
    )
}

#[tokio::test]
async fn the_parameters_of_images_name_images_that_are_there() {
    let lab = Lab::new().await;
    let eks = "/aws/service/eks/optimized-ami/1.33/amazon-linux-2023/x86_64/standard/recommended";
    let bottlerocket = "/aws/service/bottlerocket/aws-k8s-1.33/x86_64/latest/image_id";
    for name in [format!("{eks}/image_id"), bottlerocket.to_owned()] {
        let (status, found) = ask(&lab, "AmazonSSM.GetParameter", &json!({ "Name": name })).await;
        assert_eq!((status, &found["Parameter"]["Name"]), (200, &json!(name)));
        let id = found["Parameter"]["Value"].as_str().expect("an id");
        let seen = lab.ec2.describe_images().image_ids(id).send().await.map_err(code);
        assert_eq!(seen.expect("the image").images().len(), 1);
    }
    let release = json!({ "Name": format!("{eks}/release_version"), "WithDecryption": false });
    let (_, found) = ask(&lab, "AmazonSSM.GetParameter", &release).await;
    let value = found["Parameter"]["Value"].as_str().expect("a release");
    assert!(
        value.starts_with("1.33.") && value.ends_with("-20260812"),
        "{value}"
    );
    let unknown = json!({ "Names": [format!("{eks}/image_id"), "/no/such"] });
    let (_, some) = ask(&lab, "AmazonSSM.GetParameters", &unknown).await;
    assert_eq!(some["Parameters"].as_array().map(Vec::len), Some(1));
    assert_eq!(some["InvalidParameters"], json!(["/no/such"]));
    let (status, refused) = ask(&lab, "AmazonSSM.GetParameter", &json!({ "Name": "/no/such" })).await;
    assert_eq!((status, &refused["__type"]), (400, &json!("ParameterNotFound")));
    lab.end().await;
}

#[tokio::test]
async fn parameters_under_a_path_come_in_pages() {
    let lab = Lab::new().await;
    let path = "/aws/service/eks/optimized-ami/1.33";
    let mut names: Vec<String> = Vec::new();
    let mut token = Value::Null;
    loop {
        let body = json!({ "Path": path, "Recursive": true, "MaxResults": 7, "NextToken": token });
        let (status, page) = ask(&lab, "AmazonSSM.GetParametersByPath", &body).await;
        assert_eq!(status, 200, "{page}");
        let found = page["Parameters"].as_array().expect("parameters").iter();
        names.extend(found.filter_map(|p| p["Name"].as_str().map(str::to_owned)));
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    // Two architectures, two releases and `recommended`; id, name and release of each.
    assert_eq!(names.len(), 2 * 3 * 3);
    assert!(names.is_sorted() && names.iter().all(|name| name.starts_with(path)));
    let flat = json!({ "Path": path });
    let (_, none) = ask(&lab, "AmazonSSM.GetParametersByPath", &flat).await;
    assert_eq!(none["Parameters"], json!([]));
    lab.end().await;
}

#[tokio::test]
async fn quotas_are_those_of_the_world() {
    let lab = Lab::new().await;
    let asked = json!({ "ServiceCode": "vpc", "QuotaCode": "L-DF5E4CA3" });
    lab.sandbox.world().write(|world| world.quotas.interfaces = 7);
    let (_, now) = ask(&lab, "ServiceQuotasV20190624.GetServiceQuota", &asked).await;
    assert_eq!(now["Quota"]["Value"], json!(7.0));
    let (_, usual) = ask(&lab, "ServiceQuotasV20190624.GetAWSDefaultServiceQuota", &asked).await;
    assert_eq!(usual["Quota"]["Value"], json!(5000.0));
    let (_, all) = ask(
        &lab,
        "ServiceQuotasV20190624.ListServiceQuotas",
        &json!({ "ServiceCode": "vpc" }),
    )
    .await;
    assert_eq!(all["Quotas"][0]["QuotaCode"], json!("L-DF5E4CA3"));
    let unknown = json!({ "ServiceCode": "vpc", "QuotaCode": "L-00000000" });
    let (status, refused) = ask(&lab, "ServiceQuotasV20190624.GetServiceQuota", &unknown).await;
    assert_eq!(
        (status, &refused["__type"]),
        (400, &json!("NoSuchResourceException"))
    );
    let more = json!({ "ServiceCode": "vpc", "QuotaCode": "L-DF5E4CA3", "Extra": 1 });
    let (status, refused) = ask(&lab, "ServiceQuotasV20190624.GetServiceQuota", &more).await;
    assert_eq!(
        (status, &refused["__type"]),
        (400, &json!("SerializationException"))
    );
    let (status, refused) = ask(&lab, "AmazonSSM.PutParameter", &json!({})).await;
    assert_eq!(
        (status, &refused["__type"]),
        (404, &json!("UnknownOperationException"))
    );
    lab.end().await;
}
