//! One record of one log, in one form whatever the product.

use super::{Evidence, Fact, ObjectId, ResourceId, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Units: `bytes` are bytes handed to the caller; `count` is 1 save for rows that already aggregate.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub time: Timestamp,
    /// End of the run, where the record says (aggregated rows).
    pub end: Option<Timestamp>,
    /// The platform's operation name: `SignIn`, `SignIn.ServicePrincipal`, `SignIn.ManagedIdentity`, the audit log's
    /// operation name, the provider operation in the provider's letter case, `GetBlob`, `SecretGet`, ...
    pub action: Arc<str>,
    pub actor: Actor,
    pub source_ip: Fact<IpAddr>,
    /// Two-letter country code.
    pub country: Fact<String>,
    pub user_agent: Fact<Arc<str>>,
    /// Display form: resource application's name, object's UPN or name, resource id, container.
    pub target: Arc<str>,
    /// Application id, object id or resource id of the target, as the log spells it.
    pub target_id: Option<Arc<str>>,
    pub outcome: Outcome,
    pub count: u64,
    pub bytes: u64,
    pub session_id: Option<Arc<str>>,
    pub correlation_id: Option<Arc<str>>,
    /// `uti`: unique token identifier, joins a call to the sign-in that issued its token.
    pub token_id: Option<Arc<str>>,
    /// The record's own id (request id, event data id): what makes two spellings of one record one.
    pub record_id: Option<Arc<str>>,
    /// Log table by its Log Analytics name (`SigninLogs`, `AzureActivity`, ...), whatever form it came in.
    pub log: &'static str,
    pub detail: Detail,
    pub evidence: Evidence,
}

impl Event {
    /// About how many bytes of memory the event holds.
    pub fn weight(&self) -> usize {
        let text = |text: &str| 64 + text.len();
        1024 + match &self.detail {
            Detail::SignIn(_) => 2560,
            Detail::Arm(detail) => [&detail.request_body, &detail.response_body, &detail.claims]
                .iter()
                .filter_map(|body| body.known())
                .map(held)
                .sum(),
            Detail::Data(detail) => 256 * detail.authorization.len(),
            Detail::Directory(detail) => {
                let changes = detail.targets.iter().flat_map(|target| target.modified.values());
                changes.map(|(old, new)| 256 + held(old) + held(new)).sum::<usize>() + 512 * detail.targets.len()
            }
            Detail::Alert(detail) => 2048 + detail.description.len(),
            Detail::Context(members) => members.iter().map(|(name, value)| text(name) + text(value)).sum(),
        }
    }
}

