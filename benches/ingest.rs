//! How fast logs are read: a generated activity log, sign-ins and storage rows, whole and behind a byte pre-filter.
//!
//! `cargo bench --bench ingest`; `CUTSET_BENCH_FILE=path cargo bench --bench ingest -- write` leaves a file of a
//! gigabyte behind for measuring memory (`/usr/bin/time -v cutset check CASE`).

use cutset::ingest::{InputFile, Item, Needles, read_filtered};
use std::fmt::Write;
use std::sync::Arc;

fn main() {
    if let (Some(path), true) = (std::env::var_os("CUTSET_BENCH_FILE"), std::env::args().any(|a| a == "write")) {
        let mut file = std::io::BufWriter::new(std::fs::File::create(path).expect("a file to write"));
        for i in 0.. {
            let chunk = activity(i * 10_000, 10_000);
            std::io::Write::write_all(&mut file, chunk.as_bytes()).expect("room on the disk");
            if (i + 1) * chunk.len() > 1_000_000_000 {
                return;
            }
        }
    }
    divan::main();
}

fn minute(i: usize) -> String {
    format!(
        "2026-03-{:02}T{:02}:{:02}:{:02}.{:07}Z",
        1 + i / 86_400 % 28,
        i / 3600 % 24,
        i / 60 % 60,
        i % 60,
        i % 9_999_999
    )
}

/// Start and Success of operations on many resources, as Log Analytics exports them.
fn activity(from: usize, records: usize) -> String {
    let mut text = String::new();
    for i in from..from + records {
        let (operation, success) = (i / 2, i % 2 == 1);
        let id = format!(
            "/subscriptions/22222222-aaaa-4bbb-8ccc-000000000002/resourceGroups/rg-{}/providers/Microsoft.Compute/virtualMachines/vm-{}",
            operation % 40,
            operation % 700
        );
        let status = if success { "Success" } else { "Start" };
        let authorization = format!(
            r#"{{\"action\":\"Microsoft.Compute/virtualMachines/write\",\"scope\":\"{id}\",\"evidence\":{{\"role\":\"Contributor\",\"roleAssignmentScope\":\"/subscriptions/22222222-aaaa-4bbb-8ccc-000000000002\",\"roleAssignmentId\":\"9a000001000040008000000000000001\",\"roleDefinitionId\":\"b24988ac618042a0ab8820f7382dd24c\",\"principalId\":\"aaaa0001000040008000{:012}\",\"principalType\":\"User\"}}}}"#,
            operation % 90
        );
        let claims = format!(
            r#"{{\"aud\":\"https://management.core.windows.net/\",\"iss\":\"https://sts.windows.net/11111111-aaaa-4bbb-8ccc-000000000001/\",\"iat\":\"1774000000\",\"exp\":\"1774003600\",\"http://schemas.microsoft.com/claims/authnmethodsreferences\":\"pwd,mfa\",\"appid\":\"c44b4083-3bb0-49c1-b47d-974e53cbdf3c\",\"ipaddr\":\"203.0.113.{}\",\"http://schemas.microsoft.com/identity/claims/objectidentifier\":\"aaaa0001-0000-4000-8000-{:012}\",\"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn\":\"user{}@contoso.example\",\"uti\":\"uti{operation}\"}}"#,
            operation % 250,
            operation % 90,
            operation % 90
        );
        let properties = format!(
            r#"{{\"eventCategory\":\"Administrative\",\"entity\":\"{id}\",\"message\":\"Microsoft.Compute/virtualMachines/write\",\"hierarchy\":\"11111111-aaaa-4bbb-8ccc-000000000001/22222222-aaaa-4bbb-8ccc-000000000002\"}}"#
        );
        let _ = writeln!(
            text,
            r#"{{"TenantId":"11111111-aaaa-4bbb-8ccc-000000000001","SourceSystem":"Azure","TimeGenerated":"{}","OperationNameValue":"MICROSOFT.COMPUTE/VIRTUALMACHINES/WRITE","Level":"Informational","ActivityStatusValue":"{status}","ActivitySubstatusValue":"","Caller":"user{}@contoso.example","CallerIpAddress":"203.0.113.{}","CategoryValue":"Administrative","CorrelationId":"c0440000-0000-4000-8000-{operation:012}","Authorization":"{authorization}","Claims":"{claims}","Properties":"{properties}","HTTPRequest":"{{\"clientRequestId\":\"r\",\"clientIpAddress\":\"203.0.113.1\",\"method\":\"PUT\"}}","EventDataId":"e0e00000-0000-4000-8000-{i:012}","ResourceGroup":"RG","ResourceProviderValue":"MICROSOFT.COMPUTE","SubscriptionId":"22222222-aaaa-4bbb-8ccc-000000000002","Type":"AzureActivity","_ResourceId":"{}"}}"#,
            minute(operation),
            operation % 90,
            operation % 250,
            id.to_lowercase(),
        );
    }
    text
}

