//! The commands of `aws-cni`, one module each.

mod add;
mod check;
mod del;
mod gc;
mod status;

use crate::conf::NetConf;
use crate::environment::{Command, Environment};
use crate::error::{CniError, Code};
use crate::kernel::PodKernel;
use crate::log::Log;
use crate::spec::Spec;
use serde_json::{Value, json};

/// All that a command works with.
pub(crate) struct Call<'a> {
    pub(crate) env: &'a Environment,
    pub(crate) conf: &'a NetConf,
    pub(crate) kernel: &'a mut dyn PodKernel,
    pub(crate) log: &'a Log,
}

/// Runs the command; what it gives is printed, if anything.
pub(crate) async fn run(call: &mut Call<'_>) -> Result<Option<Value>, CniError> {
    let (command, spec) = (call.env.command, call.conf.spec);
    match command {
        Command::Add => add::run(call).await.map(|result| Some(result.render(spec))),
        Command::Del => del::run(call).await.map(|()| None),
        Command::Check => {
            spec.at_least(Spec::V0_4_0, command.text())?;
            check::run(call).map(|()| None)
        }
        Command::Status => {
            spec.at_least(Spec::V1_1_0, command.text())?;
            status::run(call).await.map(|()| None)
        }
        Command::Gc => {
            spec.at_least(Spec::V1_1_0, command.text())?;
            gc::run(call).await.map(|()| None)
        }
        Command::Version => Ok(Some(versions(spec))),
    }
}

/// What VERSION prints.
pub(crate) fn versions(spec: Spec) -> Value {
    json!({"cniVersion": spec.text(), "supportedVersions": Spec::ALL.map(Spec::text)})
}

fn away(error: &vpccni_rpc::ConnectError, code: Code) -> CniError {
    CniError::because(code, "ipamd is away", error)
}
