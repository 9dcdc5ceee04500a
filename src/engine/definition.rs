//! The steps of a workflow and which of them accept which event type.
//!
//! A definition is always valid: names are checked when a step is added. Runs share it behind an `Arc` and keep
//! the one that they began with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use thiserror::Error;

use super::ids::{EventTypeId, StepId};
use super::retry_policy::RetryPolicy;

/// Event types of the engine's own, in the order of their ids.
const RESERVED: [&str; 4] =
    ["blazen::StartEvent", "blazen::StopEvent", "blazen::InputRequestEvent", "blazen::InputResponseEvent"];
const RESERVED_PREFIX: &str = "blazen::";
/// Longer names are not compared when a similar one is looked for: comparing costs the product of the lengths.
const LONGEST_COMPARED: usize = 128;

/// Why a workflow or a step was refused.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum DefinitionError {
    /// A workflow without a name.
    #[error("a workflow needs a name, and this one is empty")]
    EmptyWorkflowName,
    /// A step without a name.
    #[error("a step needs a name, and this one is empty")]
    EmptyStepName,
    /// Two steps with one name.
    #[error("the workflow has a step {0:?} already; step names are unique")]
    DuplicateStep(String),
    /// A step that accepts nothing.
    #[error(
        "step {0:?} accepts no event type, so it would never be invoked; name at least one, such as \"blazen::StartEvent\""
    )]
    NoEventTypes(String),
    /// An event type without a name.
    #[error("step {0:?} names an empty event type")]
    EmptyEventType(String),
    /// One event type twice in one step.
    #[error("step {step:?} names the event type {event_type:?} twice")]
    DuplicateEventType {
        /// The step.
        step: String,
        /// The event type that stands twice.
        event_type: String,
    },
    /// An event type of the engine's own that no step can receive.
    #[error(
        "step {step:?} cannot accept {event_type:?}: names that begin with \"blazen::\" are the engine's own, and of those a step may accept \"blazen::StartEvent\" and \"blazen::InputResponseEvent\""
    )]
    ReservedEventType {
        /// The step.
        step: String,
        /// The event type that it asked for.
        event_type: String,
    },
}

/// How a step behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepOptions {
    /// What it does about a handler that fails; the run fails if `None`.
    pub retry: Option<RetryPolicy>,
    /// How many of its handlers may be at work at a time in one run; any number if `None`.
    pub concurrency: Option<u32>,
    /// How often it is attempted to undo it; it cannot be undone if `None`.
    pub compensation: Option<RetryPolicy>,
}

#[derive(Clone, Debug)]
struct Step {
    name: Arc<str>,
    options: StepOptions,
}

/// A workflow's name, its steps and its routes.
#[derive(Clone, Debug)]
pub struct Definition {
    name: String,
    steps: Vec<Step>,
    /// By [`EventTypeId`]: the steps that accept it, in the order in which they were added.
    routes: Vec<Vec<StepId>>,
    event_types: BTreeMap<Arc<str>, EventTypeId>,
    /// By [`EventTypeId`].
    event_type_names: Vec<Arc<str>>,
}

impl Definition {
    /// A workflow without steps.
    pub fn new(name: &str) -> Result<Self, DefinitionError> {
        if name.is_empty() {
            return Err(DefinitionError::EmptyWorkflowName);
        }
        let mut definition = Self {
            name: name.to_owned(),
            steps: Vec::new(),
            routes: Vec::new(),
            event_types: BTreeMap::new(),
            event_type_names: Vec::new(),
        };
        for reserved in RESERVED {
            definition.intern(reserved);
        }
        Ok(definition)
    }

    /// Adds a step that behaves as steps do. On an error nothing has changed.
    pub fn add_step(&mut self, name: &str, accepts: &[String]) -> Result<StepId, DefinitionError> {
        self.add_step_with(name, accepts, StepOptions::default())
    }

