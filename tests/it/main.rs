//! The one test program. Beside it stand folders of data, one per registry, and `cases/`: whole incidents.

mod architect;
mod arrows;
mod azure_policy;
mod azure_rbac;
mod cases;
mod catalogue;
mod check;
mod cli;
mod conditional_access;
mod controls;
mod correlate;
mod cuts;
mod docs;
mod example;
mod facts;
mod formats;
mod northgate;
mod pim;
mod redact;
mod registries;
mod render;
mod replay;
mod report;
mod schemas;
mod storage;
mod support;
