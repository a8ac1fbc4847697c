//! Data-plane record + environment → what the storage gate and Azure RBAC are asked.

use super::sign_in::is_private;
use crate::model::request::{DataAuthentication, StorageRequest};
use crate::model::{ActorKind, DataDetail, Document, Environment, Event, Kind, ObjectId, ResourceId, Timestamp, json};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// One operation of the data plane: the permission it needs in a SAS and the data action it needs in a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataOperation {
    pub name: &'static str,
    pub service: &'static str,
    /// SAS permission letter.
    pub permission: &'static str,
    /// SAS resource type: `s` service, `c` container, `o` object.
    pub resource_type: &'static str,
    pub action: &'static str,
    /// False for the few data requests that a *control* action authorises (containers).
    pub is_data_action: bool,
    pub suboperation: Option<&'static str>,
    /// Hands content to the caller.
    pub reads: bool,
}

const BLOB_READ: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read";
const BLOB_WRITE: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write";
const BLOB_DELETE: &str = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete";
const FILE_READ: &str = "Microsoft.Storage/storageAccounts/fileServices/fileshares/files/read";
const FILE_WRITE: &str = "Microsoft.Storage/storageAccounts/fileServices/fileshares/files/write";
const FILE_DELETE: &str = "Microsoft.Storage/storageAccounts/fileServices/fileshares/files/delete";
const QUEUE_READ: &str = "Microsoft.Storage/storageAccounts/queueServices/queues/messages/read";
const TABLE_READ: &str = "Microsoft.Storage/storageAccounts/tableServices/tables/entities/read";

const fn blob(
    name: &'static str,
    permission: &'static str,
    resource_type: &'static str,
    action: &'static str,
    suboperation: Option<&'static str>,
    reads: bool,
) -> DataOperation {
    DataOperation {
        name,
        service: "blob",
        permission,
        resource_type,
        action,
        is_data_action: true,
        suboperation,
        reads,
    }
}

/// Source: *Permissions for calling data operations* (storage services REST reference), *Create an account SAS*.
const OPERATIONS: &[DataOperation] = &[
    blob("GetBlob", "r", "o", BLOB_READ, None, true),
    blob("GetBlobProperties", "r", "o", BLOB_READ, None, false),
    blob("GetBlobMetadata", "r", "o", BLOB_READ, None, false),
    blob("GetBlobTags", "t", "o", BLOB_READ, None, false),
    blob("QueryBlobContents", "r", "o", BLOB_READ, None, true),
    blob("ListBlobs", "l", "c", BLOB_READ, Some("Blob.List"), false),
    blob("ListContainers", "l", "s", "Microsoft.Storage/storageAccounts/blobServices/containers/read", None, false),
    blob(
        "GetContainerProperties",
        "r",
        "c",
        "Microsoft.Storage/storageAccounts/blobServices/containers/read",
        None,
        false,
    ),
    // Nothing a SAS may do: the key is asked for with a token.
    DataOperation {
        is_data_action: false,
        ..blob(
            "GetUserDelegationKey",
            "",
            "s",
            "Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action",
            None,
            false,
        )
    },
    blob("PutBlob", "w", "o", BLOB_WRITE, None, false),
    blob("PutBlock", "w", "o", BLOB_WRITE, None, false),
    blob("PutBlockList", "w", "o", BLOB_WRITE, None, false),
    blob("CopyBlob", "w", "o", BLOB_WRITE, None, false),
    blob("SetBlobMetadata", "w", "o", BLOB_WRITE, None, false),
    blob("DeleteBlob", "d", "o", BLOB_DELETE, None, false),
    DataOperation { service: "file", ..blob("GetFile", "r", "o", FILE_READ, None, true) },
    DataOperation { service: "file", ..blob("PutRange", "w", "o", FILE_WRITE, None, false) },
    DataOperation { service: "file", ..blob("DeleteFile", "d", "o", FILE_DELETE, None, false) },
    DataOperation { service: "queue", ..blob("GetMessages", "p", "o", QUEUE_READ, None, true) },
    DataOperation { service: "queue", ..blob("PeekMessages", "r", "o", QUEUE_READ, None, true) },
    DataOperation { service: "table", ..blob("QueryEntities", "r", "o", TABLE_READ, None, true) },
];

