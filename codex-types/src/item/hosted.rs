//! Tools that the service runs, and the computer that the client runs for the model.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::item::ItemStatus;
use crate::part::ImageDetail;
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::wire::tagged::tagged;
use crate::{Map, Number, RawJson};

object! {
    /// A file search: API object `ResponseFileSearchToolCall`.
    pub struct FileSearchCall tag "file_search_call" {
        required {
            /// The queries.
            queries: Vec<String>,
            /// The status of the search.
            status: ItemStatus,
        }
        optional {
            /// The item's id.
            id: String,
            /// The results; only if `include` requested them.
            results: Vec<FileSearchResult>,
        }
    }
}

object! {
    /// A file that a search found.
    pub struct FileSearchResult {
        required {}
        optional {
            /// The id of the file.
            file_id: String,
            /// The file name.
            filename: String,
            /// The relevance, from 0 to 1.
            score: Number,
            /// The matching text.
            text: String,
            /// The attributes of the file: strings, numbers and booleans.
            attributes: Map<RawJson>,
        }
    }
}

object! {
    /// A web search: API object `ResponseFunctionWebSearch`.
    pub struct WebSearchCall tag "web_search_call" {
        required {}
        optional {
            /// The item's id.
            id: String,
            /// The action of the search.
            action: WebSearchAction,
            /// The status of the search.
            status: ItemStatus,
        }
    }
}

tagged! {
    /// An action of a web search.
    pub enum WebSearchAction {
        /// A search query.
        "search" => Search(SearchAction),
        /// Opening a page.
        "open_page" => OpenPage(OpenPageAction),
        /// Finding text on a page.
        "find_in_page" => FindInPage(FindInPageAction),
    }
}

object! {
    /// A web search action that runs a search query.
    pub struct SearchAction tag "search" {
        required {}
        optional {
            /// The search query.
            query: String,
            /// The queries, if there are several.
            queries: Vec<String>,
            /// The sources; only if `include` requested them.
            sources: Vec<SearchSource>,
        }
    }
}

object! {
    /// A page that a search used as a source.
    pub struct SearchSource tag "url" {
        required {
            /// The URL of the page.
            url: String,
        }
    }
}

object! {
    /// A web search action that opens a page.
    pub struct OpenPageAction tag "open_page" {
        required {}
        optional {
            /// The URL of the page.
            url: String,
        }
    }
}

object! {
    /// A web search action that finds text on a page.
    pub struct FindInPageAction tag "find_in_page" {
        required {}
        optional {
            /// The URL of the page.
            url: String,
            /// The text to find.
            pattern: String,
        }
    }
}

object! {
    /// A computer use call: API object `ResponseComputerToolCall`.
    pub struct ComputerCall tag "computer_call" {
        required {
            /// The id that pairs the call with its output.
            call_id: String,
            /// The status of the call.
            status: ItemStatus,
        }
        plain {
            /// The safety checks that must be acknowledged before the call is carried out.
            pending_safety_checks: Vec<PendingSafetyCheck>,
        }
        optional {
            /// The item's id.
            id: String,
            /// The action.
            action: Box<ComputerAction>,
            /// The actions, if there are several.
            actions: Vec<ComputerAction>,
        }
    }
}

object! {
    /// The output of a computer use call: API object `ComputerCallOutput`.
    pub struct ComputerCallOutput tag "computer_call_output" {
        required {
            /// The id of the call.
            call_id: String,
            /// The screenshot.
            output: ComputerOutput,
        }
        optional {
            /// The item's id.
            id: String,
            /// The status of the item.
            status: ItemStatus,
            /// The safety checks that a person acknowledged.
            acknowledged_safety_checks: Vec<PendingSafetyCheck>,
            /// The agent that created the item.
            created_by: String,
        }
    }
}

object! {
    /// A screenshot: either `image_url` or `file_id`.
    pub struct ComputerOutput tag "computer_screenshot" {
        required {}
        optional {
            /// The URL of the image, or the image itself as a `data:` URL.
            image_url: String,
            /// The id of an uploaded file.
            file_id: String,
            /// The detail at which the model processes the image.
            detail: ImageDetail,
        }
    }
}

object! {
    /// A safety check that a person must acknowledge first.
    pub struct PendingSafetyCheck {
        required {
            /// The id of the check.
            id: String,
        }
        optional {
            /// The kind of check.
            code: String,
            /// The description of the check.
            message: String,
        }
    }
}

tagged! {
    /// An action on a computer. Coordinates are pixels from the top left.
    pub enum ComputerAction {
        /// A mouse click.
        "click" => Click(ClickAction),
        /// A double click with the left mouse button.
        "double_click" => DoubleClick(DoubleClickAction),
        /// A drag of the mouse.
        "drag" => Drag(DragAction),
        /// A key combination.
        "keypress" => Keypress(KeypressAction),
        /// A mouse move.
        "move" => Move(MoveAction),
        /// A screenshot.
        "screenshot" => Screenshot(ScreenshotAction),
        /// A scroll.
        "scroll" => Scroll(ScrollAction),
        /// Typing text.
        "type" => Type(TypeAction),
        /// A wait.
        "wait" => Wait(WaitAction),
    }
}