    /// Adds a step. On an error nothing has changed.
    pub fn add_step_with(
        &mut self,
        name: &str,
        accepts: &[String],
        options: StepOptions,
    ) -> Result<StepId, DefinitionError> {
        self.check_step(name, accepts)?;
        let step = StepId(u32::try_from(self.steps.len()).expect("fewer than 2^32 steps"));
        self.steps.push(Step { name: name.into(), options });
        for event_type in accepts {
            let id = self.intern(event_type);
            self.routes[id.0 as usize].push(step);
        }
        Ok(step)
    }

    /// The name of the workflow.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The name of a step of this definition.
    #[must_use]
    pub fn step_name(&self, step: StepId) -> &str {
        &self.steps[step.0 as usize].name
    }

    /// How a step of this definition behaves.
    #[must_use]
    pub fn step_options(&self, step: StepId) -> &StepOptions {
        &self.steps[step.0 as usize].options
    }

    /// The same, for whoever keeps it.
    #[must_use]
    pub fn shared_step_name(&self, step: StepId) -> Arc<str> {
        self.steps[step.0 as usize].name.clone()
    }

    /// The step of that name.
    #[must_use]
    pub fn step_named(&self, name: &str) -> Option<StepId> {
        let index = self.steps.iter().position(|step| *step.name == *name)?;
        u32::try_from(index).ok().map(StepId)
    }

    /// The id of an event type, if a step accepts it or it is the engine's own.
    #[must_use]
    pub fn event_type(&self, name: &str) -> Option<EventTypeId> {
        self.event_types.get(name).copied()
    }

    /// The steps that accept an event type; none for a type of another definition.
    #[must_use]
    pub fn routes(&self, event_type: EventTypeId) -> &[StepId] {
        self.routes.get(event_type.0 as usize).map_or(&[], Vec::as_slice)
    }

    /// The name of an event type of this definition.
    #[must_use]
    pub fn event_type_name(&self, event_type: EventTypeId) -> Option<&str> {
        self.event_type_names.get(event_type.0 as usize).map(|name| &**name)
    }

    /// The same, for whoever keeps it.
    #[must_use]
    pub fn shared_event_type_name(&self, event_type: EventTypeId) -> Option<Arc<str>> {
        self.event_type_names.get(event_type.0 as usize).cloned()
    }

    /// The event type that can be emitted or is accepted and whose name is most like `name`, if one is like it at all.
    #[must_use]
    pub fn nearest_event_type(&self, name: &str) -> Option<&str> {
        let ends_or_asks = |id| id == EventTypeId::STOP || id == EventTypeId::INPUT_REQUEST;
        let known =
            self.event_types.iter().filter(|(_, id)| ends_or_asks(**id) || !self.routes(**id).is_empty());
        nearest(name, known.map(|(name, _)| &**name))
    }

    /// Whether there is no step at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The step whose name is most like `name`, if one is like it at all.
    #[must_use]
    pub fn nearest_step(&self, name: &str) -> Option<&str> {
        nearest(name, self.steps.iter().map(|step| &*step.name))
    }

    fn check_step(&self, name: &str, accepts: &[String]) -> Result<(), DefinitionError> {
        if name.is_empty() {
            return Err(DefinitionError::EmptyStepName);
        }
        let step = || name.to_owned();
        if self.step_named(name).is_some() {
            return Err(DefinitionError::DuplicateStep(step()));
        }
        if accepts.is_empty() {
            return Err(DefinitionError::NoEventTypes(step()));
        }
        let mut named = BTreeSet::new();
        for event_type in accepts {
            if event_type.is_empty() {
                return Err(DefinitionError::EmptyEventType(step()));
            }
            if !named.insert(event_type) {
                return Err(DefinitionError::DuplicateEventType {
                    step: step(),
                    event_type: event_type.clone(),
                });
            }
            if event_type.starts_with(RESERVED_PREFIX) && !is_acceptable(event_type) {
                return Err(DefinitionError::ReservedEventType {
                    step: step(),
                    event_type: event_type.clone(),
                });
            }
        }
        Ok(())
    }