/// The row of an operation; none for one the table does not know (then its need is unknown, not absent).
pub fn data_operation(name: &str) -> Option<&'static DataOperation> {
    OPERATIONS.iter().find(|row| row.name.eq_ignore_ascii_case(name))
}

/// Whose delegation key signed the SAS of a request; none for every other kind of authorization. The signer's roles
/// count when the SAS is used. Source: *Create a user delegation SAS*.
pub fn signer_of(detail: &DataDetail) -> Option<ObjectId> {
    detail.sas.get("skoid").map(|id| ObjectId::new(id))
}

/// Key Vault operation of the audit log → data action. Source: *Azure Key Vault logging*, *Azure built-in roles for
/// Key Vault data plane operations*.
pub fn vault_operation(name: &str) -> Option<&'static str> {
    const ROWS: &[(&str, &str)] = &[
        ("SecretGet", "Microsoft.KeyVault/vaults/secrets/getSecret/action"),
        ("SecretList", "Microsoft.KeyVault/vaults/secrets/readMetadata/action"),
        ("SecretSet", "Microsoft.KeyVault/vaults/secrets/setSecret/action"),
        ("KeyGet", "Microsoft.KeyVault/vaults/keys/read"),
        ("KeyList", "Microsoft.KeyVault/vaults/keys/read"),
        ("KeyDecrypt", "Microsoft.KeyVault/vaults/keys/decrypt/action"),
        ("KeyUnwrap", "Microsoft.KeyVault/vaults/keys/unwrap/action"),
        ("KeySign", "Microsoft.KeyVault/vaults/keys/sign/action"),
        ("CertificateGet", "Microsoft.KeyVault/vaults/certificates/read"),
        ("CertificateList", "Microsoft.KeyVault/vaults/certificates/read"),
    ];
    ROWS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, action)| *action)
}

/// The account (or vault) a data record names, by id or by name.
pub fn account_document<'a>(env: &'a Environment, detail: &DataDetail) -> Option<(ResourceId, &'a Document)> {
    if let Some(id) = &detail.resource
        && let Some(document) = account_of(env, id)
    {
        return Some(document);
    }
    let wanted = if detail.service.eq_ignore_ascii_case("keyvault") {
        "microsoft.keyvault/vaults"
    } else {
        "microsoft.storage/storageaccounts"
    };
    let name = detail.account.rsplit('/').next().unwrap_or(&detail.account);
    let index = env.derived(Kind::Resources, "accounts", |documents| {
        let mut accounts = Accounts::default();
        for (key, document) in documents.iter() {
            let account =
                key.contains("/microsoft.storage/storageaccounts/") || key.contains("/microsoft.keyvault/vaults/");
            let id = ResourceId::new(json::text(&document.body, "id").unwrap_or(key));
            if account && let Some(of_type) = id.resource_type() {
                accounts.0.entry((of_type.to_lowercase(), id.name().to_lowercase())).or_insert(id);
            }
        }
        accounts
    });
    let id = index.0.get(&(wanted.to_owned(), name.to_lowercase()))?.clone();
    let document = env.get(Kind::Resources, id.folded())?;
    Some((id, document))
}

/// Storage accounts and vaults by (type, name), lower case; the first by id where a name is met twice.
#[derive(Default)]
struct Accounts(BTreeMap<(String, String), ResourceId>);

