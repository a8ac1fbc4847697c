//! Would this activation have been provisioned? Every check is made, in no promised order; the worst outcome is the
//! result.
//!
//! Source: *Configure Microsoft Entra role settings in Privileged Identity Management*, *Configure Azure resource role
//! settings in Privileged Identity Management*, *Activate Microsoft Entra roles in PIM*, *Activate Azure resource roles
//! in Privileged Identity Management*.

use super::Pim;
use super::approval::{Reply, reply};
use super::ask::{Action, Ask};
use super::check::Check;
use super::instance::{Groups, Instance, Plane};
use super::settings::{Approvers, Binding, Demand, Enabled, FACT, Kind, Rule, Setting, Settings};
use super::step_up::{Enforcement, StepUp, sign_in};
use crate::model::request::{ActivationRequest, Stance};
use crate::model::{Attacker, Clause, Fact, Level, Missing, ResourceId, Truth, Word};
use std::sync::Arc;

/// In the order in which one outranks the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    Denied,
    /// A step-up is outstanding.
    Challenged,
    Unknown,
    PendingApproval,
    Provisioned,
}

impl Outcome {
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Denied => "denied",
            Outcome::Challenged => "challenged",
            Outcome::Unknown => "unknown",
            Outcome::PendingApproval => "pendingApproval",
            Outcome::Provisioned => "provisioned",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    pub result: Outcome,
    /// Every rule with that outcome: `<rule id>`, `<rule id>:<enabled rule>`, `eligibility`.
    pub rules: Vec<String>,
    /// With `Unknown`.
    pub missing: Missing,
    pub clauses: Vec<Clause>,
}

const ELIGIBILITY: &str = "eligibility";
const REDUCED_SCOPE: &str = "semantics:reducedScopeSettings";

/// Who would have to get past the checks, where that is asked.
pub(super) type Against<'a> = Option<(&'a Attacker, Stance)>;

/// What every check of one request needs.
struct Scene<'a> {
    asked: &'a ActivationRequest,
    ask: &'a Ask<'a>,
    step_up: &'a dyn StepUp,
    against: Against<'a>,
    attacker: &'a Attacker,
    mfa: Truth,
    binding: Binding,
}

impl Pim {
    pub fn activate(&self, asked: &ActivationRequest, step_up: &dyn StepUp) -> Decision {
        let checks = self.checks(asked, step_up, None);
        let result = checks.iter().map(|check| check.outcome).min().unwrap_or(Outcome::Provisioned);
        let mut decision = Decision { result, rules: Vec::new(), missing: Missing::new(), clauses: Vec::new() };
        for check in checks.into_iter().filter(|check| check.outcome == result) {
            if result != Outcome::Provisioned {
                decision.rules.push(check.rule);
            }
            decision.missing.extend(check.missing);
            decision.clauses.extend(check.clauses);
        }
        decision
    }

    pub(super) fn checks(&self, asked: &ActivationRequest, step_up: &dyn StepUp, against: Against) -> Vec<Check> {
        let ask = Ask::read(asked);
        let nobody = Attacker::default();
        let attacker = against.map_or(&nobody, |(attacker, _)| attacker);
        let request = |truth: Truth| vec![Check::condition("request", truth, Outcome::Denied).binding()];
        let scene = |binding| Scene { asked, ask: &ask, step_up, against, attacker, mfa: mfa(asked), binding };
        match &ask.action {
            Err(missing) => request(missing.clone()),
            // The pages describe no rules for it, or it gives nobody a role.
            Ok(Action::Other(_)) => request(Truth::missing(ask.missing(verb(ask.plane)))),
            Ok(Action::SelfActivate) => self.activation(&scene(Binding::Activation)),
            Ok(Action::AdminAssign(false)) => self.assignment(&scene(Binding::AdminAssignment)),
            Ok(Action::AdminAssign(true)) => self.assignment(&scene(Binding::AdminEligibility)),
        }
    }

    /// `adminAssign`: the administrator's rules alone. (That a direct `POST roleAssignments` meets none of them, and
    /// that end-user rules bind neither, is derived from *unifiedRoleAssignmentScheduleInstance resource type*.)
    fn assignment(&self, scene: &Scene) -> Vec<Check> {
        match place(scene.ask) {
            Ok((role, scope)) => rules(scene, self.settings(role, scope.folded())),
            Err(missing) => vec![Check::condition("request", missing, Outcome::Denied).binding()],
        }
    }

