//! The flags of `aws-sandbox`.

use clap::{Parser, Subcommand};
use std::net::SocketAddr;

/// AWS as EKS networking meets it, on your machine: EC2 (VPCs, subnets, network interfaces, addresses, prefixes,
/// instances), EKS and STS with the real limits and errors.
///
/// Any AWS SDK or the AWS CLI uses it through AWS_ENDPOINT_URL. Any credentials do; signatures are not checked.
/// State lives in memory and is made through the APIs themselves.
#[derive(Debug, Parser)]
#[command(
    name = "aws-sandbox",
    version,
    after_help = "\
Example:
  aws-sandbox serve --listen 127.0.0.1:4566 &
  export AWS_ENDPOINT_URL=http://127.0.0.1:4566 AWS_REGION=us-west-2
  export AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x
  aws ec2 create-vpc --cidr-block 10.0.0.0/16

Beside AWS, under /_sandbox/:
  GET    calls        calls by service, action and outcome
  GET    faults       the rules in force, and how often each fired
  POST   faults       adds a rule, as below
  DELETE faults       takes all rules away
  POST   reset        an empty world, as at the start
  GET    invariants   what does not hold, in words; an empty list is right
  GET    health       that it serves, and its seed

A rule, of which all but the effect may be left out and then matches always; drop is
before or after the change is made:
  {\"service\":\"ec2\", \"action\":\"AssignPrivateIpAddresses\",
   \"nth\":1, \"times\":1, \"probability\":0.5,
   \"effect\":{\"delay_ms\":100, \"drop\":\"after\",
     \"error\":{\"code\":\"RequestLimitExceeded\", \"status\":503, \"message\":\"…\"}}}"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve until interrupted.
    Serve {
        /// Where to listen; port 0 takes a free one, and the log says which.
        #[arg(long, default_value = "127.0.0.1:4566", env = "AWS_SANDBOX_LISTEN")]
        listen: SocketAddr,
        /// The region that it is.
        #[arg(long, default_value = "us-west-2", env = "AWS_REGION")]
        region: String,
        /// All chance follows from it: ids, the placement of addresses, faults with a probability.
        #[arg(long, default_value_t = 1, env = "AWS_SANDBOX_SEED")]
        seed: u64,
    },
}
