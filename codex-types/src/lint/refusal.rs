//! Content of a conversation that the service has refused: the errors that report it, and the
//! conversation without it.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::lint::{Finding, FindingCode as Code};
use crate::{ApiError, ErrorCode, InputItem, InputPart, InputText, MessageContent, ToolOutput};

/// The refusal of content of the input: an image or a file that the service cannot use, or
/// encrypted reasoning that it can no longer verify.
///
/// Without a repair, every later request of the conversation is refused as well.
///
/// ```
/// use codex_types::lint::Refusal;
/// use codex_types::{ApiError, InputItem, InputPart, Message};
///
/// let mut error = ApiError::new("image_parse_error", "The image could not be parsed.");
/// error.param = Some("input[0].content[1].image_url".into());
/// let content = [
///     InputPart::text("What is this?"),
///     InputPart::image_url("data:image/png;base64,AAAA"),
/// ];
/// let mut items = vec![InputItem::from(Message::user(content))];
///
/// let refusal = Refusal::of(&error).ok_or("an image")?;
/// let findings = refusal.repair(&mut items, 0);
/// assert_eq!(findings[0].pointer, "/input/0/content/1");
/// let note = "An image was removed here, because the service refused it.";
/// assert_eq!(
///     items,
///     [Message::user([InputPart::text("What is this?"), InputPart::text(note)]).into()]
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    content: Content,
    place: Option<Location>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Encrypted,
    /// An image or a file.
    Media,
}

/// The location of refused content, as the parameter of an error names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Location {
    item: usize,
    /// `None` for all parts of the item.
    part: Option<usize>,
}

impl Refusal {
    /// Returns the refusal that an error reports; `None` for any other error.
    ///
    /// Recognizes the code `invalid_encrypted_content`, the codes about images, a parameter such as
    /// `input[2].content[0].file_data`, and the message of the ChatGPT backend about images.
    pub fn of(error: &ApiError) -> Option<Self> {
        let mut codes = [&error.code, &error.kind].into_iter().flatten();
        if codes
            .clone()
            .any(|code| *code == ErrorCode::InvalidEncryptedContent)
        {
            return Some(Self {
                content: Content::Encrypted,
                place: None,
            });
        }
        let (place, names_media) = error.param.as_deref().map_or((None, false), location);
        let is_media = names_media
            || codes.any(is_about_images)
            || error.message.contains("does not represent a valid image");
        is_media.then_some(Self {
            content: Content::Media,
            place,
        })
    }

    /// Returns the refusal without its location, for items whose positions differ from those in the
    /// request.
    #[must_use]
    pub fn anywhere(mut self) -> Self {
        self.place = None;
        self
    }

    /// Replaces refused images and files with a text for the model, and removes encrypted
    /// reasoning.
    ///
    /// If the error does not name the part, those in the items from the index `unanswered` on are
    /// replaced, which the service sees for the first time; if there are none, it no longer accepts
    /// an older one, and all are replaced. Verification fails for everything that another account
    /// or organization encrypted, so all encrypted reasoning is removed.
    ///
    /// Returns a diagnostic for each change, with a pointer into the input before the repair;
    /// nothing if there is nothing to repair.
    pub fn repair(&self, items: &mut Vec<InputItem>, unanswered: usize) -> Vec<Finding> {
        match self.content {
            Content::Encrypted => remove_encrypted(items),
            Content::Media => self.replace_media(items, unanswered),
        }
    }

    fn replace_media(&self, items: &mut [InputItem], unanswered: usize) -> Vec<Finding> {
        let mut replace = |is_refused: &dyn Fn(usize, usize) -> bool| {
            let mut findings = Vec::new();
            for (index, item) in items.iter_mut().enumerate() {
                let Some((key, parts)) = parts(item) else {
                    continue;
                };
                for (place, part) in parts.iter_mut().enumerate() {
                    if let Some((kind, note)) = note(part)
                        && is_refused(index, place)
                    {
                        *part = note;
                        findings.push(Finding::warning(
                            Code::RefusedContent,
                            format!("/input/{index}/{key}/{place}"),
                            format!("the service refused this {kind}; a text replaces it"),
                        ));
                    }
                }
            }
            findings
        };
        if let Some(place) = self.place {
            let is_refused =
                |item, part| item == place.item && place.part.is_none_or(|it| it == part);
            let findings = replace(&is_refused);
            if !findings.is_empty() {
                return findings;
            }
        }
        let findings = replace(&|item, _| item >= unanswered);
        if findings.is_empty() {
            return replace(&|_, _| true);
        }
        findings
    }
}

