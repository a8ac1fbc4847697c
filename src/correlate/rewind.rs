//! (being filled)
use super::step::Correlated;
use crate::model::{Environment, Evidence, Incident, Kind};

#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    pub kind: Kind,
    pub key: String,
    pub what: String,
    pub by: Evidence,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Rewound {
    pub environment: Environment,
    pub taken: Vec<Taken>,
    pub assumption: Option<String>,
}

pub fn rewind(_incident: &Incident, environment: &Environment, _correlated: &Correlated) -> Rewound {
    Rewound { environment: environment.clone(), taken: Vec::new(), assumption: None }
}
