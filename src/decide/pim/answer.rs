//! The activation in the terms of the attack: how far somebody gets who would have to activate the role first.
//!
//! Justification, ticket and a shorter duration are the attacker's to supply: they cut nothing. What PIM always does is
//! tell: a request leaves an audit record, and mail where a notification rule says so.

use super::Pim;
use super::ask::{Action, Ask};
use super::check::Check;
use super::instance::Plane;
use super::step_up::StepUp;
use crate::model::request::{ActivationRequest, Stance};
use crate::model::{Answer, Attacker, Level, Word};
use serde_json::json;

/// Template id of Privileged Role Administrator (*Microsoft Entra built-in roles*).
const PRIVILEGED_ROLE_ADMINISTRATOR: &str = "e8611ab8-c189-46e8-94e1-60213ab1f814";

impl Pim {
    pub fn answer(
        &self,
        asked: &ActivationRequest,
        step_up: &dyn StepUp,
        attacker: &Attacker,
        stance: Stance,
    ) -> Answer {
        let mut answer = sum(self.checks(asked, step_up, Some((attacker, stance))));
        let ask = Ask::read(asked);
        let other_role = ask.role.as_ref().is_ok_and(|role| role != PRIVILEGED_ROLE_ADMINISTRATOR);
        // Whoever may assign roles makes the assignment active at once: only the administrator's rules bind. That is
        // no way to the very role that lets one assign.
        if ask.plane == Plane::Directory
            && ask.action == Ok(Action::SelfActivate)
            && other_role
            && attacker.holds.contains(&Word::PrivilegedRoleAdministrator)
        {
            let mut assign = asked.clone();
            if let Some(request) = assign.request.as_object_mut() {
                request.insert("action".to_owned(), json!("adminAssign"));
            }
            let assigned = sum(self.checks(&assign, step_up, Some((attacker, stance))));
            if assigned.level > answer.level {
                answer = Answer { reason: format!("adminAssign:{}", assigned.reason), ..assigned };
            }
        }
        if let (Ok(role), Ok(scope)) = (&ask.role, &ask.scope) {
            answer.detected.push(
                match ask.action {
                    Ok(Action::AdminAssign(_)) => "audit record of an assignment made in PIM",
                    Ok(Action::SelfActivate | Action::Other(_)) | Err(_) => {
                        "audit record `Add member to role requested (PIM activation)`"
                    }
                }
                .to_owned(),
            );
            let told = self.settings(role, scope.folded()).map(|settings| settings.notifications()).unwrap_or_default();
            answer.detected.extend(told.into_iter().map(|rule| format!("mail by rule `{rule}`")));
        }
        answer
    }
}

/// A step is the minimum over its checks; the words and facts are those of the checks that attain it.
fn sum(checks: Vec<Check>) -> Answer {
    let level = checks.iter().map(|check| check.level).min().unwrap_or(Level::NotCut);
    let deciding: Vec<Check> = checks.into_iter().filter(|check| check.level == level).collect();
    let reason = match level {
        Level::NotCut => "provisioned".to_owned(),
        Level::Cut | Level::Challenged | Level::Unknown => {
            deciding.iter().map(|check| check.rule.as_str()).collect::<Vec<_>>().join(", ")
        }
    };
    let mut answer = Answer::of(level, reason);
    for check in deciding {
        answer.clauses.extend(check.clauses);
        match level {
            Level::Challenged => answer.words.extend(check.words),
            Level::Unknown => answer.missing.extend(check.open),
            Level::Cut | Level::NotCut => {}
        }
    }
    answer
}
