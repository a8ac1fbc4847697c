//! The gate a second time: small, slow, obviously right. It reads worlds, not documents, walks scopes by a table of
//! parents, tries patterns letter by letter, and shares no code with the gate.

use super::world::*;

type Maybe = Option<bool>;

fn and(parts: &[Maybe]) -> Maybe {
    if parts.contains(&Some(false)) {
        Some(false)
    } else if parts.contains(&None) {
        None
    } else {
        Some(true)
    }
}

fn or(parts: &[Maybe]) -> Maybe {
    if parts.contains(&Some(true)) {
        Some(true)
    } else if parts.contains(&None) {
        None
    } else {
        Some(false)
    }
}

fn not(part: Maybe) -> Maybe {
    part.map(|part| !part)
}

fn letters(pattern: &[u8], text: &[u8]) -> bool {
    match pattern {
        [] => text.is_empty(),
        [b'*', rest @ ..] => letters(rest, text) || (!text.is_empty() && letters(pattern, &text[1..])),
        [letter, rest @ ..] => text.first() == Some(letter) && letters(rest, &text[1..]),
    }
}

fn matches(pattern: &str, operation: &str) -> Maybe {
    let (pattern, operation) = (pattern.to_lowercase(), operation.to_lowercase());
    if letters(pattern.as_bytes(), operation.as_bytes()) {
        return Some(true);
    }
    let places: Vec<usize> = (0..pattern.len()).filter(|at| pattern[*at..].starts_with("/*/")).collect();
    // Every way to let some of the `/*/` be `/`.
    for choice in 1u32..(1 << places.len()) {
        let mut variant = String::new();
        let mut at = 0;
        while at < pattern.len() {
            let chosen = places.iter().position(|place| *place == at).is_some_and(|n| choice & (1 << n) != 0);
            if chosen {
                // The slash stays; the star and what follows it up to the next slash go.
                at += 2;
                continue;
            }
            variant.push_str(&pattern[at..=at]);
            at += 1;
        }
        if letters(variant.as_bytes(), operation.as_bytes()) {
            return None;
        }
    }
    Some(false)
}

fn any_matches(patterns: &[usize], operation: &str) -> Maybe {
    or(&patterns.iter().map(|p| matches(PATTERNS[*p], operation)).collect::<Vec<_>>())
}

impl World {
    /// What stands above a scope: its number, or none at the top; `Err` where nobody recorded it.
    fn parent(&self, scope: usize) -> Result<Option<usize>, ()> {
        let known = |known: bool, parent: usize| if known { Ok(Some(parent)) } else { Err(()) };
        match scope {
            0 => Ok(None),
            1 => known(self.chains[0] || self.chains[1], 0),
            2 => known(self.chains[0], 1),
            3 => known(self.chains[1], 1),
            4 => known(self.chains[0], 2),
            5 => known(self.chains[1], 3),
            6 | 7 => Ok(Some(4)),
            8 => Ok(Some(6)),
            9 => Ok(Some(8)),
            _ => Ok(Some(5)),
        }
    }

    fn covers(&self, scope: usize, target: usize) -> Maybe {
        let mut at = target;
        loop {
            if scope == at || scope == 0 {
                return Some(true);
            }
            match self.parent(at) {
                Ok(Some(parent)) => at = parent,
                Ok(None) => return Some(false),
                Err(()) => return if (1..=3).contains(&scope) { None } else { Some(false) },
            }
        }
    }

    fn is_caller(&self, principal: usize, untyped: bool) -> Maybe {
        match (principal, &self.groups) {
            (0, _) => Some(true),
            (_, Some(groups)) => Some(groups.contains(&principal)),
            (2 | 3, None) => None,
            (_, None) => {
                if untyped {
                    None
                } else {
                    Some(false)
                }
            }
        }
    }

