//! Writes the document. Texts that came from JavaScript are put in as they are.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::super::child_at_rest::{ChildAtRest, ChildRest};
use super::super::ids::RunId;
use super::super::key_space::KeySpace;
use super::SNAPSHOT_VERSION;
use crate::exact_string::ExactString;
use crate::state_value::StateValue;

/// A JSON document in the making. Commas are put where they belong; names and texts are the caller's.
pub(in crate::engine) struct SnapshotWriter {
    json: String,
}

impl SnapshotWriter {
    pub(in crate::engine) fn new(
        workflow_name: &str,
        workflow_version: Option<&str>,
        run_id: RunId,
        timestamp: &str,
    ) -> Self {
        let mut writer = Self { json: String::from("{") };
        writer.field("version", &SNAPSHOT_VERSION.to_string());
        writer.field("workflow_name", &ExactString::from(workflow_name).to_json());
        if let Some(version) = workflow_version {
            writer.field("workflow_version", &ExactString::from(version).to_json());
        }
        writer.field("run_id", &ExactString::from(run_id.to_string().as_str()).to_json());
        writer.field("timestamp", &ExactString::from(timestamp).to_json());
        writer
    }

    pub(in crate::engine) fn field(&mut self, name: &str, json: &str) {
        self.name(name);
        self.json.push_str(json);
    }

    pub(in crate::engine) fn state(&mut self, state: &KeySpace<StateValue>) {
        self.name("context_state");
        self.object(|writer| {
            for (key, value) in state.in_order() {
                writer.comma();
                writer.json.push_str(&key.to_json());
                writer.json.push(':');
                writer.object(|writer| match value {
                    StateValue::Json(json) => writer.field("json", json),
                    StateValue::Bytes(bytes) => {
                        writer.name("bytes");
                        writer.json.push('"');
                        BASE64.encode_string(bytes, &mut writer.json);
                        writer.json.push('"');
                    }
                });
            }
        });
    }

    pub(in crate::engine) fn list_of_objects<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        self.name(name);
        self.json.push('[');
        for item in items {
            self.comma();
            self.object(|writer| write(writer, item));
        }
        self.json.push(']');
    }

    /// The fields of a child.
    pub(in crate::engine) fn child(&mut self, child: &ChildAtRest) {
        let ChildAtRest { delivery, position, generation, rest } = child;
        self.field("delivery", &delivery.0.to_string());
        self.field("position", &position.to_string());
        self.field("generation", &generation.to_string());
        let (status, text) = match rest {
            ChildRest::Paused(snapshot) => ("\"paused\"", Some(("snapshot", snapshot))),
            ChildRest::Completed(result) => {
                ("\"completed\"", result.as_ref().map(|result| ("result", result)))
            }
            ChildRest::Failed(error) => ("\"failed\"", Some(("error", error))),
            ChildRest::Told => ("\"told\"", None),
        };
        self.field("status", status);
        if let Some((name, text)) = text {
            self.field(name, text);
        }
    }

    pub(in crate::engine) fn object_field(&mut self, name: &str, write: impl FnOnce(&mut Self)) {
        self.name(name);
        self.object(write);
    }

    pub(in crate::engine) fn finish(mut self) -> String {
        self.json.push('}');
        self.json
    }

    fn object(&mut self, write: impl FnOnce(&mut Self)) {
        self.json.push('{');
        write(self);
        self.json.push('}');
    }

    fn name(&mut self, name: &str) {
        self.comma();
        self.json.push('"');
        self.json.push_str(name);
        self.json.push_str("\":");
    }

    fn comma(&mut self) {
        if !self.json.ends_with(['{', '[']) {
            self.json.push(',');
        }
    }
}
