//! The flags of `aws-sandbox`.

use clap::{Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use vpccni_sandbox::Rate;

/// AWS as EKS networking meets it, on your machine: EC2 (VPCs, subnets, network interfaces, addresses, prefixes,
/// instances), IMDSv2, EKS, Auto Scaling, IAM, SSM and STS with the real limits and errors.
///
/// Any AWS SDK or the AWS CLI uses it through AWS_ENDPOINT_URL. Any credentials do; signatures are not checked. An
/// access key of twelve digits is another account. State lives in memory and is made through the APIs themselves;
/// --state keeps it.
#[derive(Debug, Parser)]
#[command(name = "aws-sandbox", version, after_help = EXAMPLE)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLE: &str = "\
Example:
  aws-sandbox serve --listen 127.0.0.1:4566 &
  export AWS_ENDPOINT_URL=http://127.0.0.1:4566 AWS_REGION=us-west-2
  export AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x
  aws ec2 create-vpc --cidr-block 10.0.0.0/16

`aws-sandbox serve --help` tells of clocks, limits, faults and what else there is under /_sandbox/.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve until interrupted.
    #[command(after_long_help = CONTROL)]
    Serve(ServeArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// Where to listen; port 0 takes a free one, and the log says which.
    #[arg(long, default_value = "127.0.0.1:4566", env = "AWS_SANDBOX_LISTEN")]
    pub(crate) listen: SocketAddr,
    /// The region that it is.
    #[arg(long, default_value = "us-west-2", env = "AWS_REGION")]
    pub(crate) region: String,
    /// All chance follows from it: ids, the placement of addresses, faults with a probability.
    #[arg(long, default_value_t = 1, env = "AWS_SANDBOX_SEED")]
    pub(crate) seed: u64,
    /// Keep the state in this file: every request that changes something is written there before it is answered, and
    /// all of them are made again at the next start.
    ///
    /// What was answered survives a kill of the sandbox; a loss of power may take the last of it, as the file is only
    /// synchronised at shutdown. With a full disk nothing that changes anything succeeds.
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
    /// Whose time it is: the machine's, or one that stands still until POST /_sandbox/clock/advance moves it.
    #[arg(long, value_enum, default_value = "real")]
    pub(crate) clock: Clock,
    /// No delays and no throttling: instances run at once, and metadata is never behind.
    #[arg(long)]
    pub(crate) fast: bool,
    /// Request throttling with AWS's public token buckets: off, on, or so many times as generous [default: on, with
    /// --fast off].
    #[arg(long, value_name = "off|on|FACTOR")]
    pub(crate) throttle: Option<Rate>,
    /// Where single addresses are placed: by chance, as on AWS, which is what fragments subnets; or the lowest free.
    #[arg(long, value_enum, default_value = "random")]
    pub(crate) order: Order,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Clock {
    Real,
    Manual,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Order {
    Random,
    Lowest,
}

const CONTROL: &str = "\
Beside AWS, under /_sandbox/:
  GET    health                     that it serves, its seed, and what time it is there
  GET    actions                    what is served, by service
  GET    calls                      calls by service, action and outcome; ?by=caller
  GET    requests?after=N           the last 10,000 requests, one by one
  GET    events?after=N&wait=S      what happened to instances and interfaces, numbered; waits up to S
                                    seconds for something new; ?follow streams, one JSON text a line
  GET    invariants                 what does not hold, in words; an empty list is right
  GET    instances/ID/imds?hops=1   where the metadata service of an instance is
  POST   instances/ID/imds/stale    {\"mode\":\"frozen|partial|empty\", \"show\":1, \"for_seconds\":60}
  DELETE instances/ID/imds/stale
  GET    throttle                   how full the buckets are, and who was refused
  PUT    throttle                   {\"rate\":\"off\"}, {\"rate\":\"on\"} or {\"rate\":2.5}
  GET    timings                    how long things take, in seconds
  PUT    timings                    {\"imds_attach\":10, \"describe_lag\":5}
  PUT    quotas                     what the account may have: {\"interfaces\":20000}
  PUT    zones/ZONE/capacity        {\"available\":false, \"instance_type\":\"m5.large\", \"for_seconds\":60}
  POST   subnets/ID/occupy          somebody else takes addresses: {\"every_block\":{}} leaves no /28 whole,
                                    {\"all_but\":3}, {\"addresses\":[\"10.0.0.20\"]}
  POST   clock/advance              {\"seconds\":30}, with --clock manual
  GET    state                      the journal: what changed the world
  POST   state                      makes the world that such a journal tells of
  POST   reset                      an empty world, as at the start
  GET    faults                     the rules in force, and how often each saw a call and fired
  POST   faults                     adds a rule, gives its id
  DELETE faults, faults/ID          takes all rules away, or one

A rule; all but the effect may be left out and then matches always:
  {\"service\":\"ec2\", \"action\":\"AssignPrivateIpAddresses\", \"caller\":\"KEY or i-…\",
   \"resource\":\"eni-…\", \"nth\":1, \"times\":1, \"probability\":0.5, \"for_seconds\":60,
   \"effect\":{…}}

An effect is a delay, one of the others, or both:
  \"delay_ms\":100
  \"latency\":{\"uniform\":{\"min_ms\":5, \"max_ms\":50}}
  \"latency\":{\"gaussian\":{\"mean_ms\":300, \"deviation_ms\":50}}
  \"drop\":\"before\"               the connection is cut and nothing happened
  \"drop\":\"after\"                it happened, and the answer is lost
  \"drop\":\"midway\"               it happened, and half of the answer comes
  \"error\":{\"code\":\"RequestLimitExceeded\", \"status\":503, \"message\":\"…\"}
  \"deny\":true                   the caller may not
  \"expired\":true                the caller's credentials have expired
  \"html\":500                    a page of HTML, as from a load balancer
  \"stale_ms\":5000               a describe sees the world of then; what is younger is not found
Delays are of the machine's clock even with --clock manual.";
