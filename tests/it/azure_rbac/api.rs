//! What the engine asks of the gate beside a decision: supports, roles, locks, clauses, worlds that change.

use cutset::decide::azure_rbac::{Authorizer, AuthorizerInput, Outcome};
use cutset::model::request::{ArmPrincipal, ArmRequest};
use cutset::model::{Collected, Document, Environment, Evidence, Kind, Level, ObjectId, ResourceId, Truth};
use serde_json::{Value, json};
use std::sync::Arc;

const S: &str = "/subscriptions/s";
const RG: &str = "/subscriptions/s/resourceGroups/rg";
const SA: &str = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/sa";
const LIST_KEYS: &str = "Microsoft.Storage/storageAccounts/listKeys/action";

fn role(name: &str, actions: &[&str]) -> Value {
    let id = format!("/providers/Microsoft.Authorization/roleDefinitions/{name}");
    json!({ "id": id, "properties": { "roleName": name, "permissions": [{ "actions": actions }] } })
}

fn assignment(name: &str, role: &str, principal: &str, scope: &str) -> Value {
    let role = format!("{S}/providers/Microsoft.Authorization/roleDefinitions/{role}");
    json!({ "id": format!("{scope}/providers/Microsoft.Authorization/roleAssignments/{name}"), "name": name,
        "properties": { "roleDefinitionId": role, "principalId": principal, "scope": scope } })
}

fn lock(name: &str, level: &str, scope: &str) -> Value {
    json!({ "id": format!("{scope}/providers/Microsoft.Authorization/locks/{name}"), "name": name, "properties": { "level": level } })
}

fn user(groups: Option<&[&str]>) -> ArmPrincipal {
    serde_json::from_value(json!({ "id": "u", "type": "User", "transitiveGroups": groups, "entraRoles": [] }))
        .expect("a principal")
}

fn ask(operation: &str, scope: &str) -> ArmRequest {
    let request =
        json!({ "operation": operation, "isDataAction": false, "scope": scope, "utcNow": "2026-03-10T09:00:00Z" });
    serde_json::from_value(request).expect("a request")
}

fn gate(roles: &[Value], assignments: &[Value], locks: &[Value]) -> Authorizer {
    Authorizer::compile(AuthorizerInput {
        role_definitions: roles.iter().collect(),
        role_assignments: Some(assignments.iter().collect()),
        deny_assignments: Some(Vec::new()),
        locks: Some(locks.iter().collect()),
        classic_administrators: Some(Vec::new()),
        hierarchy: [(ResourceId::new(S), Some(vec!["mg".to_owned()]))].into(),
    })
}

#[test]
fn grants_are_all_supports_whatever_locks_say() {
    let roles = [role("owner", &["*"]), role("reader", &["*/read"])];
    let mut conditioned = assignment("a3", "owner", "u", RG);
    conditioned["properties"]["condition"] = "@Resource[x] BoolEquals true".into();
    let assignments = [
        assignment("a1", "owner", "u", S),
        assignment("a2", "owner", "g", "/providers/Microsoft.Management/managementGroups/mg"),
        conditioned,
        assignment("a4", "reader", "u", S),
        assignment("a5", "owner", "other", S),
    ];
    let gate = gate(&roles, &assignments, &[lock("l", "ReadOnly", RG)]);
    let (user, request) = (user(Some(&["g"])), ask(LIST_KEYS, SA));
    let grants = gate.grants(&user, &request);
    let told: Vec<(&str, &str, &str)> = grants
        .iter()
        .map(|grant| {
            (grant.assignment.rsplit('/').next().expect("a name"), grant.principal.as_str(), grant.truth.word())
        })
        .collect();
    assert_eq!(told, [("a1", "u", "true"), ("a2", "g", "true"), ("a3", "u", "unknown")]);
    assert_eq!(grants[0].role_name.as_deref(), Some("owner"));
    assert_eq!(grants[0].scope, ResourceId::new(S));
    assert_eq!(grants[2].truth, Truth::missing("@Resource[x]"));
    assert_eq!(gate.decide(&user, &request).by, ["l"]);
    assert_eq!(gate.blocking_locks(&request), [format!("{RG}/providers/Microsoft.Authorization/locks/l")]);
    assert!(gate.blocking_locks(&ask("Microsoft.Storage/storageAccounts/read", SA)).is_empty());
    let held: Vec<&str> = gate.roles_held(&user).map(|held| held.assignment).collect();
    assert_eq!(held.len(), 4, "{held:?}");
}

