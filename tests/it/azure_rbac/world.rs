//! Random worlds of a small universe: enough scopes, principals, patterns and conditions for every rule to bite.
//! A world writes itself as a vector, so that the gate reads it as it reads any file.

use proptest::prelude::*;
use serde_json::{Value, json};

pub const SCOPES: [&str; 11] = [
    "/",
    "/providers/Microsoft.Management/managementGroups/mg-root",
    "/providers/Microsoft.Management/managementGroups/mg-a",
    "/providers/Microsoft.Management/managementGroups/mg-b",
    "/subscriptions/S1",
    "/subscriptions/S2",
    "/subscriptions/S1/resourceGroups/rg1",
    "/subscriptions/S1/resourceGroups/rg10",
    "/subscriptions/S1/resourceGroups/rg1/providers/Microsoft.Storage/storageAccounts/sa",
    "/subscriptions/S1/resourceGroups/rg1/providers/Microsoft.Storage/storageAccounts/sa/blobServices/default",
    "/subscriptions/S2/resourceGroups/rg1",
];
pub const OPERATIONS: [(&str, bool); 13] = [
    ("Microsoft.Storage/storageAccounts/read", false),
    ("Microsoft.Storage/storageAccounts/write", false),
    ("Microsoft.Storage/storageAccounts/delete", false),
    ("Microsoft.Storage/storageAccounts/listKeys/action", false),
    ("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read", true),
    ("Microsoft.Resources/subscriptions/resourceGroups/delete", false),
    ("Microsoft.Authorization/locks/write", false),
    ("Microsoft.Authorization/locks/delete", false),
    ("Microsoft.Authorization/roleAssignments/write", false),
    ("Microsoft.Authorization/elevateAccess/action", false),
    ("Microsoft.KeyVault/vaults/read", false),
    ("Microsoft.Subscription/cancel/action", false),
    ("Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action", false),
];
pub const PATTERNS: [&str; 14] = [
    "*",
    "*/read",
    "*/write",
    "*/Delete",
    "*/action",
    "Microsoft.Storage/*",
    "microsoft.storage/storageAccounts/*",
    "Microsoft.Authorization/*",
    "Microsoft.Resources/*",
    "Microsoft.KeyVault/vaults/*/read",
    "Microsoft.*/storageAccounts/*/action",
    "Microsoft.Storage/storageAccounts/listKeys/action",
    "*/*/*/read",
    "nothing/at/all",
];
/// The caller, another user, two groups, everyone.
pub const PRINCIPALS: [&str; 5] = [
    "aaaaaaaa-0000-0000-0000-000000000001",
    "aaaaaaaa-0000-0000-0000-000000000002",
    "bbbbbbbb-0000-0000-0000-000000000001",
    "bbbbbbbb-0000-0000-0000-000000000002",
    "00000000-0000-0000-0000-000000000000",
];
/// A classic administrator in force, retired, gone.
pub const TIMES: [&str; 3] = ["2024-01-01T00:00:00Z", "2025-06-01T00:00:00Z", "2026-06-01T00:00:00Z"];
pub const ATTRIBUTES: [&str; 2] = ["@Resource[Store/things:p]", "@Request[q]"];
pub const VALUES: [&str; 3] = ["a", "B", "b"];
pub const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";
pub const OWNER: &str = "8e3af657-a8ff-443c-a75c-2fe8c4bcb635";
/// The role number that stands for Owner, and the one that no definition has.
pub const OWNER_ROLE: usize = 3;
pub const MISSING_ROLE: usize = 4;

#[derive(Clone, Debug)]
pub enum Term {
    Action(usize),
    SubOperation,
    Exists(usize),
    Equals(usize, usize),
    NotEqualsIgnoreCase(usize, usize),
    AnyOfAny(usize, Vec<usize>),
    AllOfAny(usize, Vec<usize>),
    AllOfAllNot(usize, Vec<usize>),
    All(Vec<Term>),
    Any(Vec<Term>),
    Not(Box<Term>),
}

#[derive(Clone, Debug)]
pub enum Condition {
    None,
    Term(Term),
    OtherVersion,
    Broken,
}

#[derive(Clone, Debug)]
pub struct Element {
    pub yes: Vec<usize>,
    pub no: Vec<usize>,
    pub data_yes: Vec<usize>,
    pub data_no: Vec<usize>,
    pub condition: Condition,
}

#[derive(Clone, Debug)]
pub struct Assigned {
    pub role: usize,
    pub scope: usize,
    pub principal: usize,
    /// The document does not say what kind of principal it is.
    pub untyped: bool,
    pub condition: Condition,
}