fn remove_encrypted(items: &mut Vec<InputItem>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut index = 0;
    items.retain(|item| {
        let is_encrypted =
            matches!(item, InputItem::Reasoning(it) if it.encrypted_content.is_some());
        if is_encrypted {
            let message = "the service cannot verify this reasoning; it is left out";
            let pointer = format!("/input/{index}");
            findings.push(Finding::warning(Code::RefusedContent, pointer, message));
        }
        index += 1;
        !is_encrypted
    });
    findings
}

/// Returns the parts of an item that may be images or files, and the key that has them. A
/// screenshot of a computer is not among them: the service accepts nothing else in its place.
fn parts(item: &mut InputItem) -> Option<(&'static str, &mut Vec<InputPart>)> {
    let (key, output) = match item {
        InputItem::Message(message) => {
            return match &mut message.content {
                MessageContent::Parts(parts) => Some(("content", parts)),
                _ => None,
            };
        }
        InputItem::FunctionCallOutput(output) => ("output", &mut output.output),
        InputItem::CustomToolCallOutput(output) => ("output", &mut output.output),
        _ => return None,
    };
    match output {
        ToolOutput::Parts(parts) => Some((key, parts)),
        _ => None,
    }
}

/// Returns the text that replaces an image or a file.
fn note(part: &InputPart) -> Option<(&'static str, InputPart)> {
    let (kind, what, breakpoint) = match part {
        InputPart::Image(image) => (
            "image",
            String::from("An image"),
            &image.prompt_cache_breakpoint,
        ),
        InputPart::File(file) => {
            let what = match &file.filename {
                Some(name) => format!("The file {name}"),
                None => String::from("A file"),
            };
            ("file", what, &file.prompt_cache_breakpoint)
        }
        _ => return None,
    };
    let text = format!("{what} was removed here, because the service refused it.");
    let mut text = InputText::new(text);
    text.prompt_cache_breakpoint.clone_from(breakpoint);
    Some((kind, text.into()))
}

/// Reads the parameter of an error, such as `input[2].content[0].image_url`. Returns the location,
/// and whether the parameter names the source of an image or a file.
fn location(param: &str) -> (Option<Location>, bool) {
    let is_separator = |it: char| !it.is_ascii_alphanumeric() && it != '_';
    let mut steps = param.split(is_separator).filter(|step| !step.is_empty());
    if steps.next() != Some("input") {
        return (None, false);
    }
    let Some(item) = steps.next().and_then(|step| step.parse().ok()) else {
        return (None, false);
    };
    let mut place = Location { item, part: None };
    let mut names_media = false;
    while let Some(step) = steps.next() {
        match step {
            "content" | "output" => place.part = steps.next().and_then(|step| step.parse().ok()),
            "image_url" | "file_data" | "file_url" | "file_id" => names_media = true,
            _ => names_media = false,
        }
    }
    (Some(place), names_media)
}

