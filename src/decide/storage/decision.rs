//! How the checks make one answer.

use super::network::{self, Caller};
use super::resource::Resource;
use super::sas::Sas;
use super::{anonymous, key, transport};
use crate::decide::azure_rbac::Outcome;
use crate::model::request::{Stance, StorageRequest};
use crate::model::{Answer, Attacker, Clause, Fact, Level, Missing, Truth, Word};
use serde_json::Value;

/// Why, in the order in which the first certain failure is the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    Network,
    SecureTransfer,
    TlsVersion,
    SharedKeyDisabled,
    KeyRotated,
    DelegationKeyRevoked,
    SasExpired,
    SasNotYetValid,
    SasPermission,
    SasIp,
    SasProtocol,
    SasService,
    SasResourceType,
    Rbac,
    PublicAccessDisabled,
    ContainerPrivate,
    AnonymousWrite,
    Ok,
    Unknown,
}

impl Reason {
    pub fn word(self) -> &'static str {
        match self {
            Reason::Network => "network",
            Reason::SecureTransfer => "secureTransfer",
            Reason::TlsVersion => "tlsVersion",
            Reason::SharedKeyDisabled => "sharedKeyDisabled",
            Reason::KeyRotated => "keyRotated",
            Reason::DelegationKeyRevoked => "delegationKeyRevoked",
            Reason::SasExpired => "sasExpired",
            Reason::SasNotYetValid => "sasNotYetValid",
            Reason::SasPermission => "sasPermission",
            Reason::SasIp => "sasIp",
            Reason::SasProtocol => "sasProtocol",
            Reason::SasService => "sasService",
            Reason::SasResourceType => "sasResourceType",
            Reason::Rbac => "rbac",
            Reason::PublicAccessDisabled => "publicAccessDisabled",
            Reason::ContainerPrivate => "containerPrivate",
            Reason::AnonymousWrite => "anonymousWrite",
            Reason::Ok => "ok",
            Reason::Unknown => "unknown",
        }
    }

    /// Error code of the service. (`Azure Storage REST reference`, *Common REST API error codes*; for the last two the
    /// answer depends on the version of the service.)
    pub fn error_code(self) -> Option<&'static str> {
        match self {
            Reason::Network => Some("AuthorizationFailure"),
            Reason::SecureTransfer => Some("AccountRequiresHttps"),
            Reason::TlsVersion => Some("TlsVersionNotPermitted"),
            Reason::SharedKeyDisabled => Some("KeyBasedAuthenticationNotPermitted"),
            Reason::KeyRotated | Reason::DelegationKeyRevoked => Some("AuthenticationFailed"),
            Reason::SasExpired | Reason::SasNotYetValid => Some("AuthenticationFailed"),
            Reason::SasPermission | Reason::Rbac => Some("AuthorizationPermissionMismatch"),
            Reason::SasIp => Some("AuthorizationSourceIPMismatch"),
            Reason::SasProtocol => Some("AuthorizationProtocolMismatch"),
            Reason::SasService => Some("AuthorizationServiceMismatch"),
            Reason::SasResourceType => Some("AuthorizationResourceTypeMismatch"),
            Reason::PublicAccessDisabled => Some("PublicAccessNotPermitted"),
            Reason::ContainerPrivate | Reason::AnonymousWrite | Reason::Ok | Reason::Unknown => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    pub decision: Outcome,
    pub reason: Reason,
    pub error_code: Option<&'static str>,
    /// With `Unknown`.
    pub missing: Missing,
    /// What refuses; with `Unknown` what may; with `Allowed` what was looked at.
    pub clauses: Vec<Clause>,
}

