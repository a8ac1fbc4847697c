//! `auditIfNotExists` and `deployIfNotExists`: whether a related resource meets the condition.
//!
//! Source: *Azure Policy definitions auditIfNotExists effect*: `type` is the related type; "if the resource type is a
//! resource type underneath the if condition resource, the policy queries for resources of this type within the scope
//! of the evaluated resource. Otherwise, policy queries within the same resource group or subscription as the evaluated
//! resource depending on the existenceScope" (default ResourceGroup).

use super::compare::same_text;
use super::definition::Existence;
use super::evaluate::{Counts, Scene};
use super::outcome::Stop;
use super::subject::Subject;
use super::template::Template;
use crate::model::{ResourceId, Truth, json};
use serde_json::Value;

/// Whether one exists. The error is a failed evaluation.
pub(super) fn exists<'s>(scene: &Scene<'s>, existence: &'s Existence) -> Result<Truth, String> {
    let text = |template: Option<&'s Template>| -> Result<Option<String>, Stop> {
        let Some(template) = template else { return Ok(None) };
        match scene.template(template, &Counts::default())?.as_ref() {
            Value::String(text) => Ok(Some(text.clone())),
            Value::Null => Ok(None),
            _ => Err(Stop::Failed("a name in `details` that is not a string".to_owned())),
        }
    };
    let asked = (|| {
        let resource_type = text(Some(&existence.resource_type))?;
        let name = text(existence.name.as_ref())?;
        let group = text(existence.resource_group.as_ref())?;
        let scope = text(existence.scope.as_ref())?;
        Ok((resource_type.unwrap_or_default(), name, group, scope))
    })();
    let (resource_type, name, group, scope) = match asked {
        Ok(asked) => asked,
        Err(Stop::Failed(failure)) => return Err(failure),
        Err(Stop::Unknown(gap)) => return Ok(Truth::Unknown(gap.facts)),
    };
    let evaluated = scene.subject;
    let child = evaluated.resource_type.as_deref().is_some_and(|parent| {
        resource_type.get(..parent.len()).is_some_and(|start| same_text(start, parent))
            && resource_type.as_bytes().get(parent.len()) == Some(&b'/')
    });
    let subscription_wide = scope.is_some_and(|scope| same_text(&scope, "subscription"));
    let near = |id: &ResourceId| {
        if id.folded() == "/" {
            return true;
        }
        // Extension resources (diagnostic settings, assessments) belong to the resource they extend.
        let extension = id.folded().matches("/providers/").count() > 1;
        if child || extension {
            return evaluated.id.contains(id);
        }
        match &group {
            Some(group) => id.resource_group().is_some_and(|found| same_text(found.name(), group)),
            None if subscription_wide || evaluated.id.resource_group().is_none() => {
                id.subscription() == evaluated.id.subscription()
            }
            None => id.resource_group() == evaluated.id.resource_group(),
        }
    };
    let named = |subject: &Subject| {
        name.as_ref().is_none_or(|name| {
            let spelled = json::text(&subject.body, "name").unwrap_or("");
            same_text(name, subject.id.name()) || same_text(name, spelled) || name.contains('/') && ends(subject, name)
        })
    };
    let mut found = Truth::False;
    let own = same_text(&resource_type, evaluated.resource_type.as_deref().unwrap_or("")) && named(evaluated);
    let listed = scene.context.related_resources.as_deref();
    let related = listed.unwrap_or(&[]).iter().map(|body| {
        let id = ResourceId::new(json::text(body, "id").unwrap_or("/"));
        Subject::new(id, body.clone(), None, &[])
    });
    for subject in own.then(|| evaluated.clone()).into_iter().chain(related) {
        let of_type = subject.resource_type.as_deref().is_some_and(|t| same_text(t, &resource_type));
        if !(of_type && near(&subject.id) && named(&subject)) {
            continue;
        }
        let Some(condition) = &existence.condition else { return Ok(Truth::True) };
        let inner = Scene { subject: &subject, ..*scene };
        // The condition lives as long as the definition; the related resource only as long as this loop.
        let outcome = inner.rule(condition);
        if outcome.fails() {
            return Err(outcome.failure.unwrap_or_default());
        }
        found = found.or(match (outcome.can_hold, outcome.can_miss) {
            (true, false) if !outcome.can_fail => Truth::True,
            (false, true) if !outcome.can_fail => Truth::False,
            _ => Truth::Unknown(outcome.facts),
        });
    }
    if listed.is_none() && !found.is_true() {
        let own_alone = own && name.is_some();
        if !own_alone {
            return Ok(found.or(Truth::missing(format!("related resources of type `{resource_type}`"))));
        }
    }
    Ok(found)
}

fn ends(subject: &Subject, name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name);
    same_text(last, subject.id.name())
}
