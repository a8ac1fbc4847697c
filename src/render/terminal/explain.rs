//! Proofs in lines: every claim of the summary, down to the records it rests on.

use crate::analysis::{
    Analysis, Closes, Control, Guarantee, Mode, NodeKind, PathStep, ResidualPath, Step, Verdict, si,
};
use crate::model::{Evidence, Level};
use crate::render::text::{hops, name_of, plain, wrap_all};
use std::collections::{BTreeMap, BTreeSet};

/// What can be asked besides a step, a control, a path, and a step under a control.
pub const SUBJECTS: &[(&str, &str)] = &[
    ("headline", "who, from where, what was taken"),
    ("assumptions", "what is assumed, and which steps rest on it"),
    ("calibration", "what was decided again and compared with history"),
    ("coverage", "what was read, what was not collected"),
    ("sets", "the sets that close every path, with the path that opens without each member"),
    ("owned", "controls that were there and did not stop it"),
    ("unexplained", "holes in the evidence"),
    ("gaps", "facts that would settle cells"),
    ("containment", "what to take away first"),
    ("detections", "rules, and when they would have fired"),
];

/// Examples listed of what is counted.
const EXAMPLES: usize = 5;

struct Page<'a> {
    analysis: &'a Analysis,
    width: usize,
    out: Vec<String>,
    /// Object id → name, of principals.
    called: BTreeMap<String, String>,
}