#[test]
fn worlds_change_step_by_step() {
    let roles = [role("owner", &["*"])];
    let before = gate(&roles, &[], &[]);
    let (user, request) = (user(Some(&[])), ask(LIST_KEYS, SA));
    let decide = |gate: &Authorizer| gate.decide(&user, &request).decision;
    assert_eq!(decide(&before), Outcome::Denied);
    let granted = before.with_assignment(&assignment("a", "owner", "u", RG));
    assert_eq!((decide(&before), decide(&granted)), (Outcome::Denied, Outcome::Allowed));
    let locked = granted.with_lock(&lock("l", "ReadOnly", SA));
    assert_eq!(decide(&locked), Outcome::Denied);
    assert_eq!(decide(&locked.with_lock(&lock("l", "CanNotDelete", SA))), Outcome::Allowed, "replaced, not added");
    assert_eq!(
        decide(&locked.without_lock(&format!("{}/PROVIDERS/MICROSOFT.AUTHORIZATION/LOCKS/L", SA.to_uppercase()))),
        Outcome::Allowed
    );
    let weakened = granted.with_role_definition(&role("OWNER", &["*/read"]));
    assert_eq!(decide(&weakened), Outcome::Denied);
    assert_eq!(decide(&granted.with_role_definition(&json!({ "id": "owner" }))), Outcome::Unknown);
    let gone = granted.without_assignment(&format!("{RG}/providers/Microsoft.Authorization/roleAssignments/A"));
    assert_eq!(decide(&gone), Outcome::Denied);
    // Many changes: the index is made again and tells the same.
    let mut many = granted.clone();
    for n in 0..200 {
        many = many.with_assignment(&assignment(&format!("x{n}"), "owner", &format!("p{n}"), S));
    }
    assert_eq!(many.decide(&user, &request).by, ["a"]);
    let other: ArmPrincipal = ArmPrincipal { id: ObjectId::new("p150"), ..user.clone() };
    assert_eq!(many.decide(&other, &request).by, ["x150"]);
    assert_eq!(
        many.without_assignment(&format!("{S}/providers/Microsoft.Authorization/roleAssignments/x150"))
            .decide(&other, &request)
            .decision,
        Outcome::Denied
    );
}

#[test]
fn a_snapshot_in_part_grants_by_what_is_there() {
    let evidence = Evidence::new("roles.json", 1, "");
    let mut environment = Environment::default();
    let mut put = |kind: Kind, body: Value| {
        let key = body["id"].as_str().expect("an id").to_owned();
        environment.insert(kind, &key, Document { body: Arc::new(body), evidence: evidence.clone() });
    };
    put(Kind::RoleDefinitions, role("owner", &["*"]));
    put(Kind::RoleAssignments, assignment("a", "owner", "u", "/providers/Microsoft.Management/managementGroups/mg"));
    put(Kind::Locks, lock("l", "ReadOnly", RG));
    let subscription =
        json!({ "id": S, "properties": { "managementGroupAncestorsChain": [{ "name": "mg", "displayName": "x" }] } });
    put(Kind::Containers, subscription);
    put(Kind::Containers, json!({ "id": RG }));
    let known = user(Some(&[]));
    let told = |environment: &Environment, who: &ArmPrincipal, operation: &str| {
        Authorizer::of(environment).decide(who, &ask(operation, SA)).reason.word()
    };
    let read = "Microsoft.Storage/storageAccounts/read";
    assert_eq!(told(&environment, &known, read), "denyAssignmentsUnknown");
    assert_eq!(told(&environment, &known, LIST_KEYS), "lock", "a lock that is there blocks");
    environment.set_collected(Kind::DenyAssignments, Collected::Whole);
    assert_eq!(told(&environment, &known, read), "roleAssignment");
    let other = ArmPrincipal { id: ObjectId::new("other"), ..known.clone() };
    environment.set_collected(Kind::RoleAssignments, Collected::Partial);
    assert_eq!(told(&environment, &other, read), "roleAssignmentsUnknown");
    environment.set_collected(Kind::RoleAssignments, Collected::Whole);
    assert_eq!(told(&environment, &other, read), "noMatchingAssignment");
}

