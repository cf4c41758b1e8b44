//! Tools the service runs, and the computer the client runs for the model.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::item::ItemStatus;
use crate::part::ImageDetail;
use crate::wire::object::object;
use crate::wire::open::open_enum;
use crate::wire::tagged::{from_variants, tagged};
use crate::{Map, Number, RawJson};

object! {
    /// A search of files: API object `ResponseFileSearchToolCall`.
    pub struct FileSearchCall tag "file_search_call" {
        required {
            /// What was looked for.
            queries: Vec<String>,
            /// How far the search has come.
            status: ItemStatus,
        }
        optional {
            /// Names the item.
            id: String,
            /// What was found; only if `include` asked for it.
            results: Vec<FileSearchResult>,
        }
    }
}

object! {
    /// A file that was found.
    pub struct FileSearchResult {
        required {}
        optional {
            /// The file.
            file_id: String,
            /// What the file is called.
            filename: String,
            /// How well it fits, from 0 to 1.
            score: Number,
            /// The text that fits.
            text: String,
            /// The attributes of the file: text, numbers and booleans.
            attributes: Map<RawJson>,
        }
    }
}

object! {
    /// A search of the web: API object `ResponseFunctionWebSearch`.
    pub struct WebSearchCall tag "web_search_call" {
        required {}
        optional {
            /// Names the item.
            id: String,
            /// What is being done.
            action: WebSearchAction,
            /// How far the search has come.
            status: ItemStatus,
        }
    }
}

tagged! {
    /// What a web search does.
    pub enum WebSearchAction {
        /// Ask a search engine.
        "search" => Search(SearchAction),
        /// Open a page.
        "open_page" => OpenPage(OpenPageAction),
        /// Look for something on a page.
        "find_in_page" => FindInPage(FindInPageAction),
    }
}

from_variants!(WebSearchAction {
    Search(SearchAction),
    OpenPage(OpenPageAction),
    FindInPage(FindInPageAction),
});

object! {
    /// Ask a search engine.
    pub struct SearchAction tag "search" {
        required {}
        optional {
            /// What is looked for.
            query: String,
            /// What is looked for, if several things are.
            queries: Vec<String>,
            /// The pages that were looked at; only if `include` asked for them.
            sources: Vec<SearchSource>,
        }
    }
}

object! {
    /// A page that a search looked at.
    pub struct SearchSource tag "url" {
        required {
            /// Where the page is.
            url: String,
        }
    }
}

object! {
    /// Open a page.
    pub struct OpenPageAction tag "open_page" {
        required {}
        optional {
            /// Where the page is.
            url: String,
        }
    }
}

object! {
    /// Look for something on a page.
    pub struct FindInPageAction tag "find_in_page" {
        required {}
        optional {
            /// Where the page is.
            url: String,
            /// What is looked for.
            pattern: String,
        }
    }
}

object! {
    /// The model works a computer: API object `ResponseComputerToolCall`.
    pub struct ComputerCall tag "computer_call" {
        required {
            /// Pairs the call with its output.
            call_id: String,
            /// How far the call has come.
            status: ItemStatus,
        }
        plain {
            /// What has to be acknowledged before the call is carried out.
            pending_safety_checks: Vec<PendingSafetyCheck>,
        }
        optional {
            /// Names the item.
            id: String,
            /// What to do.
            action: Box<ComputerAction>,
            /// What to do, if it is several things.
            actions: Vec<ComputerAction>,
        }
    }
}

object! {
    /// What a computer shows after a call: API object `ComputerCallOutput`.
    pub struct ComputerCallOutput tag "computer_call_output" {
        required {
            /// The call this answers.
            call_id: String,
            /// What the screen shows.
            output: ComputerOutput,
        }
        optional {
            /// Names the item.
            id: String,
            /// How far the item has come.
            status: ItemStatus,
            /// The safety checks that a person has acknowledged.
            acknowledged_safety_checks: Vec<PendingSafetyCheck>,
            /// Who made the item.
            created_by: String,
        }
    }
}

object! {
    /// What a screen shows: one of `image_url` and `file_id`.
    pub struct ComputerOutput tag "computer_screenshot" {
        required {}
        optional {
            /// Where the picture is, or the picture itself as a `data:` URL.
            image_url: String,
            /// An uploaded file.
            file_id: String,
            /// How closely the model looks.
            detail: ImageDetail,
        }
    }
}

object! {
    /// A reason to ask a person before going on.
    pub struct PendingSafetyCheck {
        required {
            /// Names the check.
            id: String,
        }
        optional {
            /// What kind of check it is.
            code: String,
            /// What it is about.
            message: String,
        }
    }
}

tagged! {
    /// What to do with a computer. Places count pixels from the top left.
    pub enum ComputerAction {
        /// Press a mouse button.
        "click" => Click(ClickAction),
        /// Press the left mouse button twice.
        "double_click" => DoubleClick(DoubleClickAction),
        /// Move the mouse with the button held.
        "drag" => Drag(DragAction),
        /// Press keys together.
        "keypress" => Keypress(KeypressAction),
        /// Move the mouse.
        "move" => Move(MoveAction),
        /// Take a picture of the screen.
        "screenshot" => Screenshot(ScreenshotAction),
        /// Turn the wheel.
        "scroll" => Scroll(ScrollAction),
        /// Type text.
        "type" => Type(TypeAction),
        /// Do nothing for a while.
        "wait" => Wait(WaitAction),
    }
}

