//! The gates: pure functions (environment, request) → decision with evidence. Five of them, in the platform's order.
//!
//! A gate compiles the documents it reads once and decides many requests against them. It never learns which log
//! told a fact nor which control put a document in force; a fact nobody recorded makes the answer unknown and is named.

pub mod azure_policy;
pub mod azure_rbac;
pub mod check;
pub mod conditional_access;
pub mod pim;
pub mod storage;

use crate::model::InputError;
use serde_json::Value;

/// One gate, as `cutset decide` reaches it.
pub struct Gate {
    /// Also this gate's file or folder name here (`-` as `_`) and its folder under `tests/vectors/`.
    pub id: &'static str,
    /// Answers every request of a file in the shape of that gate's vectors: one object a request, `id` and all the
    /// fields of `expected` that the gate defines.
    pub decide_file: fn(file: &Value) -> Result<Vec<Value>, InputError>,
}

/// In the order in which the platform asks them.
pub const GATES: &[Gate] = &[conditional_access::GATE, pim::GATE, azure_rbac::GATE, azure_policy::GATE, storage::GATE];

/// The requests of a file in the shape of the vectors. (Errors name no file: who opened it knows its name.)
pub fn vectors(file: &Value) -> Result<&[Value], InputError> {
    let help = "the shape is `{ \"vectors\": [ { \"id\", ... } ] }`, as in the gate's file of vectors";
    match file.get("vectors") {
        Some(Value::Array(vectors)) => match vectors.iter().position(|vector| !vector.is_object()) {
            Some(n) => Err(InputError::new("", "a request is an object", help).at(format!("/vectors/{n}"))),
            None => Ok(vectors),
        },
        Some(_) => Err(InputError::new("", "`vectors` is not an array", help).at("/vectors")),
        None => Err(InputError::new("", "there is no `vectors` array", help)),
    }
}

/// One vector (or a part of one) as a type; the error says which and what was expected.
pub fn read<T: serde::de::DeserializeOwned>(value: &Value, pointer: &str) -> Result<T, InputError> {
    T::deserialize(value).map_err(|error| {
        InputError::new("", error.to_string(), "the shape is that of the gate's file of vectors").at(pointer)
    })
}