#[test]
fn answers_name_the_clause_and_the_page() {
    let deny = |effect: &str| {
        json!({ "id": format!("{RG}/providers/Microsoft.Authorization/denyAssignments/d"), "properties": {
        "denyAssignmentEffect": effect, "principals": [{ "id": "00000000-0000-0000-0000-000000000000", "type": "SystemDefined" }],
        "permissions": [{ "actions": ["*/action"] }],
    } })
    };
    let owner = role("owner", &["*"]);
    let mut held = assignment("a", "owner", "u", S);
    held["properties"]["condition"] =
        "ActionMatches{'*/read'} AND ActionMatches{'x'} OR ActionMatches{'*/action'}".into();
    let compile = |deny: &Value, held: &Value| {
        Authorizer::compile(AuthorizerInput {
            role_definitions: vec![&owner],
            role_assignments: Some(vec![held]),
            deny_assignments: Some(vec![deny]),
            locks: None,
            ..AuthorizerInput::default()
        })
    };
    let (user, request) = (user(Some(&[])), ask(LIST_KEYS, SA));

    let denied = compile(&deny("enforced"), &held).answer(&user, &request);
    assert_eq!((denied.level, denied.reason.as_str()), (Level::Cut, "denyAssignment"));
    assert_eq!(denied.clauses[0].pointer, "/properties/permissions");
    assert_eq!(denied.clauses[0].source, "Understand Azure deny assignments");
    assert!(denied.notes[0].contains("preview API or deployment stack"), "{:?}", denied.notes);

    let audited = compile(&deny("audit"), &held).answer(&user, &request);
    assert_eq!((audited.level, audited.reason.as_str()), (Level::Unknown, "locksUnknown"));
    assert_eq!(audited.missing.iter().map(AsRef::as_ref).collect::<Vec<&str>>(), ["locks"]);
    assert!(audited.detected[0].contains("not enforced"), "{:?}", audited.detected);

    let read = ask("Microsoft.Storage/storageAccounts/listKeys/action", SA);
    let read = ArmRequest { operation: "Microsoft.Storage/storageAccounts/write".into(), ..read };
    let failed = compile(&deny("audit"), &held).answer(&user, &read);
    assert_eq!((failed.level, failed.reason.as_str()), (Level::Cut, "conditionFalse"));
    assert_eq!(failed.clauses[0].pointer, "/properties/condition");
    assert!(failed.clauses[0].document.ends_with("/roleAssignments/a"));

    let elevation = ask("Microsoft.Authorization/elevateAccess/action", "/");
    let refused = compile(&deny("audit"), &held).answer(&user, &elevation);
    assert_eq!((refused.level, refused.reason.as_str()), (Level::Cut, "noMatchingAssignment"));
    assert!(refused.clauses[0].says.contains("Global Administrator"), "{}", refused.clauses[0].says);
}

#[test]
fn mixed_conditions_are_noted() {
    let mut held = assignment("a", "owner", "u", S);
    held["properties"]["condition"] = "ActionMatches{'*'} OR ActionMatches{'x'} AND ActionMatches{'y'}".into();
    let allowed = gate(&[role("owner", &["*"])], &[held], &[]).answer(&user(Some(&[])), &ask(LIST_KEYS, SA));
    assert_eq!(allowed.level, Level::NotCut);
    assert!(allowed.notes.iter().any(|note| note.contains("without parentheses")), "{:?}", allowed.notes);
}

#[test]
fn what_cannot_be_read_is_named() {
    let broken =
        json!({ "id": "/providers/Microsoft.Authorization/roleDefinitions/x", "permissions": [{ "actions": "*" }] });
    let mut held = assignment("a", "x", "u", S);
    held["properties"]["condition"] = "ActionMatches{".into();
    let gate = gate(&[broken, json!({})], &[held, json!({ "id": "b" })], &[json!({ "id": "nowhere" })]);
    let told: Vec<String> = gate.complaints().iter().map(ToString::to_string).collect();
    let expected = [
        "roleDefinitions/x/permissions/0: ",
        ": a role definition without an id",
        "roleAssignments/a/properties/condition: the condition does not parse, character 15: ",
        "b/properties/scope: ",
        "b/properties/principalId: ",
        "b/properties/roleDefinitionId: ",
        "nowhere/id: ",
        "nowhere/properties/level: ",
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.contains(expected), "`{told}` has no `{expected}`");
    }
    let decision = gate.decide(&user(Some(&[])), &ask(LIST_KEYS, SA));
    assert_eq!(decision.decision, Outcome::Unknown);
}
