//! Additions as the JSON text that a store or a snapshot keeps:
//! `[["left",[{"from":9,"step":-1,"count":4},2]],["log",[{"json":"[\"a\"]"}]]]`.
//!
//! A key stands with what the additions to it have given: a whole number, several of them, a JSON text, bytes, or `null` if
//! one was refused. Of a JSON text, `keep` says how many bytes at both ends are those of the one before; one that is
//! `apart` is not the one before of any.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde::de::{Error as _, IgnoredAny};
use serde_json::value::RawValue;

use super::{Edit, Results, Series, Span, whole_number};
use crate::exact_string::ExactString;
use crate::state_value::StateValue;

type Keys = BTreeMap<ExactString, Results>;

/// Whether a text that comes from outside is one that was written here.
pub fn check(text: &str) -> Result<(), serde_json::Error> {
    for mut results in read(text)?.into_values() {
        while results.passed < results.spans.len() {
            if let Some(Span::Series(_) | Span::Refused) = results.spans.get(results.passed) {
                results.passed += 1;
                continue;
            }
            match results.next() {
                Some(StateValue::Json(json)) => _ = serde_json::from_str::<IgnoredAny>(&json)?,
                Some(StateValue::Bytes(_)) => {}
                None => return Err(not_ours("a text keeps more than there is of the one before")),
            }
        }
    }
    Ok(())
}

/// What [`write`] has written.
pub(super) fn read(text: &str) -> Result<Keys, serde_json::Error> {
    let listed: Vec<(ExactString, Vec<Box<RawValue>>)> = serde_json::from_str(text)?;
    let mut keys = Keys::new();
    for (key, results) in listed {
        let spans = results.iter().map(|span| read_span(span.get())).collect::<Result<_, _>>()?;
        keys.insert(key, Results { spans, ..Results::default() });
    }
    Ok(keys)
}

pub(super) fn write(keys: &Keys) -> String {
    let mut text = String::from("[");
    for (key, results) in keys.iter().filter(|(_, results)| !results.spans.is_empty()) {
        text.push_str(if text.ends_with('[') { "[" } else { ",[" });
        text.push_str(&key.to_json());
        text.push_str(",[");
        for (index, span) in results.spans.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            text.push_str(&span_text(span));
        }
        text.push_str("]]");
    }
    text.push(']');
    text
}

fn span_text(span: &Span) -> String {
    match span {
        Span::Series(Series { from, count: 1, .. }) => from.to_string(),
        Span::Series(Series { from, step, count }) => {
            format!("{{\"from\":{from},\"step\":{step},\"count\":{count}}}")
        }
        Span::Json(Edit { keep: (0, 0), middle }) => format!("{{\"json\":{}}}", quoted(middle)),
        Span::Json(Edit { keep: (start, end), middle }) => {
            format!("{{\"keep\":[{start},{end}],\"json\":{}}}", quoted(middle))
        }
        Span::Apart(json) => format!("{{\"apart\":{}}}", quoted(json)),
        Span::Refused => "null".to_owned(),
        Span::Bytes(bytes) => format!("{{\"bytes\":\"{}\"}}", BASE64.encode(bytes)),
    }
}

fn quoted(text: &str) -> String {
    ExactString::from(text).to_json()
}

fn read_span(text: &str) -> Result<Span, serde_json::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Numbers {
        from: i64,
        step: i64,
        count: u64,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Value {
        #[serde(default)]
        keep: (usize, usize),
        json: Option<String>,
        apart: Option<String>,
        bytes: Option<String>,
    }

    if text == "null" {
        return Ok(Span::Refused);
    }
    if let Some(from) = whole_number(text) {
        return Ok(Span::Series(Series { from, step: 0, count: 1 }));
    }
    if let Ok(Numbers { from, step, count }) = serde_json::from_str(text) {
        let series = Series { from, step, count };
        return if series.is_sound() {
            Ok(Span::Series(series))
        } else {
            Err(not_ours("numbers are too large"))
        };
    }
    match serde_json::from_str(text)? {
        Value { keep, json: Some(middle), apart: None, bytes: None } => Ok(Span::Json(Edit { keep, middle })),
        Value { apart: Some(json), json: None, bytes: None, .. } => Ok(Span::Apart(json)),
        Value { bytes: Some(bytes), json: None, apart: None, .. } => {
            BASE64.decode(bytes).map(Span::Bytes).map_err(|_| not_ours("bytes are not base64"))
        }
        Value { .. } => Err(not_ours("a result is none, or several")),
    }
}

fn not_ours(reason: &str) -> serde_json::Error {
    serde_json::Error::custom(reason)
}
