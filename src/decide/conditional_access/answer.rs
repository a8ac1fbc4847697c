//! What a decision means to an attacker (specification, section 12): which words get past an unmet demand, what nothing
//! gets past, and the clause that says so.
//!
//! Pages: *Conditional Access: Grant*, *Protecting tokens in Microsoft Entra ID*, *Understanding Primary Refresh Token*,
//! *Token Protection in Microsoft Entra Conditional Access*, *Conditional Access: Authentication flows*.

use super::PolicySet;
use super::built_in::BuiltIn;
use super::evaluate::{Selection, collect};
use super::facts::Facts;
use super::grant::{Control, ControlKind, Operator, Standing};
use super::logic::Kleene;
use super::policy::{Policy, Target};
use super::reach::{Hands, Reach};
use super::wording;
use crate::model::request::{SignInRequest, Stance, TargetKind};
use crate::model::{Answer, Attacker, Clause, Fact, Level, Missing, Truth, Word};

/// Whether an MFA prompt may be answered by registering a method first (trap 1 of the specification).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Registration {
    /// A user of whom nobody recorded whether a method is registered makes the answer unknown.
    Asked,
    /// The single decision of `cutset decide`: its requests have no such fact, its table is about a user who has one.
    Presumed,
}

/// One demand of one policy: how far the attacker gets past it, and what it is.
struct Demand {
    reach: Reach,
    /// `mfa`, `compliantDevice`, `signInFrequency`, ...
    word: String,
    clause: Clause,
}

struct Question<'a> {
    set: &'a PolicySet,
    facts: &'a Facts<'a>,
    hands: Hands<'a>,
    registration: Registration,
}

impl PolicySet {
    /// How far the attacker gets with this request. For the engine: an MFA prompt to a user of whom nobody recorded
    /// whether a method is registered is `unknown`, naming `signIn.identity.isMfaRegistered`.
    pub fn answer(&self, request: &SignInRequest, attacker: &Attacker, stance: Stance) -> Answer {
        let facts = Facts::new(self, request);
        self.answer_over(&facts, Hands { attacker, stance }, Registration::Asked, &|_| true, true)
    }

    /// The `verdict` of a single decision: the hypothetical reading, and registration counts only where it is recorded.
    pub fn verdict(&self, request: &SignInRequest, attacker: &Attacker) -> Answer {
        let facts = Facts::new(self, request);
        let hands = Hands { attacker, stance: Stance::Hypothetical };
        self.answer_over(&facts, hands, Registration::Presumed, &|_| true, true)
    }

    pub(super) fn answer_over(
        &self,
        facts: &Facts,
        hands: Hands,
        registration: Registration,
        selection: Selection,
        built_in: bool,
    ) -> Answer {
        let question = Question { set: self, facts, hands, registration };
        let mut demands: Vec<Demand> = Vec::new();
        let mut met = Vec::new();
        for policy in self.policies.iter().filter(|policy| policy.may_be_enforced() && selection(policy)) {
            match policy.applies_to::<Kleene>(facts) {
                Kleene::False => continue,
                Kleene::True | Kleene::Unknown if self.demands(policy, facts).certain() == Some(0) => {
                    met.push(wording::met(policy));
                }
                Kleene::True | Kleene::Unknown => demands.extend(question.policy(policy)),
            }
        }
        for gate in BuiltIn::ALL.into_iter().filter(|_| built_in) {
            if gate.contribution(self, facts).certain() != Some(0) {
                demands.push(question.built_in(gate));
            }
        }
        let mut answer = self.summary(facts, &demands, met, selection);
        answer.detected = self.detected(facts, selection);
        if answer.level == Level::Cut || answer.level == Level::Challenged {
            answer.notes.extend(self.notes(facts, &answer));
        }
        answer
    }

