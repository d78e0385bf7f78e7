//! An interface goes: detached, waited for, deleted.

use super::Tools;
use std::time::Duration;
use vpccni_core::ids::EniId;
use vpccni_core::ports::{CloudError, CloudErrorKind};

/// Attempts of a step, with pauses that double up to the longest one: about two minutes in all.
const ATTEMPTS: u32 = 12;
const LONGEST_PAUSE: Duration = Duration::from_secs(20);

/// Detaches and deletes it. One that is gone already is fine.
pub async fn free(tools: &Tools, eni: &EniId) -> Result<(), CloudError> {
    let cloud = &tools.cloud;
    let described = cloud
        .call("ec2:DescribeNetworkInterfaces", cloud.ec2.interface(eni))
        .await?;
    let Some(described) = described else {
        return Ok(());
    };
    if let Some(attachment) = described.attachment {
        again(tools, || async {
            let answer = cloud.ec2.detach(&attachment.id);
            cloud.call("ec2:DetachNetworkInterface", answer).await
        })
        .await?;
    }
    // EC2 refuses until the detachment is done.
    again(tools, || async {
        let answer = cloud.ec2.delete_interface(eni);
        cloud.call("ec2:DeleteNetworkInterface", answer).await
    })
    .await
}

async fn again<F>(tools: &Tools, step: impl Fn() -> F) -> Result<(), CloudError>
where
    F: Future<Output = Result<(), CloudError>>,
{
    let mut pause = tools.pace.pause * 2;
    let mut attempt = 1;
    loop {
        match step().await {
            Ok(()) => return Ok(()),
            Err(error) if error.kind == CloudErrorKind::NotFound => return Ok(()),
            Err(error) if attempt == ATTEMPTS || error.kind == CloudErrorKind::Denied => return Err(error),
            Err(_) => {}
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
        attempt += 1;
    }
}