    fn intern(&mut self, event_type: &str) -> EventTypeId {
        if let Some(id) = self.event_type(event_type) {
            return id;
        }
        let id = EventTypeId(u32::try_from(self.routes.len()).expect("fewer than 2^32 event types"));
        self.routes.push(Vec::new());
        let name: Arc<str> = event_type.into();
        self.event_types.insert(name.clone(), id);
        self.event_type_names.push(name);
        id
    }
}

fn is_acceptable(reserved: &str) -> bool {
    [EventTypeId::START, EventTypeId::INPUT_RESPONSE].iter().any(|id| RESERVED[id.0 as usize] == reserved)
}

/// A name without the engine's prefix, which is what is most often forgotten.
fn bare(name: &str) -> &str {
    name.strip_prefix(RESERVED_PREFIX).unwrap_or(name)
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > LONGEST_COMPARED {
        return None;
    }
    let tolerated = (name.chars().count() / 3).max(2);
    known
        .filter(|candidate| candidate.len() <= LONGEST_COMPARED)
        .map(|candidate| (strsim::damerau_levenshtein(bare(name), bare(candidate)), candidate))
        .filter(|(distance, _)| *distance <= tolerated)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn orders() -> Definition {
        let mut definition = Definition::new("orders").unwrap();
        definition.add_step("charge", &types(&["blazen::StartEvent"])).unwrap();
        definition.add_step("ship", &types(&["Charged", "Retry"])).unwrap();
        definition.add_step("audit", &types(&["Charged"])).unwrap();
        definition
    }

    #[test]
    fn an_event_goes_to_every_step_that_accepts_it_in_the_order_of_the_steps() {
        let definition = orders();
        let charged = definition.event_type("Charged").unwrap();
        assert_eq!(definition.routes(charged), [StepId(1), StepId(2)]);
        assert_eq!(definition.event_type_name(charged), Some("Charged"));
        assert_eq!(definition.routes(EventTypeId(99)), []);
    }

    #[test]
    fn the_engine_s_own_types_have_their_fixed_ids() {
        let definition = orders();
        assert_eq!(definition.event_type("blazen::StartEvent"), Some(EventTypeId::START));
        assert_eq!(definition.event_type("blazen::StopEvent"), Some(EventTypeId::STOP));
        assert_eq!(definition.event_type("blazen::InputRequestEvent"), Some(EventTypeId::INPUT_REQUEST));
        assert_eq!(definition.event_type("blazen::InputResponseEvent"), Some(EventTypeId::INPUT_RESPONSE));
    }

    #[test]
    fn a_refused_step_changes_nothing() {
        let mut definition = orders();
        let refusals = [
            ("", &["A"][..], DefinitionError::EmptyStepName),
            ("charge", &["A"], DefinitionError::DuplicateStep("charge".into())),
            ("x", &[], DefinitionError::NoEventTypes("x".into())),
            ("x", &["A", ""], DefinitionError::EmptyEventType("x".into())),
            (
                "x",
                &["A", "A"],
                DefinitionError::DuplicateEventType { step: "x".into(), event_type: "A".into() },
            ),
            (
                "x",
                &["A", "blazen::StopEvent"],
                DefinitionError::ReservedEventType {
                    step: "x".into(),
                    event_type: "blazen::StopEvent".into(),
                },
            ),
        ];
        for (name, accepts, expected) in refusals {
            assert_eq!(definition.add_step(name, &types(accepts)), Err(expected));
        }
        assert_eq!(definition.event_type("A"), None);
        assert_eq!(definition.step_named("x"), None);
    }

    #[test]
    fn the_nearest_name_is_one_that_a_typo_could_have_meant() {
        let definition = orders();
        assert_eq!(definition.nearest_event_type("Chraged"), Some("Charged"));
        assert_eq!(definition.nearest_event_type("Unrelated"), None);
        assert_eq!(definition.nearest_event_type("StopEvent"), Some("blazen::StopEvent"));
        assert_eq!(definition.nearest_event_type(&"x".repeat(1_000_000)), None);
        assert_eq!(definition.nearest_step("chip"), Some("ship"));
    }
}