#[derive(Clone, Debug)]
pub struct Denied {
    pub scope: usize,
    pub only_this_scope: bool,
    pub principals: Vec<usize>,
    pub excluded: Vec<usize>,
    pub elements: Vec<Element>,
    pub condition: Condition,
    pub audit: bool,
}

#[derive(Clone, Debug)]
pub struct World {
    /// Roles 0 to 2; 3 is Owner, 4 is missing.
    pub roles: Vec<Vec<Element>>,
    pub assignments: Option<Vec<Assigned>>,
    pub denies: Option<Vec<Denied>>,
    /// Scope, and 0 `CanNotDelete`, 1 `ReadOnly`, 2 a word that is not documented.
    pub locks: Option<Vec<(usize, usize)>>,
    /// Subscription (0 or 1), whether it is the caller's address, whether the role stands for Owner.
    pub classics: Option<Vec<(usize, bool, bool)>>,
    /// Whether the chains of S1 and S2 are known.
    pub chains: [bool; 2],
    /// The groups among `PRINCIPALS` the caller is in.
    pub groups: Option<Vec<usize>>,
    pub named: bool,
    pub global_administrator: Option<bool>,
    pub operation: usize,
    pub scope: usize,
    pub suboperation: bool,
    pub time: usize,
    /// Per attribute: not recorded, recorded as absent, or values.
    pub attributes: [Option<Option<Vec<usize>>>; 2],
}

impl Term {
    pub fn text(&self) -> String {
        let quoted = |values: &[usize]| {
            let values: Vec<String> = values.iter().map(|v| format!("'{}'", VALUES[*v])).collect();
            format!("{{{}}}", values.join(", "))
        };
        let joined = |terms: &[Term], word: &str| {
            let terms: Vec<String> = terms.iter().map(|term| format!("({})", term.text())).collect();
            terms.join(word)
        };
        match self {
            Term::Action(pattern) => format!("ActionMatches{{'{}'}}", PATTERNS[*pattern]),
            Term::SubOperation => "SubOperationMatches{'Blob.List'}".to_owned(),
            Term::Exists(at) => format!("Exists {}", ATTRIBUTES[*at]),
            Term::Equals(at, value) => format!("{} StringEquals '{}'", ATTRIBUTES[*at], VALUES[*value]),
            Term::NotEqualsIgnoreCase(at, value) => {
                format!("{} StringNotEqualsIgnoreCase '{}'", ATTRIBUTES[*at], VALUES[*value])
            }
            Term::AnyOfAny(at, v) => format!("{} ForAnyOfAnyValues:StringEquals {}", ATTRIBUTES[*at], quoted(v)),
            Term::AllOfAny(at, v) => format!("{} ForAllOfAnyValues:StringEquals {}", ATTRIBUTES[*at], quoted(v)),
            Term::AllOfAllNot(at, v) => format!("{} ForAllOfAllValues:StringNotEquals {}", ATTRIBUTES[*at], quoted(v)),
            Term::All(terms) => joined(terms, " AND "),
            Term::Any(terms) => joined(terms, " || "),
            Term::Not(term) => format!("NOT ({})", term.text()),
        }
    }
}

impl Condition {
    fn put(&self, document: &mut Value) {
        let (text, version) = match self {
            Condition::None => return,
            Condition::Term(term) => (term.text(), "2.0"),
            Condition::OtherVersion => ("ActionMatches{'*'}".to_owned(), "1.0"),
            Condition::Broken => ("ActionMatches{'*'".to_owned(), "2.0"),
        };
        document["condition"] = text.into();
        document["conditionVersion"] = version.into();
    }
}

fn element(element: &Element) -> Value {
    let list = |patterns: &[usize]| patterns.iter().map(|p| PATTERNS[*p]).collect::<Vec<_>>();
    let mut document = json!({
        "actions": list(&element.yes), "notActions": list(&element.no),
        "dataActions": list(&element.data_yes), "notDataActions": list(&element.data_no),
    });
    element.condition.put(&mut document);
    document
}

fn kind(principal: usize) -> &'static str {
    ["User", "ServicePrincipal", "Group", "Group", "SystemDefined"][principal]
}

pub fn role_guid(role: usize) -> String {
    if role == OWNER_ROLE { OWNER.to_owned() } else { format!("cccccccc-0000-0000-0000-00000000000{role}") }
}

fn below(scope: usize) -> &'static str {
    if scope == 0 { "" } else { SCOPES[scope] }
}