    fn term(&self, term: &Term) -> Maybe {
        let values = |at: usize| {
            self.attributes[at].as_ref().map(|v| v.as_ref().map(|v| v.iter().map(|v| VALUES[*v]).collect::<Vec<_>>()))
        };
        let set = |v: &[usize]| v.iter().map(|v| VALUES[*v]).collect::<Vec<_>>();
        // Absent: false; not recorded: unknown; one value: what the operator says; several: unknown.
        let plain = |at: usize, holds: &dyn Fn(&str) -> bool| match values(at) {
            None => None,
            Some(None) => Some(false),
            Some(Some(v)) if v.len() == 1 => Some(holds(v[0])),
            Some(Some(_)) => None,
        };
        let crossed = |at: usize, holds: &dyn Fn(Vec<&'static str>) -> bool| match values(at) {
            None => None,
            Some(None) => Some(false),
            Some(Some(v)) => Some(holds(v)),
        };
        match term {
            Term::Action(pattern) => matches(PATTERNS[*pattern], OPERATIONS[self.operation].0),
            Term::SubOperation => Some(self.suboperation),
            Term::Exists(at) => values(*at).map(|v| v.is_some()),
            Term::Equals(at, value) => plain(*at, &|v| v == VALUES[*value]),
            Term::NotEqualsIgnoreCase(at, value) => plain(*at, &|v| !v.eq_ignore_ascii_case(VALUES[*value])),
            Term::AnyOfAny(at, v) => crossed(*at, &|left| left.iter().any(|l| set(v).contains(l))),
            Term::AllOfAny(at, v) => crossed(*at, &|left| left.iter().all(|l| set(v).contains(l))),
            Term::AllOfAllNot(at, v) => crossed(*at, &|left| left.iter().all(|l| !set(v).contains(l))),
            Term::All(terms) => and(&terms.iter().map(|t| self.term(t)).collect::<Vec<_>>()),
            Term::Any(terms) => or(&terms.iter().map(|t| self.term(t)).collect::<Vec<_>>()),
            Term::Not(term) => not(self.term(term)),
        }
    }

    fn condition(&self, condition: &Condition) -> Maybe {
        match condition {
            Condition::None => Some(true),
            Condition::Term(term) => self.term(term),
            Condition::OtherVersion | Condition::Broken => None,
        }
    }

    /// The patterns alone, and with the conditions of the elements.
    fn elements(&self, elements: &[Element]) -> (Maybe, Maybe) {
        let (operation, data) = OPERATIONS[self.operation];
        let by_patterns = |e: &Element| {
            let (yes, no) = if data { (&e.data_yes, &e.data_no) } else { (&e.yes, &e.no) };
            and(&[any_matches(yes, operation), not(any_matches(no, operation))])
        };
        let patterns: Vec<Maybe> = elements.iter().map(by_patterns).collect();
        let whole: Vec<Maybe> = elements.iter().map(|e| and(&[by_patterns(e), self.condition(&e.condition)])).collect();
        (or(&patterns), or(&whole))
    }

    /// The decision, by whom, and why.
    pub fn decide(&self) -> (&'static str, Vec<String>, &'static str) {
        let mut unknown: Option<&'static str> = None;

        let mut denying = Vec::new();
        if self.denies.is_none() {
            unknown.get_or_insert("denyAssignmentsUnknown");
        }
        for (at, deny) in self.denies.iter().flatten().enumerate().filter(|(_, deny)| !deny.audit) {
            let scope =
                if deny.only_this_scope { Some(deny.scope == self.scope) } else { self.covers(deny.scope, self.scope) };
            let among = |list: &[usize]| {
                or(&list
                    .iter()
                    .map(|p| if *p == 4 { Some(true) } else { self.is_caller(*p, false) })
                    .collect::<Vec<_>>())
            };
            let principal = and(&[among(&deny.principals), not(among(&deny.excluded))]);
            let (patterns, allowed) = self.elements(&deny.elements);
            let condition = self.condition(&deny.condition);
            match and(&[scope, principal, allowed, condition]) {
                Some(true) => denying.push(format!("d{at}")),
                Some(false) => {}
                None => {
                    unknown.get_or_insert(first(scope, principal, true, patterns));
                }
            }
        }
        if !denying.is_empty() {
            return ("denied", denying, "denyAssignment");
        }

        let (granting, reason, condition_false) = match self.grants(&mut unknown) {
            Ok(granting) => granting,
            Err(reason) => return ("denied", Vec::new(), reason),
        };
        let _ = condition_false;

        let mut blocking = Vec::new();
        let mut doubt = false;
        let (operation, data) = OPERATIONS[self.operation];
        let verb = operation.rsplit('/').next().unwrap_or_default();
        let free = data
            || verb == "read"
            || self.scope < 4
            || operation.ends_with("locks/delete")
            || operation.ends_with("cancel/action");
        if !free && self.locks.is_none() {
            doubt = true;
        }
        for (at, (scope, level)) in self.locks.iter().flatten().enumerate().filter(|_| !free) {
            let above = self.covers(*scope, self.scope) == Some(true);
            let inside = operation.ends_with("resourceGroups/delete") && self.covers(self.scope, *scope) == Some(true);
            if !above && !inside {
                continue;
            }
            let open = operation.ends_with("locks/write") || operation.ends_with("generateUserDelegationKey/action");
            match (level, verb, open) {
                (2, _, _) | (1, _, true) => doubt = true,
                (0, "delete", _) | (1, _, false) => blocking.push(format!("l{at}")),
                _ => {}
            }
        }
        if !blocking.is_empty() {
            return ("denied", blocking, "lock");
        }
        if doubt {
            unknown.get_or_insert("locksUnknown");
        }
        match unknown {
            Some(reason) => ("unknown", Vec::new(), reason),
            None => ("allowed", granting, reason),
        }
    }