    fn activation(&self, scene: &Scene) -> Vec<Check> {
        let (role, scope) = match place(scene.ask) {
            Ok(place) => place,
            Err(missing) => return vec![Check::condition(ELIGIBILITY, missing, Outcome::Denied).binding()],
        };
        let (eligible, at) = self.eligible(scene, role, scope);
        let mut checks = vec![eligible];
        let exact = self.settings(role, scope.folded());
        let reduced = at.filter(|held| scene.ask.plane == Plane::Azure && *held != *scope);
        let Some(held) = reduced else {
            checks.extend(rules(scene, exact));
            return checks;
        };
        // Held higher up, activated further down: the pages do not say which of the two settings bind.
        let (mut here, there) = (rules(scene, exact), rules(scene, self.settings(role, held.folded())));
        for other in there {
            let same = here.iter().position(|check| check.rule == other.rule);
            let mine = match same {
                Some(n) => here.swap_remove(n),
                None => Check::new(other.rule.clone(), Outcome::Provisioned),
            };
            checks.push(mine.either(other, REDUCED_SCOPE));
        }
        let passes = |check: &Check| Check::new(check.rule.clone(), Outcome::Provisioned);
        checks.extend(here.into_iter().map(|check| check.clone().either(passes(&check), REDUCED_SCOPE)));
        checks
    }

    /// A live eligibility of the principal or a group of theirs, covering the scope; and where the one that counts is
    /// held: at the very scope if there is such a one, else the nearest above.
    fn eligible(&self, scene: &Scene, role: &str, scope: &ResourceId) -> (Check, Option<ResourceId>) {
        let (asked, ask) = (scene.asked, scene.ask);
        let principal = match &ask.principal {
            Ok(principal) => principal,
            Err(missing) => return (Check::condition(ELIGIBILITY, missing.clone(), Outcome::Denied).binding(), None),
        };
        let recorded = match (&asked.transitive_group_ids, &asked.session.sign_in) {
            (Fact::Unknown, Some(sign_in)) => &sign_in.identity.transitive_group_ids,
            (recorded, _) => recorded,
        };
        let groups = self.active_groups(principal, Groups::new(recorded), asked.at);
        let fits = |instance: &Instance| {
            instance
                .has_role(role)
                .and(self.covers(instance, scope))
                .and(instance.of_principal(principal, &groups))
                .and(instance.live(asked.at))
        };
        let named = |instance: &&Instance| ask.linked.is_some() && instance.schedule == ask.linked;
        let one_is_named = self.eligibilities.of_role(role).any(|instance| named(&instance));
        let (mut truth, mut best): (Truth, Option<&Instance>) = (self.eligibilities.others(), None);
        for instance in self.eligibilities.of_role(role).filter(|i| !one_is_named || named(i)) {
            let fit = fits(instance);
            let depth = |i: &Instance| i.scope.known().map_or(0, |scope| scope.folded().len());
            if fit.is_true() && best.is_none_or(|best| depth(instance) > depth(best)) {
                best = Some(instance);
            }
            truth = truth.or(fit);
        }
        let clause = Clause {
            document: best.map(|instance| instance.document.clone()).unwrap_or_default(),
            pointer: String::new(),
            says: match &truth {
                Truth::True => format!("`{principal}` is eligible for role `{role}`"),
                Truth::False => format!("no live eligibility of `{principal}` for role `{role}` covers `{scope}`"),
                Truth::Unknown(_) => format!("whether `{principal}` is eligible for role `{role}` is not recorded"),
            },
            source: match ask.plane {
                Plane::Azure => "Activate Azure resource roles in Privileged Identity Management",
                Plane::Directory => "Activate Microsoft Entra roles in PIM",
                Plane::Group => "Privileged Identity Management (PIM) for Groups",
            }
            .to_owned(),
        };
        let check = Check::condition(ELIGIBILITY, truth, Outcome::Denied).binding().because(clause);
        (check, best.and_then(|instance| instance.scope.known().cloned()))
    }
}

fn verb(plane: Plane) -> &'static str {
    match plane {
        Plane::Azure => "requestType",
        Plane::Directory | Plane::Group => "action",
    }
}

fn place<'a>(ask: &'a Ask) -> Result<(&'a str, &'a ResourceId), Truth> {
    match (&ask.role, &ask.scope) {
        (Ok(role), Ok(scope)) => Ok((role, scope)),
        (Err(role), Err(scope)) => Err(role.clone().and(scope.clone())),
        (Err(missing), Ok(_)) | (Ok(_), Err(missing)) => Err(missing.clone()),
    }
}

/// Whether the session carries an MFA claim.
fn mfa(asked: &ActivationRequest) -> Truth {
    let of_sign_in =
        asked.session.sign_in.as_ref().and_then(|sign_in| sign_in.claims.known()).map(|claims| &claims.mfa);
    match (&asked.session.mfa_claim, of_sign_in) {
        (Fact::Known(claim), _) => (*claim).into(),
        (Fact::Absent, _) => Truth::False,
        (Fact::Unknown, Some(Fact::Known(claim))) => (*claim).into(),
        (Fact::Unknown, Some(Fact::Absent)) => Truth::False,
        (Fact::Unknown, Some(Fact::Unknown) | None) => Truth::missing("query.session.mfaClaim"),
    }
}