    fn summary(&self, facts: &Facts, demands: &[Demand], met: Vec<Clause>, selection: Selection) -> Answer {
        let reach = demands.iter().fold(Reach::not_cut(), |all, demand| all.and(|| demand.reach.clone()));
        if reach.level == Level::NotCut {
            let passed = !(met.is_empty() && demands.is_empty());
            let mut answer = match (passed, facts.request().target.kind) {
                (true, _) => Answer::allowed("satisfied"),
                (false, TargetKind::None) => Answer::allowed("noTokenRequest"),
                (false, TargetKind::Application | TargetKind::UserAction) => {
                    Answer::allowed(self.why_none_applies(facts, selection).unwrap_or("notApplicable"))
                }
            };
            answer.clauses = met;
            answer.clauses.extend(demands.iter().map(|demand| demand.clause.clone()));
            if !passed {
                answer.clauses = self.out_of_scope(facts, selection);
            }
            return answer;
        }
        let decisive = demands.iter().filter(|demand| demand.reach.level == reach.level);
        let (mut reason, mut clauses) = (String::new(), Vec::new());
        for demand in decisive {
            if reason.is_empty() {
                reason = demand.word.clone();
            }
            clauses.push(demand.clause.clone());
        }
        let mut answer = Answer::of(reach.level, reason);
        match reach.level {
            Level::Challenged => answer.words = reach.words,
            Level::Unknown => answer.missing = reach.missing,
            Level::Cut | Level::NotCut => {}
        }
        answer.clauses = clauses;
        answer
    }

    /// The one reason for which the only policy in question, or all of them, do not apply.
    fn why_none_applies(&self, facts: &Facts, selection: Selection) -> Option<&'static str> {
        let enforced = || self.policies.iter().filter(|policy| policy.may_be_enforced() && selection(policy));
        let first = enforced().next()?.reasons(facts).first().copied()?;
        enforced().all(|policy| policy.reasons(facts).contains(&first)).then_some(first)
    }

    /// Clauses of policies that do not reach the request; only worth telling for a handful.
    fn out_of_scope(&self, facts: &Facts, selection: Selection) -> Vec<Clause> {
        let enforced: Vec<&Policy> =
            self.policies.iter().filter(|policy| policy.may_be_enforced() && selection(policy)).take(9).collect();
        if enforced.len() > 8 {
            return Vec::new();
        }
        enforced.into_iter().filter_map(|policy| wording::out_of_scope(policy, facts)).collect()
    }

    /// Report-only policies that would have been recorded as more than a success.
    fn detected(&self, facts: &Facts, selection: Selection) -> Vec<String> {
        self.policies
            .iter()
            .filter(|policy| !policy.may_be_enforced() && policy.is_evaluated() && selection(policy))
            .filter_map(|policy| {
                let result = self.recorded(policy, facts);
                let word = result.word.filter(|word| matches!(*word, "reportOnlyFailure" | "reportOnlyInterrupted"))?;
                Some(format!("report-only policy `{}` ({}): {word}", policy.name, policy.id))
            })
            .collect()
    }

    fn notes(&self, facts: &Facts, answer: &Answer) -> Vec<String> {
        let decisive = |policy: &&Policy| answer.clauses.iter().any(|clause| *clause.document == *policy.id);
        let narrowed = |policy: &&Policy| policy.conditions.platforms.as_ref().is_some_and(|p| p.is_narrowed());
        let mut notes: Vec<String> = self
            .policies
            .iter()
            .filter(decisive)
            .filter(narrowed)
            .map(|policy| {
                format!(
                    "`{}` rests on the platform, which the user agent states and an attacker may forge",
                    policy.name
                )
            })
            .collect();
        let by_flow = facts.is_device_code_flow::<Kleene>() == Kleene::True;
        let blocked = answer.level == Level::Cut && answer.reason == "block";
        if by_flow && blocked {
            notes.push(
                "blocking the device code flow does not stop phishing for an authorisation code or consent".into(),
            );
        }
        notes
    }
}

