//! The functions of a chat request, and the tools that they represent.
//!
//! Chat servers support only functions. Tools that take free text, the shell, patches and tools in
//! a namespace are offered as functions, and a call of such a function is converted back into a
//! call of the tool.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::json::text::push_string;
use crate::lint::tree::Node;
use crate::profile::fnv;
use crate::{
    ApplyPatchCall, ApplyPatchOperation, CustomToolCall, FunctionCall, ItemStatus,
    LocalShellAction, LocalShellCall, OutputItem, RawJson, ShellAction, ShellCall,
};

/// The functions that a chat request offers, by name, and the tools that they represent.
///
/// ```
/// use codex_types::chat::translate::{EmulatedTool, RequestOptions, to_chat_request};
/// use codex_types::profile::ChatDialect;
/// use codex_types::{CreateResponse, CustomTool};
///
/// let request = CreateResponse::new("local").input("Hi").tools([CustomTool::new("run").into()]);
/// let options = RequestOptions::for_dialect(ChatDialect::generic());
/// let tools = to_chat_request(&request, &options)?.tools;
/// assert_eq!(tools.get("run").unwrap().emulates, EmulatedTool::Custom);
/// # Ok::<(), codex_types::chat::translate::TranslateError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolNames {
    by_name: BTreeMap<String, OfferedTool>,
}

/// A tool that is offered as a function.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OfferedTool {
    /// The namespace of the tool.
    pub namespace: Option<String>,
    /// The agent's name for the tool.
    pub name: String,
    /// The kind of the tool.
    pub emulates: EmulatedTool,
}

/// The kind of tool that a function of a chat request represents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EmulatedTool {
    /// A function, or a custom tool that the server supports.
    Nothing,
    /// A custom tool: its free text is the argument `input`.
    Custom,
    /// `apply_patch`: the argument is the operation.
    ApplyPatch,
    /// `local_shell`: the argument is the action.
    LocalShell,
    /// `shell`: the argument is the action.
    Shell,
}

impl ToolNames {
    /// Returns the tool that a function with this name represents, if it represents one.
    pub fn get(&self, name: &str) -> Option<&OfferedTool> {
        self.by_name.get(name)
    }

    /// Returns an iterator over the names of the functions and the tools that they represent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &OfferedTool)> {
        self.by_name
            .iter()
            .map(|(name, tool)| (name.as_str(), tool))
    }

    /// Returns whether no tool is offered.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Adds a tool under a name that the server accepts and that no other tool has.
    pub(super) fn offer(&mut self, tool: OfferedTool, max_length: usize) -> String {
        let wanted = plain_name(&tool, max_length);
        let mut name = wanted.clone();
        let mut number = 2;
        while self.by_name.get(&name).is_some_and(|other| *other != tool) {
            name = shortened(&wanted, &format!("_{number}"), max_length);
            number += 1;
        }
        self.by_name.insert(name.clone(), tool);
        name
    }

    /// Returns the name of the function that represents this tool.
    pub(super) fn name_of(&self, tool: &OfferedTool) -> Option<&str> {
        let (name, _) = self.by_name.iter().find(|(_, offered)| *offered == tool)?;
        Some(name)
    }
}

impl OfferedTool {
    pub(super) fn new(
        namespace: Option<&str>,
        name: impl Into<String>,
        emulates: EmulatedTool,
    ) -> Self {
        Self {
            namespace: namespace.map(Into::into),
            name: name.into(),
            emulates,
        }
    }

    /// Returns the item of a call with these arguments, or for a custom tool with this input.
    /// `None` if the arguments do not match the tool.
    pub fn item(
        &self,
        id: String,
        call_id: &str,
        input: &str,
        status: ItemStatus,
    ) -> Option<OutputItem> {
        Some(match self.emulates {
            EmulatedTool::Nothing => {
                let mut call = FunctionCall::new(call_id, self.name.as_str(), input);
                call.id = Some(id);
                call.namespace.clone_from(&self.namespace);
                call.status = Some(status);
                call.into()
            }
            EmulatedTool::Custom => {
                let mut call = CustomToolCall::new(call_id, self.name.as_str(), input);
                call.id = Some(id);
                call.namespace.clone_from(&self.namespace);
                call.status = Some(status);
                call.into()
            }
            EmulatedTool::ApplyPatch => {
                let mut call = ApplyPatchCall::new(call_id, operation(input)?, status);
                call.id = Some(id);
                call.into()
            }
            EmulatedTool::LocalShell => {
                let action: LocalShellAction = object(input)?.decode().ok()?;
                let mut action = LocalShellAction {
                    extra: crate::Extra::default(),
                    ..action
                };
                if action.command.is_empty() {
                    return None;
                }
                action.timeout_ms = action.timeout_ms.filter(|timeout| *timeout > 0);
                let mut call = LocalShellCall::new(action, status);
                call.id = Some(id);
                call.call_id = Some(call_id.into());
                call.into()
            }
            EmulatedTool::Shell => {
                let action: ShellAction = object(input)?.decode().ok()?;
                if action.commands.is_empty() {
                    return None;
                }
                let mut call = ShellCall::new(call_id, action);
                call.id = Some(id);
                call.status = Some(status);
                call.into()
            }
        })
    }
}