/// About how many bytes of memory a value holds.
fn held(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 32,
        Value::String(text) => 48 + text.len(),
        Value::Array(elements) => 64 + elements.iter().map(held).sum::<usize>(),
        Value::Object(members) => {
            512 + members.iter().map(|(name, value)| 80 + name.len() + held(value)).sum::<usize>()
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ActorKind {
    User,
    ServicePrincipal,
    ManagedIdentity,
    /// A key, SAS or anonymous caller: no identity in the record.
    Credential,
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Actor {
    pub kind: ActorKind,
    pub id: Option<ObjectId>,
    pub upn: Option<Arc<str>>,
    pub app_id: Option<Arc<str>>,
    /// What to print: UPN, display name, `account key`, ...
    pub name: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    Success,
    /// The platform's code (`53003`, `AuthorizationFailed`, `403`).
    Failure(Arc<str>),
    /// An interrupt (50074, 50076, ...): neither yet.
    Interrupted(Arc<str>),
    Unknown,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Detail {
    SignIn(Box<SignInDetail>),
    Arm(Box<ArmDetail>),
    Data(Box<DataDetail>),
    Directory(Box<DirectoryDetail>),
    Alert(Box<AlertDetail>),
    /// Named for context only (device, process, network records): no gate is asked.
    Context(BTreeMap<String, String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SignInCategory {
    Interactive,
    NonInteractive,
    ServicePrincipal,
    ManagedIdentity,
    MicrosoftServicePrincipal,
    Adfs,
}

/// One policy's result as the platform recorded it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppliedPolicy {
    pub id: Arc<str>,
    pub name: Arc<str>,
    /// `success`, `failure`, `notApplied`, `notEnabled`, `unknown`, `reportOnlySuccess`, `reportOnlyFailure`,
    /// `reportOnlyNotApplied`, `reportOnlyInterrupted`.
    pub result: Arc<str>,
    pub grant_controls: Vec<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct SignInDetail {
    pub category: SignInCategory,
    pub app_id: Fact<Arc<str>>,
    pub app_name: Fact<Arc<str>>,
    pub resource_id: Fact<Arc<str>>,
    pub resource_name: Fact<Arc<str>>,
    /// `conditionalAccessAudiences` (beta).
    pub audiences: Fact<Vec<Arc<str>>>,
    pub scopes: Fact<Vec<Arc<str>>>,
    /// As Conditional Access calls it: `browser`, `mobileAppsAndDesktopClients`, `exchangeActiveSync`, `other`.
    pub client_app_type: Fact<Arc<str>>,
    /// `windows`, `macOS`, `linux`, `iOS`, `android`, `windowsPhone`, `unsupported`.
    pub platform: Fact<Arc<str>>,
    /// `deviceDetail` with the properties a device filter reads, Graph names; absent: known not to be registered.
    pub device: Fact<Value>,
    /// `riskLevelDuringSignIn`, `riskLevelAggregated` (`hidden` is unknown).
    pub sign_in_risk: Fact<Arc<str>>,
    pub user_risk: Fact<Arc<str>>,
    /// `singleFactorAuthentication` or `multiFactorAuthentication`.
    pub requirement: Fact<Arc<str>>,
    /// Whether the token carries an MFA claim by the record's own telling.
    pub mfa: Fact<bool>,
    /// Combinations used (`password`, `fido2`, `password,microsoftAuthenticatorPush`), authentication-strength words.
    pub methods: Fact<Vec<Arc<str>>>,
    /// First factor satisfied by an earlier sign-in: a token request inside a session.
    pub previously_satisfied: Fact<bool>,
    /// `none`, `primaryRefreshToken`, `refreshToken`, ... (`incomingTokenType`).
    pub incoming_token: Fact<Arc<str>>,
    /// `none`, `deviceCodeFlow`, `authenticationTransfer`.
    pub transfer_method: Fact<Arc<str>>,
    pub original_transfer_method: Fact<Arc<str>>,
    pub authentication_contexts: Fact<Vec<Arc<str>>>,
    pub user_type: Fact<Arc<str>>,
    pub home_tenant: Fact<Arc<str>>,
    pub resource_tenant: Fact<Arc<str>>,
    pub applied_policies: Fact<Vec<AppliedPolicy>>,
    pub conditional_access_status: Fact<Arc<str>>,
    /// `status.errorCode`.
    pub error_code: Fact<i64>,
    /// Credential of a service principal's sign-in.
    pub credential_key_id: Fact<Arc<str>>,
    pub federated_credential_id: Fact<Arc<str>>,
}

/// Which assignment let an ARM or data call through, by the record's own telling.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Authorization {
    pub action: Option<Arc<str>>,
    pub scope: Option<Arc<str>>,
    pub role_assignment_id: Option<Arc<str>>,
    pub role_definition_id: Option<Arc<str>>,
    pub principal_id: Option<ObjectId>,
    pub principal_type: Option<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ArmDetail {
    pub resource: ResourceId,
    pub authorization: Option<Authorization>,
    /// `properties.requestbody`, parsed.
    pub request_body: Fact<Value>,
    pub response_body: Fact<Value>,
    /// Claims of the token used (full URIs as keys), where the record has them.
    pub claims: Fact<Value>,
    /// HTTP status, where the record has it.
    pub status: Fact<u16>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DataDetail {
    /// `blob`, `file`, `queue`, `table`, `keyvault`.
    pub service: Arc<str>,
    /// Account or vault: resource id where the record has one, else its name.
    pub account: Arc<str>,
    pub resource: Option<ResourceId>,
    /// Container, share, queue, table.
    pub container: Option<Arc<str>>,
    /// Blob, file or secret below it.
    pub object: Option<Arc<str>>,
    /// `AccountKey`, `SAS`, `OAuth`, `Anonymous`, `TrustedAccess`.
    pub authentication: Fact<Arc<str>>,
    /// `key1(hash)`, `key1(hash),SasSignature(hash)`, token hash.
    pub hash: Fact<Arc<str>>,
    pub authorization: Vec<Authorization>,
    /// Parsed SAS query fields where the URI kept them (signature masked).
    pub sas: BTreeMap<String, String>,
    pub protocol: Fact<Arc<str>>,
    pub tls: Fact<Arc<str>>,
    pub status: Fact<u16>,
    pub status_text: Fact<Arc<str>>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct DirectoryDetail {
    pub category: Option<Arc<str>>,
    pub service: Option<Arc<str>>,
    pub targets: Vec<AuditTarget>,
    pub additional: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AuditTarget {
    /// `User`, `Group`, `Role`, `ServicePrincipal`, `Application`, `Policy`, `Device`, `Other`.
    pub kind: Arc<str>,
    pub id: Option<Arc<str>>,
    pub name: Option<Arc<str>>,
    pub upn: Option<Arc<str>>,
    /// property -> (old, new), JSON strings decoded as far as they go.
    pub modified: BTreeMap<String, (Value, Value)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct AlertDetail {
    pub product: Arc<str>,
    pub title: Arc<str>,
    pub severity: Arc<str>,
    pub tactics: Vec<Arc<str>>,
    pub techniques: Vec<Arc<str>>,
    pub description: Arc<str>,
    pub principals: Vec<Arc<str>>,
    pub addresses: Vec<IpAddr>,
    pub resources: Vec<Arc<str>>,
    pub alert_id: Option<Arc<str>>,
}