fn account_of<'a>(env: &'a Environment, id: &ResourceId) -> Option<(ResourceId, &'a Document)> {
    let mut at = Some(id.clone());
    while let Some(id) = at {
        if let Some(document) = env.get(Kind::Resources, id.folded())
            && id.resource_type().is_some_and(|t| {
                t.eq_ignore_ascii_case("Microsoft.Storage/storageAccounts")
                    || t.eq_ignore_ascii_case("Microsoft.KeyVault/vaults")
            })
        {
            return Some((id, document));
        }
        at = id.parent();
    }
    None
}

/// `{ "publicAccess": … }` of a container; an empty object where the snapshot has the account's containers but not
/// this one's level.
pub fn container_document(env: &Environment, account: &ResourceId, container: &str) -> Option<Value> {
    let id = format!("{}/blobServices/default/containers/{container}", account.folded());
    let document = env.get(Kind::Resources, &id)?;
    let level = json::path(&document.body, "properties.publicAccess").cloned();
    Some(level.map_or_else(|| json!({}), |level| json!({ "publicAccess": level })))
}

/// The request the storage gate is asked. `key_obtained`: when the caller got the key, where that is known.
pub fn storage_request(event: &Event, detail: &DataDetail, key_obtained: Option<Timestamp>) -> StorageRequest {
    let row = data_operation(&event.action);
    let address = event.source_ip.known().copied();
    let public = address.map(|ip| !is_private(ip));
    let hash = detail.hash.known().map(|h| h.to_string());
    StorageRequest {
        service: detail.service.to_string(),
        operation: event.action.to_string(),
        needed_permission: row.map(|r| r.permission.to_owned()),
        resource_type: row.map(|r| r.resource_type.to_owned()),
        time: event.time,
        caller_ip: address.map(|ip| ip.to_string()),
        // Private endpoint traffic shows the caller's private address: a public one came over the public endpoint.
        via_private_endpoint: public.and_then(|public| public.then_some(false)),
        subnet_id: None,
        trusted_service: match (detail.authentication.known().map(|a| a.as_ref()), event.actor.kind) {
            (Some("TrustedAccess"), _) => Some(true),
            (_, ActorKind::User | ActorKind::Credential) => Some(false),
            (_, ActorKind::ServicePrincipal | ActorKind::ManagedIdentity | ActorKind::Unknown) => None,
        },
        protocol: detail.protocol.known().map(|p| p.to_lowercase()),
        tls_version: detail.tls.known().map(|t| t.to_string()),
        auth: DataAuthentication {
            kind: authentication_kind(detail),
            key_name: hash.as_deref().and_then(key_name),
            key_obtained,
            signed_key_start: detail.sas.get("skt").and_then(|t| t.parse().ok()),
            keys_revoked_at: None,
            fields: detail.sas.iter().map(|(k, v)| (k.clone(), json!(v))).collect(),
        },
    }
}

/// `key1(…)` → `key1`.
fn key_name(hash: &str) -> Option<String> {
    let name = hash.split('(').next()?;
    (hash.contains('(') && name.to_lowercase().starts_with("key")).then(|| name.to_owned())
}

/// Which of the three SAS kinds a record shows: a user delegation key is named by its fields, a service SAS by `sr`
/// without `ss`, an account SAS by `ss`. None: the record does not tell.
fn authentication_kind(detail: &DataDetail) -> Option<String> {
    let kind = detail.authentication.known()?;
    Some(
        match kind.as_ref() {
            "SAS" => {
                if detail.sas.contains_key("skoid") {
                    "UserDelegationSAS"
                } else if detail.sas.contains_key("ss") {
                    "AccountSAS"
                } else if detail.sas.contains_key("sr") && detail.hash.known().is_some_and(|h| key_name(h).is_some()) {
                    "ServiceSAS"
                } else {
                    return None;
                }
            }
            "TrustedAccess" => "OAuth",
            other => other,
        }
        .to_owned(),
    )
}

/// Whether the operation hands out a link to the content of a disk or a snapshot.
pub fn exports_disk(operation: &str) -> bool {
    let operation = operation.to_lowercase();
    operation.starts_with("microsoft.compute/") && operation.ends_with("/begingetaccess/action")
}