impl Question<'_> {
    /// The demands of a policy that applies, or may; together they are what stands in the attacker's way.
    fn policy(&self, policy: &Policy) -> Vec<Demand> {
        let escape = self.out_of_its_scope(policy);
        let past = |reach: Reach| escape.clone().or(|| reach);
        let mut demands = Vec::new();
        let mut push = |reach: Reach, word: &str, clause: Clause| {
            demands.push(Demand { reach: past(reach), word: word.to_owned(), clause });
        };
        if let Some(block) = policy.grant.controls.iter().find(|control| control.kind == ControlKind::Block) {
            push(Reach::cut(), "block", wording::unmet(policy, block, self.facts));
            return demands;
        }
        let controls: Vec<(&Control, Reach)> =
            policy.grant.controls.iter().map(|control| (control, self.control(policy, control))).collect();
        let all = || controls.iter().fold(Reach::not_cut(), |all, (_, reach)| all.and(|| reach.clone()));
        let one = || controls.iter().map(|(_, reach)| reach.clone()).reduce(|a, b| a.or(|| b));
        let granted = match policy.grant.operator {
            _ if controls.is_empty() => Reach::not_cut(),
            Operator::And => all(),
            Operator::Or => one().unwrap_or_else(Reach::not_cut),
            Operator::Odd => match (all(), one().unwrap_or_else(Reach::not_cut)) {
                (all, one) if all.level == one.level => all,
                _ => Reach::unknown(Missing::from(["/grantControls/operator".into()])),
            },
        };
        if granted.level != Level::NotCut {
            let decisive = controls.iter().find(|(_, reach)| reach.level == granted.level).or(controls.first());
            if let Some((control, _)) = decisive {
                push(granted, &control.word, wording::unmet(policy, control, self.facts));
            }
        }
        let odd: Missing = policy.grant.odd.iter().chain(&policy.session.odd).cloned().collect();
        if !odd.is_empty() {
            push(Reach::unknown(odd), "unsupported", wording::unsupported(policy));
        }
        if let Some(frequency) = &policy.session.frequency {
            let words = || {
                let second = || self.hands.holds(Word::SecondFactor);
                if frequency.secondary_only { second() } else { self.hands.holds(Word::Password).and(second) }
            };
            let reach = Reach::if_true(frequency.is_met(self.facts)).or(words);
            if reach.level != Level::NotCut {
                push(reach, "signInFrequency", wording::frequency(policy));
            }
        }
        if policy.session.token_protection {
            let met = Reach::if_true(self.set.token_is_protected(self.facts));
            let reach = met.or(|| self.hands.holds(Word::DeviceKey));
            if reach.level != Level::NotCut {
                push(reach, "secureSignInSession", wording::token_protection(policy));
            }
        }
        demands
    }

    /// It does not apply, or would not from another address.
    fn out_of_its_scope(&self, policy: &Policy) -> Reach {
        let escape = || match &policy.conditions.locations {
            None => Reach::cut(),
            Some(locations) => Reach::if_true(locations.some_address_escapes(self.facts))
                .and(|| self.hands.holds(Word::AllowedEgressAddress)),
        };
        Reach::if_true(policy.applies_to::<Truth>(self.facts).not()).or(escape)
    }

    fn control(&self, policy: &Policy, control: &Control) -> Reach {
        let standing: Standing<Truth> = self.set.standing(policy, control, self.facts);
        self.past(standing, || match &control.kind {
            ControlKind::Block | ControlKind::Odd => Reach::cut(),
            ControlKind::Mfa => self.second_factor_or_enrolment().or(|| self.victim()),
            ControlKind::Custom => self.hands.holds(Word::SecondFactor),
            ControlKind::Strength(strength) => {
                let phishable = match strength.allows_phishable() {
                    true => self.hands.holds(Word::SecondFactor),
                    false => Reach::cut(),
                };
                let key = || match strength.allows_fido2() {
                    true => self.hands.holds(Word::Fido2),
                    false => Reach::cut(),
                };
                phishable.or(key).or(|| self.victim())
            }
            ControlKind::CompliantDevice
            | ControlKind::DomainJoinedDevice
            | ControlKind::ApprovedApplication
            | ControlKind::CompliantApplication => self.hands.holds(Word::ManagedDevice),
            ControlKind::PasswordChange | ControlKind::RiskRemediation => {
                self.hands.holds(Word::Password).and(|| self.hands.holds(Word::SecondFactor))
            }
            // Anybody can accept terms of use.
            ControlKind::TermsOfUse(_) => Reach::not_cut(),
        })
    }

    /// Past a demand: it is met, or its prompt comes and is answered; nothing gets past a closed gate.
    fn past(&self, standing: Standing<Truth>, words: impl FnOnce() -> Reach) -> Reach {
        let Standing { gate, inner, promptable, .. } = standing;
        Reach::if_true(gate).and(|| Reach::if_true(inner).or(|| Reach::if_true(promptable).and(words)))
    }

    /// In a device code flow the victim does it.
    fn victim(&self) -> Reach {
        Reach::if_true(self.facts.is_device_code_flow()).and(|| self.hands.holds(Word::VictimCooperation))
    }

    /// A user without a registered method is asked to register one, and the attacker can, unless that is protected.
    fn second_factor_or_enrolment(&self) -> Reach {
        let word = self.hands.holds(Word::SecondFactor);
        match (&self.facts.request().identity.is_mfa_registered, self.registration) {
            (Fact::Known(true), _) | (Fact::Unknown, Registration::Presumed) => word,
            (Fact::Known(false) | Fact::Absent, _) => word.or(|| self.enrolment()),
            (Fact::Unknown, Registration::Asked) => {
                let unregistered = Reach::unknown(Missing::from(["signIn.identity.isMfaRegistered".into()]));
                word.or(|| unregistered.and(|| self.enrolment()))
            }
        }
    }

    /// The same sign-in, registering security information: what the policies on that user action make of it.
    fn enrolment(&self) -> Reach {
        let mut request = self.facts.request().clone();
        request.target.kind = TargetKind::UserAction;
        request.target.user_action = Fact::Known(super::policy::REGISTER_SECURITY_INFO.to_owned());
        // INVARIANT: this ends the recursion; a method that is asked for while registering is one the user has not got.
        request.identity.is_mfa_registered = Fact::Known(true);
        let facts = Facts::new(self.set, &request);
        let on_actions = |policy: &Policy| matches!(policy.target, Target::UserActions(..));
        let answer = self.set.answer_over(&facts, self.hands, Registration::Presumed, &on_actions, false);
        Reach { level: answer.level, words: answer.words, missing: answer.missing }
    }

    fn built_in(&self, gate: BuiltIn) -> Demand {
        let outside = Reach::if_true(gate.applies::<Truth>(self.set, self.facts).not());
        let reach = outside.or(|| {
            self.past(gate.standing(self.facts), || match gate {
                BuiltIn::LegacyAuthentication => Reach::cut(),
                BuiltIn::DefaultMfa | BuiltIn::MandatoryMfa => self.second_factor_or_enrolment().or(|| self.victim()),
            })
        });
        let word = match gate {
            BuiltIn::LegacyAuthentication => "block",
            BuiltIn::DefaultMfa | BuiltIn::MandatoryMfa => "mfa",
        };
        Demand { reach, word: word.to_owned(), clause: wording::built_in(gate) }
    }
}

impl PolicySet {
    /// MFA, asked for in the place of an authentication context that no policy targets.
    pub(super) fn backup_mfa(&self, facts: &Facts, hands: Hands) -> Answer {
        let question = Question { set: self, facts, hands, registration: Registration::Asked };
        let words = || question.second_factor_or_enrolment().or(|| question.victim());
        let reach = question.past(super::grant::mfa(facts), words);
        let mut answer = Answer::of(reach.level, "mfa");
        (answer.words, answer.missing) = (reach.words, reach.missing);
        answer.because(wording::backup_mfa())
    }

    /// The facts on which a policy's recorded result turns.
    pub(super) fn facts_of(&self, policy: &Policy, facts: &Facts) -> Missing {
        let mut missing = Missing::new();
        collect(policy.applies_to::<Truth>(facts), &mut missing);
        self.missing_of(policy, facts, &mut missing);
        missing
    }
}