/// Returns a function name for this tool: letters, digits, `_` and `-`.
fn plain_name(tool: &OfferedTool, max_length: usize) -> String {
    let mut name = String::new();
    if let Some(namespace) = tool.namespace.as_deref().filter(|it| !it.is_empty()) {
        name.push_str(namespace);
        if !namespace.ends_with("__") {
            name.push_str("__");
        }
    }
    name.push_str(&tool.name);
    let allowed = |character: char| character.is_ascii_alphanumeric() || "_-".contains(character);
    let is_plain = name.chars().all(allowed);
    let plain: String = name
        .chars()
        .map(|character| if allowed(character) { character } else { '_' })
        .collect();
    if is_plain && plain.len() <= max_length && !plain.is_empty() {
        return plain;
    }
    // The end of the name distinguishes the tools of a namespace, and the hash distinguishes names
    // that look alike.
    let mark = format!("_{:08x}", fnv(&name) as u32);
    shortened(&plain, &mark, max_length)
}

fn shortened(name: &str, end: &str, max_length: usize) -> String {
    let kept = max_length.saturating_sub(end.len()).min(name.len());
    format!("{}{end}", &name[..kept])
}

fn object(arguments: &str) -> Option<RawJson> {
    let raw = RawJson::parse(arguments).ok()?;
    raw.as_str().trim_start().starts_with('{').then_some(raw)
}

/// Reads an operation on a file, alone or under `operation`.
fn operation(arguments: &str) -> Option<ApplyPatchOperation> {
    let raw = object(arguments)?;
    let node = Node::read(&raw).ok()?;
    let raw = node
        .get("operation")
        .map_or_else(|| raw.clone(), Node::to_raw);
    let operation: ApplyPatchOperation = raw.decode().ok()?;
    (!matches!(operation, ApplyPatchOperation::Unknown(_))).then_some(operation)
}

/// Returns the arguments of a function that represents a tool with free text.
pub(super) fn wrapped(input: &str) -> String {
    let mut arguments = String::from(r#"{"input":"#);
    push_string(&mut arguments, input);
    arguments.push('}');
    arguments
}

/// Converts a value to the arguments of a function, without `type`, which the name of the tool
/// already implies.
pub(super) fn arguments(value: &impl serde::Serialize, drops_type: bool) -> String {
    let raw = RawJson::encode(value).unwrap_or_default();
    let Ok(node) = Node::read(&raw) else {
        return raw.as_str().to_string();
    };
    let mut members: Vec<String> = Vec::new();
    for (name, value) in node.members() {
        if drops_type && name == "type" {
            continue;
        }
        let mut member = String::new();
        push_string(&mut member, name);
        member.push(':');
        member.push_str(value.text);
        members.push(member);
    }
    format!("{{{}}}", members.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(namespace: Option<&str>, name: &str) -> OfferedTool {
        OfferedTool::new(namespace, name, EmulatedTool::Nothing)
    }

    #[test]
    fn names_are_unique_and_within_the_limit() {
        let mut names = ToolNames::default();
        assert_eq!(names.offer(tool(Some("a"), "b"), 64), "a__b");
        assert_eq!(names.offer(tool(None, "a__b"), 64), "a__b_2");
        assert_eq!(names.offer(tool(Some("a"), "b"), 64), "a__b");
        let long = "n".repeat(70);
        let first = names.offer(tool(Some(&long), "one"), 64);
        let second = names.offer(tool(Some(&long), "two"), 64);
        assert!(first != second && first.len() == 64 && second.len() == 64);
        assert_ne!(
            names.offer(tool(None, "b.c"), 64),
            names.offer(tool(None, "b_c"), 64)
        );
    }

    #[test]
    fn calls_come_back_as_what_was_asked_for() {
        let item = |emulates, input: &str| {
            let tool = OfferedTool::new(None, "t", emulates);
            let item = tool.item("i".into(), "c", input, ItemStatus::Completed)?;
            Some(RawJson::encode(&item).unwrap().as_str().to_string())
        };
        let patch = item(
            EmulatedTool::ApplyPatch,
            r#"{"type":"create_file","path":"a","diff":"+b"}"#,
        );
        assert!(
            patch
                .unwrap()
                .contains(r#""operation":{"type":"create_file","path":"a","diff":"+b"}"#)
        );
        assert_eq!(
            item(EmulatedTool::ApplyPatch, r#"{"type":"rename_file"}"#),
            None
        );
        let shell = item(
            EmulatedTool::LocalShell,
            r#"{"command":["ls"],"timeout_ms":5}"#,
        );
        assert!(
            shell
                .unwrap()
                .contains(r#""action":{"type":"exec","command":["ls"],"timeout_ms":5}"#)
        );
        assert_eq!(item(EmulatedTool::Shell, "ls"), None);
    }
}