fn is_guid(text: &str) -> bool {
    text.len() == 36 && text.matches('-').count() == 4 && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

/// Ids inside a literal of a document, by their first letters.
fn short_ids(part: &str) -> String {
    let letters: Vec<char> = part.chars().collect();
    let (mut text, mut at) = (String::new(), 0);
    while let Some(letter) = letters.get(at) {
        let id: Option<String> = letters.get(at..at + 36).map(|id| id.iter().collect());
        match id.filter(|id| is_guid(id)) {
            Some(id) => {
                text.extend(id.chars().take(8).chain(['…']));
                at += 36;
            }
            None => {
                text.push(*letter);
                at += 1;
            }
        }
    }
    text
}

/// The proof of what was asked; none where the analysis knows nothing of that name.
pub fn explain(analysis: &Analysis, subject: &str, control: Option<&str>, width: usize) -> Option<String> {
    let identities = analysis.graph.nodes.iter().filter(|node| node.kind == NodeKind::Identity);
    let called = identities.filter_map(|node| Some((node.id.split_once(':')?.1.to_lowercase(), plain(&node.label))));
    let mut page = Page { analysis, width, out: Vec::new(), called: called.collect() };
    let called = |name: &str| {
        analysis.controls.iter().find(|control| control.id == name || control.short.as_deref() == Some(name))
    };
    match (analysis.step(subject), control) {
        (Some(step), Some(name)) => {
            let control = called(name)?;
            page.cell(step, control, step.verdict(&control.id)?);
        }
        (Some(step), None) => page.step(step),
        (None, Some(_)) => return None,
        (None, None) => match subject {
            "headline" => page.headline(),
            "assumptions" => page.assumptions(),
            "calibration" => page.calibration(),
            "coverage" => page.coverage(),
            "sets" => page.sets(),
            "owned" => page.owned(),
            "unexplained" => page.unexplained(),
            "gaps" => page.gaps(),
            "containment" => page.containment(),
            "detections" => page.detections(),
            other => match (called(other), analysis.residual_paths.iter().find(|path| path.id == other)) {
                (Some(control), _) => page.control(control),
                (None, Some(path)) => page.path(path),
                (None, None) => return None,
            },
        },
    }
    let mut text = String::new();
    for line in page.out {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    Some(text)
}

/// A reason of a gate in words: `sharedKeyDisabled` is `shared key disabled`.
pub(super) fn reason(code: &str) -> String {
    let code = plain(code);
    let said = match code.as_str() {
        "ok" | "roleAssignment" => "nothing refuses it",
        "notApplicable" => "no policy reaches it",
        "application" => "the policy does not reach this application",
        "block" => "blocked outright",
        "mfa" => "multifactor authentication is asked for",
        "compliantDevice" => "a compliant device is demanded",
        "denied" => "a policy denies the write",
        "network" => "the network rules refuse the address",
        "noMatchingAssignment" => "no role assignment allows it",
        "failedInFact" => "it failed in fact",
        "unknown" => "it turns on facts nobody recorded",
        "Approval_EndUser_Assignment" => "the activation waits for an approver",
        "AuthenticationContext_EndUser_Assignment" => "the activation asks for an authentication context",
        "MfaRule" | "Enablement_EndUser_Assignment" => "the activation asks for more",
        other if other.starts_with("authenticationStrength:") => "an authentication strength is demanded",
        _ => "",
    };
    if !said.is_empty() {
        return said.to_owned();
    }
    if code.contains(' ') {
        return code;
    }
    let mut words = String::new();
    for letter in code.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(if letter == '_' { ' '.to_lowercase() } else { letter.to_lowercase() });
    }
    words
}

/// A word of the attacker's as one says it.
fn word(word: &str) -> String {
    reason(word)
}

fn place(evidence: &Evidence) -> String {
    match evidence.pointer.is_empty() {
        true => format!("{}, record {}", plain(&evidence.file), evidence.record),
        false => format!("{}, record {}, {}", plain(&evidence.file), evidence.record, plain(&evidence.pointer)),
    }
}

impl Page<'_> {
    fn say(&mut self, label: &str, text: &str) {
        let text = self.named(&plain(text));
        self.out.extend(wrap_all(label, 11, &text, self.width));
    }

    /// The text with ids of documents and principals replaced by what they are called, or left out beside a name.
    fn named(&self, text: &str) -> String {
        let word = |part: &str| part.trim_matches(|c: char| !c.is_ascii_alphanumeric()).to_owned();
        let mut said: Vec<String> = Vec::new();
        for part in text.split(' ') {
            if let Some(at) = part.find("/subscriptions/").or_else(|| part.find("/providers/")) {
                let path: String = part[at..].chars().take_while(|c| !"`'\",;()".contains(*c)).collect();
                said.push(part.replace(&path, &name_of(&path)));
                continue;
            }
            let id = word(part);
            if !is_guid(&id) {
                said.push(short_ids(part));
                continue;
            }
            let bare = part.replace(&id, "");
            match self.called.get(&id.to_lowercase()) {
                // `policy X (id): result`
                _ if bare.starts_with("()") => {
                    if let Some(last) = said.last_mut() {
                        last.push_str(bare.trim_start_matches("()"));
                    }
                }
                Some(name) => said.push(part.replace(&id, name)),
                None => said.push(part.replace(&id, &format!("{}…", id.get(..8).unwrap_or_default()))),
            }
        }
        said.join(" ")
    }

    /// To be copied as it stands, however long.
    fn command(&mut self, text: &str) {
        self.out.push(format!("  $ {}", plain(text)));
    }

    fn line(&mut self, text: &str) {
        self.out.extend(wrap_all("", 0, text, self.width));
    }

    fn gap(&mut self) {
        if self.out.last().is_some_and(|line| !line.is_empty()) {
            self.out.push(String::new());
        }
    }

    fn facts(&mut self, evidence: &[Evidence]) {
        for one in evidence {
            self.out.extend(wrap_all("  fact", 11, &place(one), self.width));
        }
    }

    fn head(&mut self, step: &Step) {
        let time = step.time.strftime("%-d %b %Y %H:%M:%S UTC");
        let target = name_of(&step.target);
        let what =
            if step.short.contains(&target) { plain(&step.short) } else { format!("{} {target}", plain(&step.short)) };
        self.line(&format!("{}  {time}  {what}", step.id));
        self.say("action", &format!("{} by {} on {target}", step.action, step.actor));
    }

    fn headline(&mut self) {
        let headline = self.analysis.headline.clone();
        self.say("who", &headline.actors.join(", "));
        self.say("from", &headline.addresses.join(", "));
        self.say("taken", &format!("{} from {}", si(headline.bytes), headline.stores.join(", ")));
        let steps = self.analysis.steps.iter().filter(|step| step.bytes > 0 || step.short.starts_with("sign-in"));
        for step in steps {
            self.gap();
            self.head(step);
            if step.bytes > 0 {
                self.say("taken", &format!("{} in {} events", si(step.bytes), step.count));
            }
            self.facts(&step.evidence);
        }
    }

    fn assumptions(&mut self) {
        for (n, assumption) in self.analysis.assumptions.iter().enumerate() {
            self.gap();
            self.line(&format!("{}  {}", n + 1, plain(&assumption.text)));
            self.say("from", &assumption.from);
            if !assumption.used_by.is_empty() {
                self.say("used by", &assumption.used_by.join(", "));
            }
            if assumption.from == "incident.json" {
                self.say("  fact", "incident.json, record 1");
            }
            let steps: Vec<Evidence> = assumption
                .used_by
                .iter()
                .filter_map(|id| self.analysis.step(id))
                .filter_map(|step| step.evidence.first().cloned())
                .collect();
            self.facts(&steps);
        }
    }

    fn calibration(&mut self) {
        for gate in &self.analysis.calibration {
            self.gap();
            self.line(&format!("{}: {} {} decided again", plain(&gate.gate), gate.compared, plain(&gate.what)));
            self.say("agree", &gate.agree.to_string());
            self.say("unknown", &gate.unknown.to_string());
            for difference in &gate.differ {
                self.say(
                    "differs",
                    &format!("recorded {}, decided {}: {}", difference.recorded, difference.decided, difference.why),
                );
                self.facts(&difference.evidence);
            }
        }
        self.gap();
        self.line("Compared with the records of");
        for source in self.analysis.sources.iter().filter(|s| s.used > 0 && s.file.starts_with("timeline/")) {
            self.say("  fact", &format!("{}, record 1 to {} ({})", source.file, source.records, source.format));
        }
    }

    fn coverage(&mut self) {
        for source in self.analysis.sources.iter().filter(|source| source.records > 0) {
            self.say("  fact", &format!("{}, record 1 to {} ({})", source.file, source.records, source.format));
        }
        for row in self.analysis.coverage.iter().filter(|row| row.state != crate::analysis::Presence::Present) {
            let state = match row.state {
                crate::analysis::Presence::Absent => "not collected",
                crate::analysis::Presence::Partial | crate::analysis::Presence::Present => "in part",
            };
            self.say(state, &row.what);
            if let Some(gather) = &row.gather {
                self.command(gather);
            }
        }
        self.say("claim", &self.analysis.claim.text.clone());
    }

    fn step(&mut self, step: &Step) {
        self.head(step);
        self.say("why in", &step.why_in);
        self.facts(&step.evidence);
        for need in &step.needs {
            self.say("needs", &need.capability);
            for support in &need.supports {
                let from = match support.from.as_str() {
                    "environment" => "the environment".to_owned(),
                    "held" => "what the attacker held".to_owned(),
                    "unexplained" => "nothing on record".to_owned(),
                    other => other.to_owned(),
                };
                self.say("  from", &format!("{from}: {}", support.by));
                self.facts(&support.evidence);
            }
        }
        for made in &step.yields {
            self.say("gives", &made.capability);
        }
        for alert in &step.alerts {
            self.say("alert", &format!("{} ({}, {})", alert.title, alert.product, alert.severity));
            self.facts(&alert.evidence);
        }
        for set in &step.cut_by {
            self.say("cut by", &set.join(" and "));
        }
    }

    fn cell(&mut self, step: &Step, control: &Control, verdict: &Verdict) {
        self.head(step);
        self.say("under", &format!("{} ({})", control.title, control.id));
        let how = match (verdict.verdict, verdict.mode, &verdict.via) {
            (Level::NotCut, _, _) => String::new(),
            (_, Mode::Direct, _) => ", by its own gate".to_owned(),
            (_, Mode::Upstream, Some(via)) => format!(", because {via} is"),
            (_, Mode::Upstream, None) => ", because something it needs is".to_owned(),
        };
        self.say("verdict", &format!("{}{how}", verdict.verdict.word()));
        self.say("reason", &reason(&verdict.reason));
        if let Some(at) = verdict.at {
            let lost = &verdict.lost_before;
            let at = at.strftime("%-d %b %Y %H:%M:%S UTC");
            self.say("when", &format!("{at}; by then {} taken, {} steps done", si(lost.bytes), lost.steps));
        }
        if verdict.events.cut > 0 && verdict.events.cut < step.count {
            self.say("events", &format!("{} of {} cut", verdict.events.cut, step.count));
        }
        for held in &verdict.words {
            self.say("turns on", &format!("whether the attacker holds: {}", word(held)));
        }
        for (label, items) in
            [("missing", &verdict.missing), ("assumes", &verdict.assumes), ("detected", &verdict.detected)]
        {
            for item in items {
                self.say(label, item);
            }
        }
        if let Some(caveat) = &verdict.caveat {
            self.say("caveat", caveat);
        }
        if let Some(undo) = &verdict.undo {
            self.say("undo", &format!("{} ({})", undo.steps.join(", then "), undo.capability));
        }
        let (at, shown) = self.chain(step, control, verdict);
        self.line("proof");
        if let Some(request) = at.evidence.first() {
            self.out.extend(wrap_all("  fact", 11, &format!("{} (the request)", place(request)), self.width));
        }
        let others: Vec<Evidence> = shown.evidence.iter().filter(|e| !at.evidence.contains(e)).cloned().collect();
        self.facts(&others);
        for clause in &shown.clauses {
            self.say("  rule", &clause.says);
            let pointer = if clause.pointer.is_empty() { String::new() } else { format!(" at {}", clause.pointer) };
            let document = self.document(control, &clause.document);
            self.say("    in", &format!("{document}{pointer}"));
            if !clause.source.is_empty() {
                self.say("    page", &clause.source);
            }
        }
        self.documents(control);
    }

    /// An upstream verdict is proven where it is direct: down the chain to the gate.
    fn chain(&mut self, step: &Step, control: &Control, verdict: &Verdict) -> (Step, Verdict) {
        let (mut at, mut shown, mut seen) = (step.clone(), verdict.clone(), vec![step.id.clone()]);
        while let (Mode::Upstream, Some(via)) = (shown.mode, shown.via.clone()) {
            let Some(next) = self.analysis.step(&via).filter(|step| !seen.contains(&step.id)).cloned() else { break };
            for need in at.needs.iter().filter(|need| need.supports.iter().any(|support| support.from == next.id)) {
                self.say("needs", &format!("{} needs {}, which {} gives", at.id, need.capability, next.id));
                for support in need.supports.iter().filter(|support| support.from == next.id) {
                    self.facts(&support.evidence);
                }
            }
            let Some(verdict) = next.verdict(&control.id).cloned() else { break };
            self.say("because", &format!("{} ({}): {}", next.id, next.short, reason(&verdict.reason)));
            seen.push(next.id.clone());
            (at, shown) = (next, verdict);
        }
        (at, shown)
    }

    /// A deciding document as people call it.
    fn document(&self, control: &Control, id: &str) -> String {
        if id.starts_with('/') {
            return name_of(id);
        }
        let titled = control.documents.iter().find(|document| {
            document.body.get("id").and_then(serde_json::Value::as_str).is_some_and(|own| own.eq_ignore_ascii_case(id))
        });
        match titled.and_then(|document| document.body.get("displayName")).and_then(serde_json::Value::as_str) {
            Some(name) => plain(name),
            None if id.starts_with("control:") => plain(&control.title),
            None => plain(id),
        }
    }

    fn documents(&mut self, control: &Control) {
        for document in &control.documents {
            let file = match document.file.as_str() {
                "snapshot" => "the snapshot's own, put in force".to_owned(),
                file => format!("policies/{file}"),
            };
            self.say("deploy", &format!("{file} ({})", document.family));
        }
    }

    fn control(&mut self, control: &Control) {
        self.line(&format!("{}  ({})", plain(&control.title), plain(&control.id)));
        self.say("stops", &or_none(&control.cuts_directly.join(", ")));
        let upstream: Vec<&str> =
            control.cuts.iter().filter(|id| !control.cuts_directly.contains(id)).map(String::as_str).collect();
        self.say("with them", &or_none(&upstream.join(", ")));
        if !control.challenges.is_empty() {
            self.say("asks at", &control.challenges.join(", "));
        }
        for id in control.cuts.iter().chain(&control.challenges).take(1) {
            if let Some(step) = self.analysis.step(id) {
                self.say("proof", &format!("cutset explain ... {} {}", step.id, control.id));
                let evidence: Vec<Evidence> =
                    step.verdict(&control.id).map(|verdict| verdict.evidence.clone()).unwrap_or_default();
                self.facts(&evidence);
            }
        }
        let words = control.words.iter().map(|w| word(w)).collect::<Vec<_>>().join(", ");
        self.gap();
        match control.closes {
            Closes::Closed => self.line("closes every path"),
            Closes::ClosedIfLacking => self.line(&format!("closes every path if the attacker lacks: {words}")),
            Closes::NotClosed => self.line("does not close every path"),
        }
        let sets: Vec<_> =
            self.analysis.minimal_control_sets.all_paths.iter().filter(|s| s.set == [control.id.clone()]).collect();
        for set in &sets {
            self.say("to", &name_of(&set.jewel));
            for member in &set.certificate.members {
                self.say("without it", "this path is open");
                self.hops(&member.path);
            }
            for refused in set.certificate.closing.iter().take(1) {
                self.say(
                    "with it",
                    &format!("{} is refused: {}", refused.step.as_deref().unwrap_or("the path"), closing(&refused.why)),
                );
            }
        }
        let open: Vec<&ResidualPath> =
            self.analysis.residual_paths.iter().filter(|path| path.with == [control.id.clone()]).collect();
        for path in open.iter().take(2) {
            self.path(path);
        }
        if open.len() > 2 {
            let ids: Vec<&str> = open.iter().skip(2).map(|path| path.id.as_str()).collect();
            self.say("more", &format!("{} (cutset explain ... {})", ids.join(", "), ids[0]));
        }
        self.collateral(control);
        if let Some(owned) = self.analysis.owned_already.iter().find(|owned| owned.control == control.id) {
            self.gap();
            self.say("owned", &owned.why_it_did_not_stop);
            self.facts(&owned.evidence);
        }
        self.gap();
        self.documents(control);
    }

    fn collateral(&mut self, control: &Control) {
        let counted = &control.collateral;
        self.gap();
        self.line(&format!(
            "lawful use: {} refused, {} asked for more, {} not known, of {} requests",
            counted.cut, counted.challenged, counted.unknown, counted.evaluated
        ));
        for fact in &counted.missing {
            self.say("missing", fact);
        }
        let touched = self.analysis.baseline.iter().filter_map(|class| {
            let condition = class.conditions.iter().find(|condition| condition.set == [control.id.clone()])?;
            Some((class, condition.verdict))
        });
        let mut touched: Vec<_> = touched.collect();
        touched.sort_by_key(|(class, level)| (*level, std::cmp::Reverse(class.count)));
        for (class, level) in touched.iter().take(EXAMPLES) {
            let (count, who) = (class.count, plain(&class.who));
            self.say(level.word(), &format!("{count} times {} on {} by {who}", class.action, name_of(&class.target)));
            self.facts(&class.evidence);
        }
        if touched.len() > EXAMPLES {
            self.say("more", &format!("{} kinds of requests (--json lists them)", touched.len() - EXAMPLES));
        }
    }

    fn hops(&mut self, steps: &[PathStep]) {
        self.out.extend(hops(steps, self.width, 2));
        let evidence: Vec<Evidence> = steps.iter().flat_map(|step| step.evidence.iter().cloned()).collect();
        let mut seen = BTreeSet::new();
        let evidence: Vec<Evidence> = evidence.into_iter().filter(|e| seen.insert(e.clone())).collect();
        self.facts(&evidence);
    }

    fn path(&mut self, path: &ResidualPath) {
        self.gap();
        let state = match path.open {
            Some(Closes::ClosedIfLacking) => {
                format!(
                    "open to an attacker who holds: {}",
                    path.words.iter().map(|w| word(w)).collect::<Vec<_>>().join(", ")
                )
            }
            Some(Closes::NotClosed | Closes::Closed) | None => "open".to_owned(),
        };
        self.line(&format!("{}  to {}, with {} in force: {state}", path.id, name_of(&path.to), path.with.join(", ")));
        self.hops(&path.steps);
        for fact in &path.missing {
            self.say("missing", fact);
        }
        let cut: Vec<String> = path.cut_by.iter().map(|set| set.join(" and ")).collect();
        if !cut.is_empty() {
            self.say("cut by", &cut.join(", "));
        }
    }

    fn sets(&mut self) {
        let sets = &self.analysis.minimal_control_sets;
        self.line(&format!(
            "{} candidates tried; {} sets close every path",
            sets.candidates.len(),
            sets.all_paths.len()
        ));
        for set in &sets.all_paths {
            self.gap();
            let guarantee = match set.guarantee {
                Guarantee::Closed => "closed".to_owned(),
                Guarantee::ClosedIfLacking => {
                    format!(
                        "closed if the attacker lacks: {}",
                        set.words.iter().map(|w| word(w)).collect::<Vec<_>>().join(", ")
                    )
                }
            };
            let marks = if set.cheapest { ", the cheapest" } else { "" };
            let jewel = name_of(&set.jewel);
            self.line(&format!("{}  to {jewel}: {guarantee}, effort {}{marks}", set.set.join(" and "), set.effort));
            for member in &set.certificate.members {
                self.say("without", &format!("{} this path is open", member.control));
                self.hops(&member.path);
            }
            for refused in set.certificate.closing.iter().take(1) {
                self.say(
                    "with it",
                    &format!("{} is refused: {}", refused.step.as_deref().unwrap_or("the path"), closing(&refused.why)),
                );
            }
        }
        for clause in &sets.clauses {
            self.gap();
            let least = format!(
                "At least one of {} must be in force: with all others this is open",
                clause.controls.join(", ")
            );
            self.line(&least);
            self.hops(&clause.path);
        }
        for open in &sets.uncovered {
            self.gap();
            self.line(&format!("No set closes every path to {}: this stays open", name_of(&open.jewel)));
            self.hops(&open.steps);
        }
        let claim = self.analysis.claim.text.clone();
        self.gap();
        self.say("claim", &claim);
    }

    fn owned(&mut self) {
        for owned in &self.analysis.owned_already {
            self.gap();
            let title = self.analysis.control(&owned.control).map_or(owned.control.as_str(), |c| c.title.as_str());
            self.line(&format!("{}  ({})", plain(title), plain(&owned.control)));
            self.say("why not", &owned.why_it_did_not_stop);
            self.say("would stop", &owned.steps.join(", "));
            self.facts(&owned.evidence);
        }
    }

    fn unexplained(&mut self) {
        for hole in &self.analysis.unexplained {
            self.gap();
            self.line(&format!("{} needs {}", plain(&hole.step), plain(&hole.need)));
            self.say("why", &reason(&hole.why));
            if let Some(step) = self.analysis.step(&hole.step) {
                self.facts(&step.evidence);
            }
        }
    }

    fn gaps(&mut self) {
        for gap in &self.analysis.gaps {
            self.gap();
            let text = gap.question.as_deref().unwrap_or(&gap.fact);
            self.line(&format!("{} (settles {} cells)", plain(text), gap.settles));
            self.say("fact", &gap.fact);
            self.say("steps", &or_none(&gap.steps.join(", ")));
            self.say("controls", &or_none(&gap.controls.join(", ")));
            if let Some(gather) = &gap.gather {
                self.command(gather);
            }
            let steps: Vec<Evidence> = gap
                .steps
                .iter()
                .filter_map(|id| self.analysis.step(id))
                .filter_map(|step| step.evidence.first().cloned())
                .collect();
            self.facts(&steps);
        }
    }

    fn containment(&mut self) {
        for item in &self.analysis.containment {
            self.gap();
            let live = if item.live { " (live)" } else { "" };
            self.line(&format!("{}  {}{live}", item.rank, plain(&item.action)));
            self.say("takes away", &item.capability);
            if !item.why.is_empty() {
                self.say("why", &item.why);
            }
            self.command(&item.command);
            let mut evidence = item.evidence.clone();
            if evidence.is_empty() {
                let steps = item.steps.iter().filter_map(|id| self.analysis.step(id));
                evidence = steps.filter_map(|step| step.evidence.first().cloned()).collect();
            }
            self.facts(&evidence);
        }
    }

    fn detections(&mut self) {
        for rule in &self.analysis.detections {
            self.gap();
            self.line(&format!("{}  ({})", plain(&rule.title), plain(&rule.id)));
            if !rule.reading.is_empty() {
                self.say("reading", &rule.reading);
            }
            match rule.fires_at {
                Some(at) => {
                    let at = at.strftime("%-d %b %Y %H:%M:%S UTC");
                    self.say("fires", &format!("{at}, on {}", rule.steps.join(", ")));
                }
                None => self.say("fires", "never on this case"),
            }
            self.say("baseline", &format!("{} hits of {} records", rule.baseline_hits, rule.baseline_evaluated));
            if !rule.why.is_empty() {
                self.say("why", &rule.why);
            }
            let steps = rule.steps.iter().filter_map(|id| self.analysis.step(id));
            let evidence: Vec<Evidence> = steps.filter_map(|step| step.evidence.first().cloned()).collect();
            self.facts(&evidence);
        }
    }
}

/// `gate: code` of a certificate in words.
fn closing(why: &str) -> String {
    match why.split_once(": ") {
        Some((gate, code)) => format!("{} ({})", reason(code), plain(gate)),
        None => reason(why),
    }
}

fn or_none(text: &str) -> String {
    if text.is_empty() { "nothing".to_owned() } else { text.to_owned() }
}