/// One check; false refuses with the reason.
struct Check {
    reason: Reason,
    truth: Truth,
    clause: Clause,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Authentication {
    AccountKey,
    AccountSas,
    ServiceSas,
    UserDelegationSas,
    OAuth,
    Anonymous,
}

const ALL: [Authentication; 6] = [
    Authentication::AccountKey,
    Authentication::AccountSas,
    Authentication::ServiceSas,
    Authentication::UserDelegationSas,
    Authentication::OAuth,
    Authentication::Anonymous,
];

/// What the request may have been authorised with; several where the record does not tell.
fn candidates(kind: Option<&str>) -> Vec<Authentication> {
    let Some(kind) = kind else { return ALL.to_vec() };
    let word: String = kind.to_lowercase().chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    match word.as_str() {
        "accountkey" | "sharedkey" => vec![Authentication::AccountKey],
        "accountsas" => vec![Authentication::AccountSas],
        "servicesas" => vec![Authentication::ServiceSas],
        "userdelegationsas" => vec![Authentication::UserDelegationSas],
        "sas" | "saskey" => {
            vec![Authentication::AccountSas, Authentication::ServiceSas, Authentication::UserDelegationSas]
        }
        "oauth" | "trustedaccess" => vec![Authentication::OAuth],
        "anonymous" => vec![Authentication::Anonymous],
        // A word this table does not know (Kerberos, local users): it may be let in by rules of its own.
        _ => Vec::new(),
    }
}

/// Everything one request is judged by.
struct Scene<'a> {
    account: Resource<'a>,
    container: &'a Value,
    request: &'a StorageRequest,
    rbac: Option<Outcome>,
}

