//! The JSON texts of a history, which are the same in every driver.
//!
//! They tell what a commit queued and what it wrote, with what stood there before. State values are JSON texts of
//! JavaScript's own and go in as they are.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::commit::{PendingDelivery, Written};
use crate::{ExactString, StateValue};

/// `[{"delivery":2,"step":"ship","type":"Charged"}, ...]`
pub(super) fn write_queued(json: &mut String, queued: &[PendingDelivery]) {
    json.push('[');
    for (index, pending) in queued.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let _infallible = write!(json, "{comma}{{\"delivery\":{},\"step\":", pending.delivery);
        write_string(json, pending.step.as_bytes());
        json.push_str(",\"type\":");
        write_string(json, pending.event_type.as_bytes());
        json.push('}');
    }
    json.push(']');
}

/// `[{"key":"n","was":4},{"key":"b","wasBytes":"<base64>"},{"key":"new"}, ...]`
pub(super) fn write_written(json: &mut String, written: &[Written]) {
    json.push('[');
    for (index, change) in written.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        json.push_str("{\"key\":");
        write_string(json, change.key.as_wtf8());
        match &change.before {
            None => {}
            Some(StateValue::Json(value)) => {
                json.push_str(",\"was\":");
                json.push_str(value);
            }
            Some(StateValue::Bytes(bytes)) => {
                json.push_str(",\"wasBytes\":\"");
                STANDARD.encode_string(bytes, json);
                json.push('"');
            }
        }
        json.push('}');
    }
    json.push(']');
}

/// A string in quotes. Most names need no escapes, and this is done at every commit.
fn write_string(json: &mut String, wtf8: &[u8]) {
    let is_plain = |byte: &u8| *byte >= b' ' && *byte != b'"' && *byte != b'\\';
    match std::str::from_utf8(wtf8) {
        Ok(text) if wtf8.iter().all(is_plain) => {
            json.push('"');
            json.push_str(text);
            json.push('"');
        }
        _ => json.push_str(&ExactString::from_wtf8(wtf8).to_json()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(key: &[u16], before: Option<StateValue>) -> Written {
        Written { key: ExactString::from_utf16(key), place: 0, before, after: None }
    }

    #[test]
    fn what_was_there_is_kept_as_it_was() {
        let changes = [
            written(&[0x6E], Some(StateValue::Json("{ \"b\":1e2}".to_owned()))),
            written(&[0xD800], Some(StateValue::Bytes(vec![0xFF, 0]))),
            written(&[0x22, 0], None),
        ];
        let mut json = String::new();
        write_written(&mut json, &changes);
        assert_eq!(
            json,
            r#"[{"key":"n","was":{ "b":1e2}},{"key":"\ud800","wasBytes":"/wA="},{"key":"\"\u0000"}]"#
        );
    }

    #[test]
    fn what_was_queued_is_told_without_the_events() {
        let pending = PendingDelivery::emitted(2, "ship \"it\"".into(), "Charged".into(), "{}".into());
        let mut json = String::new();
        write_queued(&mut json, &[pending.clone(), pending]);
        let one = r#"{"delivery":2,"step":"ship \"it\"","type":"Charged"}"#;
        assert_eq!(json, format!("[{one},{one}]"));
    }
}