pub fn assignment(at: usize, assigned: &Assigned) -> Value {
    let mut properties = json!({
        "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{}", role_guid(assigned.role)),
        "principalId": PRINCIPALS[assigned.principal],
        "scope": SCOPES[assigned.scope],
    });
    if !assigned.untyped {
        properties["principalType"] = kind(assigned.principal).into();
    }
    assigned.condition.put(&mut properties);
    let id = format!("{}/providers/Microsoft.Authorization/roleAssignments/a{at}", below(assigned.scope));
    json!({ "id": id, "name": format!("a{at}"), "properties": properties })
}

fn deny(at: usize, denied: &Denied) -> Value {
    let entries = |list: &[usize]| -> Vec<Value> {
        list.iter().map(|p| json!({ "id": PRINCIPALS[*p], "type": kind(*p) })).collect()
    };
    let mut properties = json!({
        "scope": SCOPES[denied.scope], "doNotApplyToChildScopes": denied.only_this_scope,
        "principals": entries(&denied.principals), "excludePrincipals": entries(&denied.excluded),
        "permissions": denied.elements.iter().map(element).collect::<Vec<_>>(),
    });
    denied.condition.put(&mut properties);
    if denied.audit {
        properties["denyAssignmentEffect"] = "audit".into();
    }
    let id = format!("{}/providers/Microsoft.Authorization/denyAssignments/d{at}", below(denied.scope));
    json!({ "id": id, "name": format!("d{at}"), "properties": properties })
}

impl World {
    /// As a vector of the gate's file.
    pub fn vector(&self) -> Value {
        let roles: Vec<Value> = self.roles.iter().enumerate().map(|(at, elements)| {
            let id = format!("/providers/Microsoft.Authorization/roleDefinitions/{}", role_guid(at));
            json!({ "id": id, "name": role_guid(at), "permissions": elements.iter().map(element).collect::<Vec<_>>() })
        }).chain([json!({
            "id": format!("/providers/Microsoft.Authorization/roleDefinitions/{OWNER}"), "permissions": [{ "actions": ["*"] }]
        })]).collect();
        let assignments = self
            .assignments
            .as_ref()
            .map(|list| list.iter().enumerate().map(|(at, a)| assignment(at, a)).collect::<Vec<_>>());
        let denies =
            self.denies.as_ref().map(|list| list.iter().enumerate().map(|(at, d)| deny(at, d)).collect::<Vec<_>>());
        let locks = self.locks.as_ref().map(|list| list.iter().enumerate().map(|(at, (scope, level))| {
            let id = format!("{}/providers/Microsoft.Authorization/locks/l{at}", below(*scope));
            json!({ "id": id, "name": format!("l{at}"), "properties": { "level": (["CanNotDelete", "ReadOnly", "Odd"][*level]) } })
        }).collect::<Vec<_>>());
        let classics = self.classics.as_ref().map(|list| {
            list.iter()
                .enumerate()
                .map(|(at, (subscription, same, owner))| {
                    let id = format!(
                        "{}/providers/Microsoft.Authorization/classicAdministrators/c{at}",
                        SCOPES[4 + subscription]
                    );
                    json!({ "id": id, "name": format!("c{at}"), "properties": {
                "emailAddress": if *same { "me@contoso.com" } else { "you@contoso.com" },
                "role": if *owner { "CoAdministrator" } else { "AccountAdministrator" },
            } })
                })
                .collect::<Vec<_>>()
        });
        let mut hierarchy = serde_json::Map::new();
        for (at, other) in [(0, "mg-a"), (1, "mg-b")] {
            let chain = if self.chains[at] { json!([other, "mg-root"]) } else { Value::Null };
            hierarchy.insert(SCOPES[4 + at].to_owned(), chain);
        }
        let mut attributes = serde_json::Map::new();
        for (at, value) in self.attributes.iter().enumerate() {
            if let Some(value) = value {
                let value = value.as_ref().map(|values| values.iter().map(|v| VALUES[*v]).collect::<Vec<_>>());
                attributes.insert(ATTRIBUTES[at].to_owned(), json!(value));
            }
        }
        let (operation, data) = OPERATIONS[self.operation];
        json!({
            "id": "world",
            "principal": {
                "id": PRINCIPALS[0], "type": "User",
                "transitiveGroups": self.groups.as_ref().map(|g| g.iter().map(|g| PRINCIPALS[*g]).collect::<Vec<_>>()),
                "entraRoles": self.global_administrator.map(|ga| if ga { vec![GLOBAL_ADMINISTRATOR] } else { vec![] }),
                "userPrincipalName": self.named.then_some("me@contoso.com"),
            },
            "extraRoleDefinitions": roles, "roleAssignments": assignments, "denyAssignments": denies, "locks": locks,
            "classicAdministrators": classics, "hierarchy": hierarchy,
            "request": {
                "operation": operation, "isDataAction": data, "scope": SCOPES[self.scope],
                "suboperation": self.suboperation.then_some("Blob.List"), "attributes": attributes, "utcNow": TIMES[self.time],
            },
        })
    }
}