    /// Who grants and how it is called; the reason of a certain no. The first doubt goes to `unknown`.
    #[allow(clippy::type_complexity)]
    fn grants(&self, unknown: &mut Option<&'static str>) -> Result<(Vec<String>, &'static str, bool), &'static str> {
        let operation = OPERATIONS[self.operation].0;
        if operation.ends_with("elevateAccess/action") {
            return match self.global_administrator {
                Some(true) => Ok((vec![format!("entraRole:{GLOBAL_ADMINISTRATOR}")], "entraRole", false)),
                Some(false) => Err("noMatchingAssignment"),
                None => {
                    unknown.get_or_insert("entraRolesUnknown");
                    Ok((Vec::new(), "entraRole", false))
                }
            };
        }
        let mut granting = Vec::new();
        let mut doubt = None;
        let mut condition_false = false;
        if self.assignments.is_none() {
            doubt = Some("roleAssignmentsUnknown");
        }
        let owner = |e: &Assigned| e.role == OWNER_ROLE && e.principal == 0;
        for (at, assigned) in self.assignments.iter().flatten().enumerate() {
            let scope = self.covers(assigned.scope, self.scope);
            let principal = self.is_caller(assigned.principal, assigned.untyped);
            let data = OPERATIONS[self.operation].1;
            let (patterns, allowed) = match assigned.role {
                OWNER_ROLE => (Some(!data), Some(!data)),
                MISSING_ROLE => (None, None),
                role => self.elements(&self.roles[role]),
            };
            let condition = self.condition(&assigned.condition);
            match and(&[scope, principal, allowed, condition]) {
                Some(true) => granting.push(format!("a{at}")),
                Some(false) => condition_false |= and(&[scope, principal, patterns]) != Some(false),
                None => {
                    doubt.get_or_insert(first(scope, principal, assigned.role != MISSING_ROLE, patterns));
                }
            }
        }
        for (at, (subscription, same, is_owner)) in self.classics.iter().flatten().enumerate() {
            let covered = self.covers(4 + subscription, self.scope) == Some(true);
            if !covered || !is_owner || OPERATIONS[self.operation].1 || (self.named && !same) {
                continue;
            }
            let given = self.assignments.iter().flatten().any(|a| owner(a) && a.scope == 4 + subscription);
            match (self.time, self.named) {
                (0, true) => granting.push(format!("c{at}")),
                (1, _) if given => {}
                (0 | 1, _) => {
                    doubt.get_or_insert("roleAssignmentsUnknown");
                }
                _ => {}
            }
        }
        if self.classics.is_none() && self.time == 0 && self.scope >= 4 && !OPERATIONS[self.operation].1 {
            doubt.get_or_insert("roleAssignmentsUnknown");
        }
        match (granting.is_empty(), doubt) {
            (false, _) => Ok((granting, "roleAssignment", condition_false)),
            (true, Some(reason)) => {
                unknown.get_or_insert(reason);
                Ok((granting, "roleAssignment", condition_false))
            }
            (true, None) if condition_false => Err("conditionFalse"),
            (true, None) => Err("noMatchingAssignment"),
        }
    }
}

fn first(scope: Maybe, principal: Maybe, defined: bool, patterns: Maybe) -> &'static str {
    if scope.is_none() {
        "scopeUnknown"
    } else if principal.is_none() {
        "groupsUnknown"
    } else if !defined {
        "roleDefinitionUnknown"
    } else if patterns.is_none() {
        "zero-segment wildcard"
    } else {
        "conditionUnknown"
    }
}