impl Scene<'_> {
    fn check(&self, reason: Reason, truth: Truth, path: &str, says: &str, source: &str) -> Check {
        Check { reason, truth, clause: self.account.clause(path, says, source) }
    }

    fn network(&self, authentication: Option<Authentication>) -> Check {
        let request = self.request;
        let entra = match authentication {
            Some(Authentication::OAuth) => Truth::True,
            Some(_) => Truth::False,
            None => Truth::missing("request.auth.type"),
        };
        let caller = Caller {
            ip: request.caller_ip.as_deref().and_then(network::address),
            via_private_endpoint: request.via_private_endpoint,
            subnet: request.subnet_id.clone(),
            trusted_service: request.trusted_service,
            entra,
            instance: match request.auth.fields.get("resourceInstance").and_then(Value::as_str) {
                Some(id) => Fact::Known(id.to_owned()),
                None => Fact::Unknown,
            },
        };
        let (truth, path) = network::reaches(&self.account, &caller, "properties.networkAcls");
        let says = match truth {
            Truth::True => "the network rules let this caller in",
            Truth::False => "no network rule lets this caller in",
            Truth::Unknown(_) => "whether a network rule lets this caller in is not recorded",
        };
        self.check(Reason::Network, truth, &path, says, network::NETWORK)
    }

    fn transport(&self) -> [Check; 2] {
        [
            self.check(
                Reason::SecureTransfer,
                transport::secure_transfer(&self.account, self.request),
                transport::SECURE_TRANSFER,
                "where secure transfer is required, http is refused",
                "Require secure transfer to ensure secure connections",
            ),
            self.check(
                Reason::TlsVersion,
                transport::tls(&self.account, self.request),
                transport::MINIMUM_TLS,
                "TLS older than the minimum is refused",
                "Enforce a minimum required version of Transport Layer Security (TLS) for requests to a storage account",
            ),
        ]
    }

    fn authorization(&self, authentication: Authentication) -> Vec<Check> {
        match authentication {
            Authentication::AccountKey => self.signed_with_account_key().into(),
            Authentication::AccountSas => {
                let sas = self.sas();
                let mut checks: Vec<Check> = self.signed_with_account_key().into();
                checks.extend(self.fields(&sas));
                let source = "Create an account SAS";
                checks.push(self.check(Reason::SasService, sas.of_service(), "", "`ss` names the service", source));
                let says = "`srt` names the type of resource";
                checks.push(self.check(Reason::SasResourceType, sas.of_resource_type(), "", says, source));
                checks
            }
            Authentication::ServiceSas => {
                let mut checks: Vec<Check> = self.signed_with_account_key().into();
                checks.extend(self.fields(&self.sas()));
                checks
            }
            Authentication::UserDelegationSas => {
                let says = "a delegation key made before the last revocation is dead";
                let alive = key::delegation_alive(self.request);
                let mut checks =
                    vec![self.check(Reason::DelegationKeyRevoked, alive, "", says, "Create a user delegation SAS")];
                checks.extend(self.fields(&self.sas()));
                checks.push(self.rbac(self.request.auth.fields.contains_key("suoid")));
                checks
            }
            Authentication::OAuth => vec![self.rbac(true)],
            Authentication::Anonymous => self.anonymous().into(),
        }
    }

    fn signed_with_account_key(&self) -> [Check; 2] {
        [
            self.check(
                Reason::SharedKeyDisabled,
                key::permitted(&self.account),
                key::SHARED_KEY,
                "`false` refuses whatever an account key signs; absent counts as true",
                "Prevent authorization with Shared Key",
            ),
            self.check(
                Reason::KeyRotated,
                key::alive(&self.account, self.request),
                "keys",
                "a key taken before it was regenerated signs nothing any more",
                "Manage storage account access keys",
            ),
        ]
    }

    fn sas(&self) -> Sas<'_> {
        Sas::read(self.request, self.container, &self.account)
    }

    fn fields(&self, sas: &Sas) -> [Check; 5] {
        let source = "Grant limited access to Azure Storage resources using shared access signatures (SAS)";
        let check = |reason, truth, says| self.check(reason, truth, "", says, source);
        [
            check(Reason::SasExpired, sas.going(), "the signature is good until `se`"),
            check(Reason::SasNotYetValid, sas.begun(), "the signature is good from `st` on"),
            check(Reason::SasPermission, sas.permits(), "`sp` holds the permission that the operation needs"),
            check(Reason::SasIp, sas.reaches_from(), "`sip` holds the caller's address"),
            check(Reason::SasProtocol, sas.over(), "`spr` holds the protocol"),
        ]
    }

    /// `acls`: on an account with a hierarchical namespace POSIX access control lists may still grant.
    fn rbac(&self, acls: bool) -> Check {
        let truth = match self.rbac {
            Some(Outcome::Allowed) => Truth::True,
            Some(Outcome::Denied) if acls => {
                let listed = self.account.unless("properties.isHnsEnabled", true, Truth::True);
                match listed {
                    Truth::True => Truth::False,
                    Truth::False => Truth::missing("accessControlLists"),
                    Truth::Unknown(missing) => Truth::Unknown(missing),
                }
            }
            Some(Outcome::Denied) => Truth::False,
            Some(Outcome::Unknown) | None => Truth::missing("rbac"),
        };
        let source = "Assign an Azure role for access to blob data";
        self.check(Reason::Rbac, truth, "", "the token's principal must hold the data action", source)
    }

    fn anonymous(&self) -> [Check; 3] {
        let source = "Remediate anonymous read access to blob data";
        let container = anonymous::container_allows(&self.account, self.container, self.request);
        [
            self.check(
                Reason::PublicAccessDisabled,
                anonymous::account_allows(&self.account),
                anonymous::PUBLIC_ACCESS,
                "`false` refuses every anonymous request; absent changed its meaning between API versions",
                source,
            ),
            self.check(
                Reason::ContainerPrivate,
                container,
                "",
                "the container's level of public access covers it",
                source,
            ),
            self.check(Reason::AnonymousWrite, anonymous::reads(self.request), "", "nobody writes anonymously", source),
        ]
    }

    fn checks(&self, authentication: Authentication) -> Vec<Check> {
        let mut checks = vec![self.network(Some(authentication))];
        checks.extend(self.transport());
        checks.extend(self.authorization(authentication));
        checks
    }
}

/// The first certain failure, else unknown with every fact, else allowed.
fn sum(mut checks: Vec<Check>) -> Decision {
    checks.sort_by_key(|check| check.reason);
    if let Some(failed) = checks.iter().find(|check| check.truth.is_false()) {
        return Decision {
            decision: Outcome::Denied,
            reason: failed.reason,
            error_code: failed.reason.error_code(),
            missing: Missing::new(),
            clauses: vec![failed.clause.clone()],
        };
    }
    let (mut missing, mut clauses) = (Missing::new(), Vec::new());
    for check in &checks {
        if let Truth::Unknown(facts) = &check.truth {
            missing.extend(facts.iter().cloned());
            clauses.push(check.clause.clone());
        }
    }
    if missing.is_empty() {
        let clauses = checks.into_iter().map(|check| check.clause).collect();
        let (decision, reason) = (Outcome::Allowed, Reason::Ok);
        return Decision { decision, reason, error_code: None, missing, clauses };
    }
    Decision { decision: Outcome::Unknown, reason: Reason::Unknown, error_code: None, missing, clauses }
}