fn some_of(limit: usize, most: usize) -> impl Strategy<Value = Vec<usize>> + Clone {
    prop::collection::vec(0..limit, 0..=most)
}

fn term() -> impl Strategy<Value = Term> {
    let values = || some_of(VALUES.len(), 3);
    let leaf = prop_oneof![
        (0..PATTERNS.len()).prop_map(Term::Action),
        Just(Term::SubOperation),
        (0..2usize).prop_map(Term::Exists),
        (0..2usize, 0..VALUES.len()).prop_map(|(at, value)| Term::Equals(at, value)),
        (0..2usize, 0..VALUES.len()).prop_map(|(at, value)| Term::NotEqualsIgnoreCase(at, value)),
        (0..2usize, values()).prop_map(|(at, values)| Term::AnyOfAny(at, values)),
        (0..2usize, values()).prop_map(|(at, values)| Term::AllOfAny(at, values)),
        (0..2usize, values()).prop_map(|(at, values)| Term::AllOfAllNot(at, values)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..=3).prop_map(Term::All),
            prop::collection::vec(inner.clone(), 1..=3).prop_map(Term::Any),
            inner.prop_map(|term| Term::Not(Box::new(term))),
        ]
    })
}

fn condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        6 => Just(Condition::None),
        4 => term().prop_map(Condition::Term),
        1 => Just(Condition::OtherVersion),
        1 => Just(Condition::Broken),
    ]
}

fn elements() -> impl Strategy<Value = Vec<Element>> {
    let lists = (
        some_of(PATTERNS.len(), 3),
        some_of(PATTERNS.len(), 1),
        some_of(PATTERNS.len(), 2),
        some_of(PATTERNS.len(), 1),
    );
    let element = (lists, condition()).prop_map(|((yes, no, data_yes, data_no), condition)| Element {
        yes,
        no,
        data_yes,
        data_no,
        condition,
    });
    prop::collection::vec(element, 0..=2)
}

fn list<T: std::fmt::Debug + Clone>(
    item: impl Strategy<Value = T>,
    most: usize,
) -> impl Strategy<Value = Option<Vec<T>>> {
    prop::option::weighted(0.85, prop::collection::vec(item, 0..=most))
}

pub fn worlds() -> impl Strategy<Value = World> {
    let assigned = (0..=MISSING_ROLE, 0..SCOPES.len(), 0..4usize, prop::bool::weighted(0.2), condition()).prop_map(
        |(role, scope, principal, untyped, condition)| Assigned { role, scope, principal, untyped, condition },
    );
    let denied = (
        0..SCOPES.len(),
        any::<bool>(),
        some_of(PRINCIPALS.len(), 2),
        some_of(4, 1),
        elements(),
        condition(),
        prop::bool::weighted(0.15),
    )
        .prop_map(|(scope, only_this_scope, principals, excluded, elements, condition, audit)| Denied {
            scope,
            only_this_scope,
            principals,
            excluded,
            elements,
            condition,
            audit,
        });
    let documents = (
        prop::collection::vec(elements(), 3),
        list(assigned, 5),
        list(denied, 2),
        list((4..SCOPES.len(), 0..3usize), 2),
        list((0..2usize, any::<bool>(), any::<bool>()), 1),
        [prop::bool::weighted(0.8), prop::bool::weighted(0.8)],
    );
    let caller = (
        prop::option::weighted(0.8, prop::collection::vec(2..4usize, 0..=2)),
        prop::bool::weighted(0.8),
        prop::option::weighted(0.8, any::<bool>()),
    );
    let attribute = || prop::option::weighted(0.7, prop::option::weighted(0.8, some_of(VALUES.len(), 2)));
    let request = (0..OPERATIONS.len(), 0..SCOPES.len(), any::<bool>(), 0..TIMES.len(), [attribute(), attribute()]);
    (documents, caller, request).prop_map(|(documents, caller, request)| {
        let (roles, assignments, denies, locks, classics, chains) = documents;
        let (groups, named, global_administrator) = caller;
        let (operation, scope, suboperation, time, attributes) = request;
        World {
            roles,
            assignments,
            denies,
            locks,
            classics,
            chains,
            groups,
            named,
            global_administrator,
            operation,
            scope,
            suboperation,
            time,
            attributes,
        }
    })
}