object! {
    /// A mouse click.
    pub struct ClickAction tag "click" {
        required {
            /// The mouse button.
            button: MouseButton,
            /// The x coordinate, in pixels.
            x = i64,
            /// The y coordinate, in pixels.
            y = i64,
        }
        optional {
            /// The modifier keys that are held.
            keys: Vec<String>,
        }
    }
}

open_enum! {
    /// A mouse button.
    pub enum MouseButton {
        /// The left one.
        Left = "left",
        /// The right one.
        Right = "right",
        /// The wheel.
        Wheel = "wheel",
        /// The back button.
        Back = "back",
        /// The forward button.
        Forward = "forward",
    }
}

object! {
    /// A double click with the left mouse button.
    pub struct DoubleClickAction tag "double_click" {
        required {
            /// The x coordinate, in pixels.
            x = i64,
            /// The y coordinate, in pixels.
            y = i64,
        }
        optional {
            /// The modifier keys that are held.
            keys: Vec<String>,
        }
    }
}

object! {
    /// A drag of the mouse.
    pub struct DragAction tag "drag" {
        required {
            /// The points of the path, in order.
            path: Vec<DragPoint>,
        }
        optional {
            /// The modifier keys that are held.
            keys: Vec<String>,
        }
    }
}

object! {
    /// A point on the screen.
    pub struct DragPoint {
        required {
            /// The x coordinate, in pixels.
            x = i64,
            /// The y coordinate, in pixels.
            y = i64,
        }
    }
}

object! {
    /// A key combination.
    pub struct KeypressAction tag "keypress" {
        required {
            /// The keys.
            keys: Vec<String>,
        }
    }
}

object! {
    /// A mouse move.
    pub struct MoveAction tag "move" {
        required {
            /// The x coordinate, in pixels.
            x = i64,
            /// The y coordinate, in pixels.
            y = i64,
        }
        optional {
            /// The modifier keys that are held.
            keys: Vec<String>,
        }
    }
}

object! {
    /// A screenshot.
    pub struct ScreenshotAction tag "screenshot" {
        required {}
    }
}

object! {
    /// A scroll.
    pub struct ScrollAction tag "scroll" {
        required {
            /// The x coordinate, in pixels.
            x = i64,
            /// The y coordinate, in pixels.
            y = i64,
            /// The horizontal distance.
            scroll_x = i64,
            /// The vertical distance.
            scroll_y = i64,
        }
        optional {
            /// The modifier keys that are held.
            keys: Vec<String>,
        }
    }
}

object! {
    /// A computer action that types text.
    pub struct TypeAction tag "type" {
        required {
            /// The text.
            text: String,
        }
    }
}

object! {
    /// A wait.
    pub struct WaitAction tag "wait" {
        required {}
    }
}

object! {
    /// An image that the model generated: API object `ImageGenerationCall`.
    pub struct ImageGenerationCall tag "image_generation_call" {
        required {
            /// The status of the image.
            status: ItemStatus,
        }
        optional {
            /// The item's id.
            id: String,
            /// The image, in base64.
            result: String,
            /// The prompt as the image model received it.
            revised_prompt: String,
            /// Whether the image was generated or edited.
            action: ImageGenerationAction,
            /// The background of the image.
            background: String,
            /// The encoding of the image.
            output_format: String,
            /// The quality of the image.
            quality: String,
            /// The width and height, such as `1024x1024`.
            size: String,
            /// The error that prevented the image.
            error: ImageGenerationError,
            /// The token usage of an SVG image.
            svg_usage: ImageSvgUsage,
        }
    }
}

open_enum! {
    /// The action of the image tool.
    pub enum ImageGenerationAction {
        /// Generate an image.
        Generate = "generate",
        /// Edit an image.
        Edit = "edit",
        /// The model decides.
        Auto = "auto",
    }
}

object! {
    /// The error that prevented an image.
    pub struct ImageGenerationError {
        required {
            /// The message.
            message: String,
        }
        optional {
            /// The error code.
            code: String,
            /// The kind of error.
            kind as "type": String,
            /// The parameter at fault.
            param: String,
            /// The results of moderation.
            moderation_details: ImageModerationDetails,
        }
    }
}

object! {
    /// The moderation result of an image or its prompt.
    pub struct ImageModerationDetails {
        required {
            /// The categories.
            categories: Vec<String>,
            /// `input`, `output` or `unknown`.
            moderation_stage: String,
        }
    }
}

object! {
    /// The token usage of an SVG image.
    pub struct ImageSvgUsage {
        required {
            /// The model that generated it.
            model: String,
            /// Input tokens.
            input_tokens = u64,
            /// Output tokens.
            output_tokens = u64,
            /// The portion of reasoning tokens.
            reasoning_tokens = u64,
            /// The sum of both.
            total_tokens = u64,
        }
    }
}
