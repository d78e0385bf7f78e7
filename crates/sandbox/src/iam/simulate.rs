//! SimulatePrincipalPolicy: what the policies of a role allow.

use super::{PAGE, SIZES, write_marker};
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::page::Page;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::Evaluation;

pub(super) const ACTIONS: Family = &[("SimulatePrincipalPolicy", simulate)];

fn simulate(params: &mut Params) -> Result<Effect, ApiError> {
    let source = params.required("PolicySourceArn")?;
    let actions = params.list("ActionNames.member");
    let mut resources = params.list("ResourceArns.member");
    if actions.is_empty() {
        return Err(ApiError::missing("ActionNames.member.1"));
    }
    if resources.is_empty() {
        resources.push("*".to_owned());
    }
    let request = format!("{source}?{}?{}", actions.join(","), resources.join(","));
    let page = Page::named(params, PAGE, SIZES, &request)?;
    Ok(Box::new(move |world| {
        let all = world.simulate(&source, &actions, &resources)?;
        let numbered = all.iter().enumerate();
        let cut = page.cut(numbered.map(|(number, one)| (format!("{number:010}"), one)));
        let mut xml = Xml::default();
        xml.members("EvaluationResults", cut.items, write);
        write_marker(&mut xml, cut.next);
        Ok(xml)
    }))
}

fn write(xml: &mut Xml, one: &Evaluation) {
    xml.text("EvalActionName", &one.action)
        .text("EvalResourceName", &one.resource)
        .text("EvalDecision", one.decision.as_str())
        .members("MatchedStatements", &one.matched, |xml, policy| {
            xml.text("SourcePolicyId", policy)
                .text("SourcePolicyType", "IAM Policy");
        })
        .members("MissingContextValues", &one.missing, |xml, key| {
            xml.plain(key);
        });
}