fn because(settings: &Settings, rule: &Rule, says: impl Into<String>) -> Clause {
    Clause {
        document: settings.document.clone(),
        pointer: rule.pointer.clone(),
        says: says.into(),
        source: page(settings.plane).to_owned(),
    }
}

fn page(plane: Plane) -> &'static str {
    match plane {
        Plane::Azure => "Configure Azure resource role settings in Privileged Identity Management",
        Plane::Directory => "Configure Microsoft Entra role settings in Privileged Identity Management",
        Plane::Group => "Configure PIM for Groups settings",
    }
}

/// Every rule of the settings that binds; a kind of rule that the settings lack is unknown.
fn rules(scene: &Scene, settings: Option<&Settings>) -> Vec<Check> {
    let kinds: &[Kind] = match scene.binding {
        Binding::Activation => &[Kind::Expiration, Kind::Enablement, Kind::AuthenticationContext, Kind::Approval],
        Binding::AdminAssignment | Binding::AdminEligibility => &[Kind::Expiration, Kind::Enablement],
    };
    let mut checks = Vec::new();
    for kind in kinds {
        let mut bound = false;
        for (settings, rule) in settings.into_iter().flat_map(|s| s.of(*kind, scene.binding).map(move |r| (s, r))) {
            bound = true;
            match &rule.demand {
                Demand::Expiration { required, maximum } => {
                    checks.push(expiration(scene, settings, rule, required, maximum))
                }
                Demand::Enablement { enabled: Ok(enabled), unknown } => {
                    checks.extend(enabled.iter().map(|word| enablement(scene, settings, rule, *word)));
                    if !unknown.is_empty() {
                        let truth = Truth::Unknown(unknown.clone());
                        checks.push(Check::condition(&rule.id, truth, Outcome::Denied).binding());
                    }
                }
                Demand::Enablement { enabled: Err(fact), .. } => checks.push(enablement_unknown(scene, &rule.id, fact)),
                Demand::Approval { required, approvers } => {
                    checks.push(approval(scene, Some((settings, rule)), &rule.id, required, approvers))
                }
                Demand::Context { enabled, claim } => match (enabled, claim) {
                    (Ok(false), _) => {}
                    (Ok(true), Ok(claim)) => checks.push(context(scene, settings, rule, claim)),
                    (Err(fact), _) | (Ok(true), Err(fact)) => checks.push(unknown(&rule.id, fact).binding()),
                },
                Demand::Notification => {}
            }
        }
        if !bound {
            let id = scene.binding.rule_id(*kind);
            match kind {
                Kind::Expiration => checks.push(unknown(&id, FACT)),
                Kind::Enablement => checks.push(enablement_unknown(scene, &id, FACT)),
                Kind::AuthenticationContext => checks.push(unknown(&id, FACT).binding()),
                Kind::Approval => checks.push(approval(scene, None, &id, &Err(FACT.into()), &Approvers::default())),
                Kind::Notification => {}
            }
        }
    }
    checks
}

fn unknown(rule: &str, fact: &str) -> Check {
    Check::condition(rule, Truth::missing(fact), Outcome::Denied)
}

/// A shorter duration is the attacker's to choose: this check cuts nothing.
fn expiration(
    scene: &Scene,
    settings: &Settings,
    rule: &Rule,
    required: &Setting<bool>,
    maximum: &Setting<Option<Arc<str>>>,
) -> Check {
    let fact = |fact: &Arc<str>| Truth::missing(fact.clone());
    let required = required.as_ref().map_or_else(fact, |set| (*set).into());
    let within = match maximum {
        Ok(Some(maximum)) => scene.ask.within(maximum, scene.asked.at),
        Ok(None) => Truth::missing(FACT),
        Err(missing) => fact(missing),
    };
    let shown = maximum.as_ref().ok().and_then(Option::as_deref).unwrap_or("not recorded");
    Check::condition(&rule.id, required.not().or(within), Outcome::Denied).because(because(
        settings,
        rule,
        format!("the longest duration is {shown}"),
    ))
}

