//! base64, JSON, data URIs and URIs.
//!
//! Source: *String functions for ARM templates* and *Object functions for ARM templates* (json), read 2026-04.

use super::{Arguments, Fault, Given, argument, fails, kind, text_argument};
use serde_json::Value;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().enumerate().fold(0u32, |group, (at, byte)| group | u32::from(*byte) << (16 - 8 * at));
        for at in 0..4 {
            let sextet = (group >> (18 - 6 * at)) & 63;
            let letter = ALPHABET.get(sextet as usize).copied().unwrap_or(b'=');
            out.push(if at > chunk.len() { '=' } else { char::from(letter) });
        }
    }
    out
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let text: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let padding = text.iter().rev().take_while(|b| **b == b'=').count();
    let content = text.get(..text.len() - padding).filter(|_| padding <= 2)?;
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    for chunk in content.chunks(4) {
        let mut group = 0u32;
        for (at, byte) in chunk.iter().enumerate() {
            let sextet = ALPHABET.iter().position(|b| b == byte)?;
            group |= u32::try_from(sextet).ok()? << (18 - 6 * at);
        }
        let [_, a, b, c] = group.to_be_bytes();
        out.extend([a, b, c].into_iter().take(chunk.len().checked_sub(1)?));
    }
    Some(out)
}

fn decoded(name: &str, text: &str) -> Result<String, Fault> {
    let Some(bytes) = decode(text) else {
        return fails(format!("{name}: not base64"));
    };
    String::from_utf8(bytes).map_err(|_| Fault::Undocumented(format!("{name} of bytes that are not UTF-8")))
}

pub(super) fn base64(arguments: Arguments) -> Given {
    Ok(encode(text_argument("base64", arguments, 0)?.as_bytes()).into())
}

pub(super) fn base64_to_string(arguments: Arguments) -> Given {
    Ok(decoded("base64ToString", text_argument("base64ToString", arguments, 0)?)?.into())
}

pub(super) fn base64_to_json(arguments: Arguments) -> Given {
    parsed("base64ToJson", &decoded("base64ToJson", text_argument("base64ToJson", arguments, 0)?)?)
}

fn parsed(name: &str, text: &str) -> Given {
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(_) => fails(format!("{name}: not JSON")),
    }
}

/// "The JSON data type from the specified string, or an empty value when null is specified."
pub(super) fn json(arguments: Arguments) -> Given {
    match argument(arguments, 0) {
        Value::String(text) => parsed("json", text),
        other => fails(format!("json: {} is not a string", kind(other))),
    }
}

pub(super) fn data_uri(arguments: Arguments) -> Given {
    let text = text_argument("dataUri", arguments, 0)?;
    Ok(format!("data:text/plain;charset=utf8;base64,{}", encode(text.as_bytes())).into())
}

pub(super) fn data_uri_to_string(arguments: Arguments) -> Given {
    let text = text_argument("dataUriToString", arguments, 0)?;
    let parts = text.get(..5).filter(|start| start.eq_ignore_ascii_case("data:")).and_then(|_| text.get(5..));
    let Some((media, data)) = parts.and_then(|rest| rest.split_once(',')) else {
        return fails("dataUriToString: not a data URI");
    };
    if media.to_ascii_lowercase().ends_with(";base64") {
        return Ok(decoded("dataUriToString", data)?.into());
    }
    Ok(unescaped("dataUriToString", data)?.into())
}

pub(super) fn uri_component(arguments: Arguments) -> Given {
    let text = text_argument("uriComponent", arguments, 0)?;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    Ok(out.into())
}

pub(super) fn uri_component_to_string(arguments: Arguments) -> Given {
    Ok(unescaped("uriComponentToString", text_argument("uriComponentToString", arguments, 0)?)?.into())
}

fn unescaped(name: &str, text: &str) -> Result<String, Fault> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| *byte == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match escaped.filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit())) {
            Some(hex) => {
                out.push(u8::from_str_radix(hex, 16).unwrap_or(b'?'));
                rest = after.get(2..).unwrap_or(&[]);
            }
            None => {
                out.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8(out).map_err(|_| Fault::Undocumented(format!("{name} of bytes that are not UTF-8")))
}

/// "If baseUri ends with a trailing slash, the result is simply baseUri followed by relativeUri. If relativeUri also
/// begins with a leading slash, the trailing slash and the leading slash will be combined into one. If baseUri has
/// some slashes, but doesn't end with a slash, everything from the last slash onward is removed from baseUri."
pub(super) fn uri(arguments: Arguments) -> Given {
    let (base, relative) = (text_argument("uri", arguments, 0)?, text_argument("uri", arguments, 1)?);
    let Some((scheme, rest)) = base.split_once("://").filter(|(scheme, rest)| !scheme.is_empty() && !rest.is_empty())
    else {
        return fails(format!("uri: `{base}` is not an absolute URI"));
    };
    let relative = relative.strip_prefix('/').unwrap_or(relative);
    let kept = rest.rfind('/').and_then(|at| rest.get(..at)).unwrap_or(rest);
    Ok(format!("{scheme}://{kept}/{relative}").into())
}