from_variants!(ComputerAction {
    Click(ClickAction),
    DoubleClick(DoubleClickAction),
    Drag(DragAction),
    Keypress(KeypressAction),
    Move(MoveAction),
    Screenshot(ScreenshotAction),
    Scroll(ScrollAction),
    Type(TypeAction),
    Wait(WaitAction),
});

object! {
    /// Press a mouse button.
    pub struct ClickAction tag "click" {
        required {
            /// Which button.
            button: MouseButton,
            /// Across.
            x = i64,
            /// Down.
            y = i64,
        }
        optional {
            /// Keys held meanwhile.
            keys: Vec<String>,
        }
    }
}

open_enum! {
    /// A button of a mouse.
    pub enum MouseButton {
        /// The left one.
        Left = "left",
        /// The right one.
        Right = "right",
        /// The wheel.
        Wheel = "wheel",
        /// The one that goes back.
        Back = "back",
        /// The one that goes forward.
        Forward = "forward",
    }
}

object! {
    /// Press the left mouse button twice.
    pub struct DoubleClickAction tag "double_click" {
        required {
            /// Across.
            x = i64,
            /// Down.
            y = i64,
        }
        optional {
            /// Keys held meanwhile.
            keys: Vec<String>,
        }
    }
}

object! {
    /// Move the mouse with the button held.
    pub struct DragAction tag "drag" {
        required {
            /// Where to, place after place.
            path: Vec<DragPoint>,
        }
        optional {
            /// Keys held meanwhile.
            keys: Vec<String>,
        }
    }
}

object! {
    /// A place on the screen.
    pub struct DragPoint {
        required {
            /// Across.
            x = i64,
            /// Down.
            y = i64,
        }
    }
}

object! {
    /// Press keys together.
    pub struct KeypressAction tag "keypress" {
        required {
            /// Which keys.
            keys: Vec<String>,
        }
    }
}

object! {
    /// Move the mouse.
    pub struct MoveAction tag "move" {
        required {
            /// Across.
            x = i64,
            /// Down.
            y = i64,
        }
        optional {
            /// Keys held meanwhile.
            keys: Vec<String>,
        }
    }
}

object! {
    /// Take a picture of the screen.
    pub struct ScreenshotAction tag "screenshot" {
        required {}
    }
}

object! {
    /// Turn the wheel.
    pub struct ScrollAction tag "scroll" {
        required {
            /// Across.
            x = i64,
            /// Down.
            y = i64,
            /// How far sideways.
            scroll_x = i64,
            /// How far down.
            scroll_y = i64,
        }
        optional {
            /// Keys held meanwhile.
            keys: Vec<String>,
        }
    }
}

object! {
    /// Type text.
    pub struct TypeAction tag "type" {
        required {
            /// The text.
            text: String,
        }
    }
}

object! {
    /// Do nothing for a while.
    pub struct WaitAction tag "wait" {
        required {}
    }
}

object! {
    /// An image the model made: API object `ImageGenerationCall`.
    pub struct ImageGenerationCall tag "image_generation_call" {
        required {
            /// How far the image has come.
            status: ItemStatus,
        }
        optional {
            /// Names the item.
            id: String,
            /// The image, in base64.
            result: String,
            /// The prompt as the image model was given it.
            revised_prompt: String,
            /// Whether an image was made or changed.
            action: ImageGenerationAction,
            /// What is behind the picture.
            background: String,
            /// How the image is encoded.
            output_format: String,
            /// With how much care it was made.
            quality: String,
            /// Width and height, such as `1024x1024`.
            size: String,
            /// Why there is no image.
            error: ImageGenerationError,
            /// What a vector image cost.
            svg_usage: ImageSvgUsage,
        }
    }
}

open_enum! {
    /// What the image tool does.
    pub enum ImageGenerationAction {
        /// Make an image.
        Generate = "generate",
        /// Change an image.
        Edit = "edit",
        /// Whichever fits.
        Auto = "auto",
    }
}

object! {
    /// Why there is no image.
    pub struct ImageGenerationError {
        required {
            /// What happened.
            message: String,
        }
        optional {
            /// Which error it is.
            code: String,
            /// The kind of error.
            kind as "type": String,
            /// The parameter at fault.
            param: String,
            /// What was objected to.
            moderation_details: ImageModerationDetails,
        }
    }
}

object! {
    /// What was objected to in an image or its prompt.
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
    /// What a vector image cost, in tokens.
    pub struct ImageSvgUsage {
        required {
            /// The model that drew it.
            model: String,
            /// Tokens read.
            input_tokens = u64,
            /// Tokens written.
            output_tokens = u64,
            /// Of those, tokens of reasoning.
            reasoning_tokens = u64,
            /// Both together.
            total_tokens = u64,
        }
    }
}