fn sign_ins(records: usize) -> String {
    let mut text = String::new();
    for i in 0..records {
        let _ = writeln!(
            text,
            r#"{{"TimeGenerated":"{}","OperationName":"Sign-in activity","Category":"SignInLogs","ResultType":"0","CorrelationId":"c-{i}","AppDisplayName":"Azure Portal","AppId":"c44b4083-3bb0-49c1-b47d-974e53cbdf3c","AuthenticationDetails":"[{{\"authenticationMethod\":\"Password\",\"succeeded\":true,\"authenticationStepResultDetail\":\"Correct password\",\"authenticationStepRequirement\":\"Primary authentication\"}}]","AuthenticationRequirement":"singleFactorAuthentication","ClientAppUsed":"Browser","ConditionalAccessPolicies":"[{{\"id\":\"ca1\",\"displayName\":\"One\",\"result\":\"notApplied\",\"enforcedGrantControls\":[]}},{{\"id\":\"ca2\",\"displayName\":\"Two\",\"result\":\"success\",\"enforcedGrantControls\":[\"Mfa\"]}}]","ConditionalAccessStatus":"success","CreatedDateTime":"{}","DeviceDetail":"{{\"deviceId\":\"\",\"operatingSystem\":\"Windows10\",\"browser\":\"Edge\"}}","Id":"id-{i}","IPAddress":"203.0.113.{}","LocationDetails":"{{\"countryOrRegion\":\"GB\",\"city\":\"Leeds\"}}","Location":"GB","ResourceDisplayName":"Windows Azure Service Management API","ResourceIdentity":"797f4846-ba00-4fd7-ba43-dac1f8f63013","RiskLevelDuringSignIn":"none","Status":"{{\"errorCode\":0}}","UserAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36","UserId":"aaaa0001-0000-4000-8000-{:012}","UserPrincipalName":"user{}@contoso.example","UniqueTokenIdentifier":"uti{i}","UserType":"Member","Type":"SigninLogs"}}"#,
            minute(i),
            minute(i),
            i % 250,
            i % 90,
            i % 90,
        );
    }
    text
}

fn storage(records: usize) -> String {
    let mut text = "TimeGenerated [UTC],AccountName,OperationName,AuthenticationType,AuthenticationHash,StatusCode,StatusText,CallerIpAddress,CorrelationId,ObjectKey,Uri,UserAgentHeader,ResponseBodySize,Type,_ResourceId\r\n".to_owned();
    for i in 0..records {
        let _ = write!(
            text,
            "{},proddata,GetBlob,AccountKey,key1(AB12),200,Success,203.0.113.{}:1{:04},5b0b-{i},/proddata/customers/{i}.csv,https://proddata.blob.core.windows.net:443/customers/{i}.csv,azcopy/10,{},StorageBlobLogs,/subscriptions/22222222-aaaa-4bbb-8ccc-000000000002/resourcegroups/rg-data/providers/microsoft.storage/storageaccounts/proddata/blobservices/default\r\n",
            minute(i),
            i % 250,
            i % 9999,
            i * 37,
        );
    }
    text
}

fn run(bencher: divan::Bencher<'_, '_>, text: String, needles: Option<Needles>) {
    let bytes: Arc<[u8]> = text.into_bytes().into();
    bencher.counter(divan::counter::BytesCount::new(bytes.len())).bench_local(|| {
        let mut events = 0_u64;
        let file = InputFile::bytes("log", bytes.clone());
        read_filtered(&[file], needles.as_ref(), &mut |item| events += u64::from(matches!(item, Item::Event(_))));
        events
    });
}

#[divan::bench]
fn activity_lines(bencher: divan::Bencher<'_, '_>) {
    run(bencher, activity(0, 20_000), None);
}

#[divan::bench]
fn activity_lines_filtered(bencher: divan::Bencher<'_, '_>) {
    run(bencher, activity(0, 20_000), Some(Needles::new(["198.51.100.77", "admin@contoso.example"])));
}

#[divan::bench]
fn sign_in_lines(bencher: divan::Bencher<'_, '_>) {
    run(bencher, sign_ins(20_000), None);
}

#[divan::bench]
fn storage_csv(bencher: divan::Bencher<'_, '_>) {
    run(bencher, storage(50_000), None);
}

/// What the same bytes cost a parser that makes a `serde_json::Value` of each record and does nothing with it.
#[divan::bench]
fn value_per_record_for_comparison(bencher: divan::Bencher<'_, '_>) {
    let text = activity(0, 20_000);
    bencher
        .counter(divan::counter::BytesCount::new(text.len()))
        .bench_local(|| text.lines().filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()).count());
}