fn is_about_images(code: &ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::InvalidImage
            | ErrorCode::InvalidImageFormat
            | ErrorCode::InvalidBase64Image
            | ErrorCode::InvalidImageUrl
            | ErrorCode::ImageTooLarge
            | ErrorCode::ImageTooSmall
            | ErrorCode::ImageParseError
            | ErrorCode::ImageContentPolicyViolation
            | ErrorCode::InvalidImageMode
            | ErrorCode::ImageFileTooLarge
            | ErrorCode::UnsupportedImageMediaType
            | ErrorCode::EmptyImageFile
            | ErrorCode::FailedToDownloadImage
            | ErrorCode::ImageFileNotFound
    )
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use super::*;
    use crate::{FunctionCall, InputFile, Message, ReasoningItem};

    fn refusal(code: &str, param: Option<&str>) -> Option<Refusal> {
        let mut error = ApiError::new(code, "invented");
        error.param = param.map(Into::into);
        Refusal::of(&error)
    }

    fn image(name: &str) -> InputPart {
        InputPart::image_url(name)
    }

    /// An old image, a call with an image and a file as its output, and a new image.
    fn history() -> Vec<InputItem> {
        let file: InputPart = InputFile::default().filename("a.pdf").into();
        let call = FunctionCall::new("call_1", "look", "{}");
        let output = call.output([image("of_call"), file]);
        vec![
            Message::user([InputPart::text("Look."), image("old")]).into(),
            call.into(),
            output.into(),
            Message::user([image("new")]).into(),
        ]
    }

    fn pointers(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|it| it.pointer.as_str()).collect()
    }

    #[test]
    fn refusals_are_recognized_and_other_errors_are_not() {
        for (code, param) in [
            ("invalid_encrypted_content", None),
            ("invalid_image", None),
            ("image_content_policy_violation", None),
            ("invalid_value", Some("input[1].content[0].image_url")),
            ("unsupported_file", Some("input[1].output[0].file_data")),
            ("invalid_value", Some("input.1.content.0.file_id")),
        ] {
            assert!(refusal(code, param).is_some(), "{code} {param:?}");
        }
        for (code, param) in [
            ("invalid_value", None),
            ("invalid_value", Some("input[1].content[0].text")),
            ("invalid_value", Some("input[1].content[0].detail")),
            ("invalid_value", Some("tools[0].container.file_id")),
            ("context_length_exceeded", Some("input")),
            ("server_error", None),
        ] {
            assert!(refusal(code, param).is_none(), "{code} {param:?}");
        }
        let message = "The image data you provided does not represent a valid image.";
        assert!(Refusal::of(&ApiError::new("invalid_request_error", message)).is_some());
    }

    #[test]
    fn the_named_part_is_replaced_and_nothing_else() {
        let mut items = history();
        let refused = refusal("invalid_value", Some("input[2].output[1].file_data")).unwrap();
        let findings = refused.repair(&mut items, 3);
        assert_eq!(pointers(&findings), ["/input/2/output/1"]);
        assert_eq!(findings[0].code, Code::RefusedContent);
        let mut expected = history();
        if let Some(("output", parts)) = parts(&mut expected[2]) {
            parts[1] = "The file a.pdf was removed here, because the service refused it.".into();
        }
        assert_eq!(items, expected);
    }

    #[test]
    fn without_a_name_the_newest_are_replaced_or_else_all() {
        let refused = refusal("invalid_image", Some("input")).unwrap();
        let mut items = history();
        assert_eq!(
            pointers(&refused.repair(&mut items, 3)),
            ["/input/3/content/0"]
        );
        let rest = refused.repair(&mut items, 3);
        assert_eq!(
            pointers(&rest),
            [
                "/input/0/content/1",
                "/input/2/output/0",
                "/input/2/output/1"
            ]
        );
        assert!(
            refused.repair(&mut items, 0).is_empty(),
            "there is nothing left"
        );
        // A location that does not name an image, or does not count, is a hint without use.
        let wrong = refusal("invalid_image", Some("input[1]")).unwrap();
        assert_eq!(
            pointers(&wrong.repair(&mut history(), 3)),
            ["/input/3/content/0"]
        );
        let named = refusal("invalid_image", Some("input[0].content[1]")).unwrap();
        assert_eq!(
            pointers(&named.clone().repair(&mut history(), 3)),
            ["/input/0/content/1"]
        );
        assert_eq!(
            pointers(&named.anywhere().repair(&mut history(), 3)),
            ["/input/3/content/0"]
        );
    }

    #[test]
    fn encrypted_reasoning_is_removed_and_plain_reasoning_is_not() {
        let plain = InputItem::from(ReasoningItem::new(vec![]));
        let encrypted = InputItem::from(ReasoningItem::new(vec![]).encrypted_content("opaque"));
        let mut items = vec!["Hi".into(), encrypted.clone(), plain.clone(), encrypted];
        let refused = refusal("invalid_encrypted_content", None).unwrap();
        assert_eq!(
            pointers(&refused.repair(&mut items, 9)),
            ["/input/1", "/input/3"]
        );
        assert_eq!(items, ["Hi".into(), plain]);
        assert!(refused.repair(&mut items, 0).is_empty());
    }

    #[test]
    fn a_breakpoint_of_the_prompt_cache_stays() {
        let part = image("new");
        let InputPart::Image(part) = part else {
            unreachable!("an image")
        };
        let part = part.prompt_cache_breakpoint(crate::PromptCacheBreakpoint::new("explicit"));
        let mut items = vec![InputItem::from(Message::user([InputPart::from(part)]))];
        let refused = refusal("invalid_image", None).unwrap();
        let findings = refused.repair(&mut items, 0);
        assert!(findings[0].to_string().contains("refused_content"));
        let json = crate::RawJson::encode(&items).unwrap();
        assert!(
            json.as_str()
                .contains(r#""prompt_cache_breakpoint":{"mode":"explicit"}"#)
        );
    }
}
