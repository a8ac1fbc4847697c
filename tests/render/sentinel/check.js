// Reads `{ "queries": [text, …] }` from stdin and writes, a query each, what the vendor's parser says of it: syntax, and
// names and types against the tables below. Needs @kusto/language-service-next (and js-yaml for `{ "yaml": [text, …] }`).
//
// Columns: Azure Monitor Logs reference, pages AzureActivity, SigninLogs, AuditLogs, StorageBlobLogs, AzureDiagnostics.

const TABLES = {
  AzureActivity: {
    ActivityStatusValue: "string", ActivitySubstatusValue: "string", Authorization: "string", Authorization_d: "dynamic",
    Caller: "string", CallerIpAddress: "string", CategoryValue: "string", Claims: "string", Claims_d: "dynamic",
    CorrelationId: "string", EventDataId: "string", EventSubmissionTimestamp: "datetime", Hierarchy: "string",
    HTTPRequest: "string", Level: "string", OperationId: "string", OperationNameValue: "string", Properties: "string",
    Properties_d: "dynamic", ResourceGroup: "string", ResourceProviderValue: "string", SourceSystem: "string",
    SubscriptionId: "string", TenantId: "string", TimeGenerated: "datetime", Type: "string", _ResourceId: "string",
    _SubscriptionId: "string",
  },
  SigninLogs: {
    AppDisplayName: "string", AppId: "string", AuthenticationRequirement: "string", ConditionalAccessStatus: "string",
    CorrelationId: "string", DeviceDetail: "dynamic", IPAddress: "string", Identity: "string", Location: "string",
    LocationDetails: "dynamic", ResourceDisplayName: "string", ResourceIdentity: "string", ResultDescription: "string",
    ResultType: "string", RiskLevelAggregated: "string", RiskLevelDuringSignIn: "string", RiskState: "string",
    Status: "dynamic", TimeGenerated: "datetime", UserAgent: "string", UserDisplayName: "string", UserId: "string",
    UserPrincipalName: "string", UserType: "string",
  },
  AuditLogs: {
    ActivityDateTime: "datetime", ActivityDisplayName: "string", AdditionalDetails: "dynamic", Category: "string",
    CorrelationId: "string", Identity: "string", InitiatedBy: "dynamic", LoggedByService: "string",
    OperationName: "string", Result: "string", ResultReason: "string", TargetResources: "dynamic",
    TimeGenerated: "datetime",
  },
  StorageBlobLogs: {
    AccountName: "string", AuthenticationHash: "string", AuthenticationType: "string", AuthorizationDetails: "dynamic",
    CallerIpAddress: "string", Category: "string", CorrelationId: "string", DurationMs: "real", Etag: "string",
    ObjectKey: "string", OperationName: "string", Protocol: "string", RequesterAppId: "string",
    RequesterObjectId: "string", RequesterUpn: "string", RequestBodySize: "long", ResponseBodySize: "long",
    ServiceType: "string", StatusCode: "string", StatusText: "string", TimeGenerated: "datetime", Uri: "string",
    UserAgentHeader: "string", _ResourceId: "string",
  },
  AzureDiagnostics: {
    CallerIPAddress: "string", Category: "string", CorrelationId: "string", OperationName: "string", Resource: "string",
    ResourceGroup: "string", ResourceProvider: "string", ResourceType: "string", ResultSignature: "string",
    ResultType: "string", TimeGenerated: "datetime", _ResourceId: "string",
  },
};

function kusto(queries) {
  require("@kusto/language-service-next/bridge.min");
  require("@kusto/language-service-next/Kusto.Language.Bridge.min");
  const { GlobalState, KustoCode, Symbols } = Kusto.Language;
  const tables = Object.entries(TABLES).map(([name, columns]) => {
    const symbols = Object.entries(columns).map(([column, type]) =>
      new Symbols.ColumnSymbol(column, Symbols.ScalarTypes.GetSymbol(type)));
    return new Symbols.TableSymbol.$ctor4(name, symbols);
  });
  const database = new Symbols.DatabaseSymbol.$ctor1("workspace", tables);
  const globals = GlobalState.Default.WithDatabase(database);
  return queries.map((text) => {
    const code = KustoCode.ParseAndAnalyze(text, globals);
    const found = code.GetDiagnostics();
    const all = [];
    for (let at = 0; at < found.Count; at++) {
      const item = found.getItem ? found.getItem(at) : found[at];
      all.push(`${item.Severity}: ${item.Message} at ${item.Start}: ${text.slice(item.Start, item.Start + item.Length)}`);
    }
    return all;
  });
}

let input = "";
process.stdin.on("data", (chunk) => (input += chunk));
process.stdin.on("end", () => {
  const asked = JSON.parse(input);
  const answer = {};
  if (asked.queries) answer.queries = kusto(asked.queries);
  if (asked.yaml) answer.yaml = asked.yaml.map((text) => require("js-yaml").load(text));
  process.stdout.write(JSON.stringify(answer));
});