/// Justification and ticket are free text, which an attacker supplies; only the MFA rule binds them.
fn enablement(scene: &Scene, settings: &Settings, rule: &Rule, enabled: Enabled) -> Check {
    let because = |says: &str| because(settings, rule, says);
    match enabled {
        Enabled::MultiFactorAuthentication => {
            Check::condition(format!("{}:MultiFactorAuthentication", rule.id), scene.mfa.clone(), Outcome::Challenged)
                .word(Word::SecondFactor, scene.attacker)
                .because(because("the session must carry an MFA claim"))
        }
        Enabled::Justification => {
            Check::condition(format!("{}:Justification", rule.id), scene.ask.justified(), Outcome::Denied)
                .because(because("a justification must be given"))
        }
        Enabled::Ticketing => Check::condition(format!("{}:Ticketing", rule.id), scene.ask.ticketed(), Outcome::Denied)
            .because(because("a ticket must be given; it is never verified")),
    }
}

/// Which of the three are enabled is not recorded: a request that meets all of them passes anyway.
fn enablement_unknown(scene: &Scene, id: &str, fact: &str) -> Check {
    let met = scene.mfa.clone().and(scene.ask.justified()).and(scene.ask.ticketed());
    if met.is_true() {
        return Check::new(id, Outcome::Provisioned);
    }
    let mut check = unknown(id, fact);
    if !scene.mfa.is_true() {
        check = check.word(Word::SecondFactor, scene.attacker);
    }
    check
}

fn approval(
    scene: &Scene,
    of: Option<(&Settings, &Rule)>,
    id: &str,
    required: &Setting<bool>,
    approvers: &Approvers,
) -> Check {
    let answered = match required {
        Ok(false) => Reply::Approved,
        Ok(true) | Err(_) => reply(&scene.asked.approval, scene.ask.principal.as_ref().ok(), approvers, scene.asked.at),
    };
    let word = |check: Check| check.word(Word::Approver, scene.attacker);
    let mut check = match (answered, required) {
        (Reply::Approved, _) => Check::new(id, Outcome::Provisioned),
        (Reply::Unknown(missing), _) => word(Check::condition(id, missing, Outcome::Denied)),
        // Whom an answer refused, no approver of theirs lets in.
        (Reply::Denied | Reply::Expired, Err(fact)) => unknown(id, fact).binding(),
        (Reply::Denied | Reply::Expired, Ok(_)) => Check::new(id, Outcome::Denied).binding(),
        (Reply::None, Err(fact)) => word(unknown(id, fact)),
        (Reply::None, Ok(_)) => word(Check::new(id, Outcome::PendingApproval)),
    };
    let says = match approvers.named() {
        true => "another person must approve within 24 hours".to_owned(),
        false => "another person must approve within 24 hours; the rule names no approver".to_owned(),
    };
    let clause = of.map(|(settings, rule)| because(settings, rule, says));
    check.clauses.extend(clause);
    check
}

/// Evaluated while the user does not yet have the role. Where no policy targets the context, MFA is asked as a backup;
/// where one does but is off, report-only or leaves the user out, nothing is asked.
fn context(scene: &Scene, settings: &Settings, rule: &Rule, claim: &str) -> Check {
    let because = |says: String| because(settings, rule, says);
    match scene.step_up.targeted(claim) {
        Truth::False => {
            return Check::condition(format!("{}:backupMfa", rule.id), scene.mfa.clone(), Outcome::Challenged)
                .word(Word::SecondFactor, scene.attacker)
                .because(because(format!("no policy targets context `{claim}`, so MFA is asked as a backup")));
        }
        Truth::Unknown(missing) => {
            return Check::condition(&rule.id, Truth::Unknown(missing), Outcome::Denied)
                .binding()
                .because(because(format!("activation must satisfy authentication context `{claim}`")));
        }
        Truth::True => {}
    }
    let sign_in = sign_in(scene.asked, scene.ask, &scene.mfa, claim);
    let mut check = match scene.step_up.enforce(claim, &sign_in) {
        Enforcement::Granted => Check::new(&rule.id, Outcome::Provisioned),
        Enforcement::Interrupted => Check::new(&rule.id, Outcome::Challenged),
        Enforcement::Denied => Check::new(&rule.id, Outcome::Denied),
        Enforcement::Unknown(missing) => Check { missing: of_query(missing), ..Check::new(&rule.id, Outcome::Unknown) },
    };
    if let Some((attacker, stance)) = scene.against {
        let answer = scene.step_up.answer(claim, &sign_in, attacker, stance);
        check.level = answer.level;
        check.words = answer.words;
        check.open = of_query(answer.missing);
        check.clauses = answer.clauses;
    } else if check.outcome == Outcome::Denied {
        check.level = Level::Cut;
    }
    check.clauses.insert(0, because(format!("activation must satisfy authentication context `{claim}`")));
    check
}

/// Conditional access names facts of a sign-in; here that sign-in is the session's.
fn of_query(missing: Missing) -> Missing {
    missing
        .into_iter()
        .map(|fact| if fact.starts_with("signIn") { format!("query.session.{fact}").into() } else { fact })
        .collect()
}