/// Whether the account answers the request. `account` is the ARM resource, with `keys` beside its properties where
/// rotations are on record; `container` is the container (`null`: not collected); `rbac` is what the RBAC gate says of
/// the token's principal, or of the signer of a user delegation SAS; `unknown_paths` are properties nobody recorded.
pub fn decide(
    account: &Value,
    container: &Value,
    request: &StorageRequest,
    rbac: Option<Outcome>,
    unknown_paths: &[String],
) -> Decision {
    let scene = Scene { account: Resource::new(account, unknown_paths), container, request, rbac };
    let candidates = candidates(request.auth.kind.as_deref());
    let decisions: Vec<Decision> = candidates.iter().map(|one| sum(scene.checks(*one))).collect();
    let Some(first) = decisions.first() else {
        let mut checks = vec![scene.network(None)];
        checks.extend(scene.transport());
        checks.push(scene.check(Reason::Rbac, Truth::missing("request.auth.type"), "", "", network::NETWORK));
        return sum(checks);
    };
    if decisions.iter().all(|decision| decision.decision == first.decision && first.decision != Outcome::Unknown) {
        // Whatever it was, the answer is the same; the earliest reason is the one that needs no guess.
        return decisions.iter().min_by_key(|decision| decision.reason).unwrap_or(first).clone();
    }
    let mut unknown = Decision {
        decision: Outcome::Unknown,
        reason: Reason::Unknown,
        error_code: None,
        missing: decisions.iter().flat_map(|decision| decision.missing.iter().cloned()).collect(),
        clauses: Vec::new(),
    };
    if decisions.len() > 1 {
        unknown.missing.insert("request.auth.type".into());
    }
    for clause in decisions.into_iter().filter(|d| d.decision != Outcome::Allowed).flat_map(|d| d.clauses) {
        if !unknown.clauses.contains(&clause) {
            unknown.clauses.push(clause);
        }
    }
    unknown
}

/// The same in the terms of the attack. A firewall with address rules is no wall to whoever comes from one of them: in
/// a hypothetical request that is the attacker's choice.
pub fn answer(
    account: &Value,
    container: &Value,
    request: &StorageRequest,
    rbac: Option<Outcome>,
    unknown_paths: &[String],
    attacker: &Attacker,
    stance: Stance,
) -> Answer {
    let decision = decide(account, container, request, rbac, unknown_paths);
    if decision.reason == Reason::Network
        && stance == Stance::Hypothetical
        && !attacker.lacks.contains(&Word::AllowedEgressAddress)
        && admits_some_address(&Resource::new(account, unknown_paths))
    {
        // Admitted by address, the rest of the request decides.
        let inside = StorageRequest { via_private_endpoint: Some(true), ..request.clone() };
        let mut answer = of(decide(account, container, &inside, rbac, unknown_paths));
        if !attacker.holds.contains(&Word::AllowedEgressAddress) && answer.level > Level::Challenged {
            answer.level = Level::Challenged;
            answer.reason = Reason::Network.word().to_owned();
            answer.missing.clear();
            answer.words.insert(Word::AllowedEgressAddress);
            answer.clauses = decision.clauses;
        }
        return answer;
    }
    of(decision)
}

fn admits_some_address(account: &Resource) -> bool {
    let public = match account.word("properties.publicNetworkAccess") {
        Fact::Known(word) => word == "enabled",
        Fact::Absent => true,
        Fact::Unknown => false,
    };
    let rules = account.list("properties.networkAcls.ipRules").known().is_some_and(|rules| !rules.is_empty());
    public && rules
}

fn of(decision: Decision) -> Answer {
    let level = match decision.decision {
        Outcome::Allowed => Level::NotCut,
        Outcome::Denied => Level::Cut,
        Outcome::Unknown => Level::Unknown,
    };
    let mut answer = Answer::of(level, decision.reason.word());
    answer.missing = decision.missing;
    answer.clauses = decision.clauses;
    answer
}
