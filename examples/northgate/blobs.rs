//! The storage log (`StorageBlobLogs`): one struct a request, as a row of an export and as a line of the portal's CSV.

use super::estate::*;
use super::kit::{At, cell, guid, line};
use serde_json::{Value, json};

#[derive(Clone)]
pub enum Authentication {
    /// Which key of the account.
    Key {
        name: &'static str,
        hash: String,
    },
    OAuth {
        caller: String,
        upn: Option<String>,
        app: String,
        grant: super::activity::Grant,
        token: String,
    },
}

#[derive(Clone)]
pub struct Request {
    pub at: At,
    pub key: String,
    pub account: &'static str,
    pub operation: &'static str,
    pub container: &'static str,
    pub object: Option<String>,
    pub read: i64,
    pub written: i64,
    /// With the port, as the log has it.
    pub caller: String,
    pub authentication: Authentication,
    pub agent: &'static str,
}

pub const COLUMNS: [&str; 25] = [
    "TimeGenerated",
    "AccountName",
    "Category",
    "OperationName",
    "AuthenticationType",
    "AuthenticationHash",
    "AuthorizationDetails",
    "StatusCode",
    "StatusText",
    "CallerIpAddress",
    "Uri",
    "ObjectKey",
    "Protocol",
    "TlsVersion",
    "ServiceType",
    "RequesterObjectId",
    "RequesterUpn",
    "RequesterAppId",
    "RequesterTenantId",
    "ResponseBodySize",
    "RequestBodySize",
    "CorrelationId",
    "UserAgentHeader",
    "Type",
    "_ResourceId",
];

impl Request {
    fn category(&self) -> &'static str {
        match self.operation {
            "PutBlob" | "AppendBlock" => "StorageWrite",
            _ => "StorageRead",
        }
    }

    pub fn row(&self) -> Value {
        let account = if self.account == "proddata" { proddata() } else { applogs() };
        let host = format!("https://{}.blob.core.windows.net:443/{}", self.account, self.container);
        let (uri, object) = match &self.object {
            Some(object) => (format!("{host}/{object}"), format!("/{}/{}/{object}", self.account, self.container)),
            None => (format!("{host}?restype=container&comp=list"), format!("/{}/{}", self.account, self.container)),
        };
        let mut row = json!({ "TimeGenerated": self.at.iso(), "AccountName": self.account, "Category": self.category(),
            "OperationName": self.operation, "StatusCode": if self.category() == "StorageWrite" { "201" } else { "200" },
            "StatusText": "Success", "CallerIpAddress": self.caller, "Uri": uri, "ObjectKey": object,
            "Protocol": "HTTPS", "TlsVersion": "TLS 1.2", "ServiceType": "blob",
            "ResponseBodySize": self.read, "RequestBodySize": self.written, 
            "CorrelationId": guid(&format!("blob/{}", self.key)), "UserAgentHeader": self.agent,
            "Type": "StorageBlobLogs",
            "RequesterObjectId": "", "RequesterUpn": "", "RequesterAppId": "", "RequesterTenantId": "",
            "_ResourceId": format!("{}/blobservices/default", account.to_lowercase()) });
        match &self.authentication {
            Authentication::Key { name, hash } => {
                row["AuthenticationType"] = json!("AccountKey");
                row["AuthenticationHash"] = json!(format!("{name}({hash})"));
                row["AuthorizationDetails"] = json!([]);
            }
            Authentication::OAuth { caller, upn, app, grant, token } => {
                let verb = if self.category() == "StorageWrite" { "write" } else { "read" };
                row["AuthenticationType"] = json!("OAuth");
                row["AuthenticationHash"] = json!(token);
                row["RequesterObjectId"] = json!(caller);
                row["RequesterUpn"] = json!(upn.clone().unwrap_or_default());
                row["RequesterAppId"] = json!(app);
                row["RequesterTenantId"] = json!(tenant());
                row["AuthorizationDetails"] = json!([{
                    "action": format!("Microsoft.Storage/storageAccounts/blobServices/containers/blobs/{verb}"),
                    "roleAssignmentId": grant.assignment, "roleDefinitionId": role_id(grant.role),
                    "principals": [{ "id": grant.principal, "type": grant.kind }], "denyAssignmentId": "" }]);
            }
        }
        row
    }

    /// The portal writes times its own way and dynamic columns as JSON in a cell.
    pub fn csv(&self) -> String {
        let row = self.row();
        let cells: Vec<String> = COLUMNS
            .iter()
            .map(|column| match (*column, &row[*column]) {
                ("TimeGenerated", _) => cell(&self.at.portal()),
                (_, Value::String(text)) => cell(text),
                (_, other) => cell(&line(other)),
            })
            .collect();
        cells.join(",") + "\r\n"
    }

    pub fn csv_head() -> String {
        let names: Vec<String> = COLUMNS
            .iter()
            .map(|c| if *c == "TimeGenerated" { format!("{c} [UTC]") } else { (*c).to_owned() })
            .collect();
        format!("\u{feff}{}\r\n", names.join(","))
    }
}
