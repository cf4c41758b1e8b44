//! Tools that the service knows by itself.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::Number;
use crate::item::{ConfigurationReasoning, ImageGenerationAction};
use crate::tool::{CodeInterpreterContainer, Filter, ShellEnvironment, ToolCaller};
use crate::wire::object::object;
use crate::wire::open::open_enum;

object! {
    /// Searching files.
    pub struct FileSearchTool tag "file_search" {
        required {
            /// Where to search.
            vector_store_ids: Vec<String>,
        }
        optional {
            /// Which files to consider.
            filters: Box<Filter>,
            /// How many results there may be, from 1 to 50.
            max_num_results = u64,
            /// How results are put in order.
            ranking_options: Box<RankingOptions>,
        }
    }
}

object! {
    /// How the results of a file search are put in order.
    pub struct RankingOptions {
        required {}
        optional {
            /// The method, `auto` or a version of it.
            ranker: String,
            /// How well a result has to fit, from 0 to 1.
            score_threshold: Number,
            /// How meaning and words are weighed.
            hybrid_search: HybridSearch,
        }
    }
}

object! {
    /// How a file search weighs meaning against words.
    pub struct HybridSearch {
        required {
            /// The weight of meaning.
            embedding_weight: Number,
            /// The weight of words.
            text_weight: Number,
        }
    }
}

object! {
    /// Searching the web.
    pub struct WebSearchTool tag "web_search" {
        required {}
        optional {
            /// Where to search.
            filters: WebSearchFilters,
            /// Where the user is.
            user_location: Box<UserLocation>,
            /// How much of what is found the model reads.
            search_context_size: SearchContextSize,
            /// Whether live pages are read, not only what the service holds of them.
            external_web_access = bool,
            /// Whether the index of the service is searched: the ChatGPT backend.
            indexed_web_access = bool,
            /// What kinds of content to look for: the ChatGPT backend.
            search_content_types: Vec<String>,
        }
    }
}

object! {
    /// Where a web search looks.
    pub struct WebSearchFilters {
        required {}
        optional {
            /// Only there, subdomains included.
            allowed_domains: Vec<String>,
        }
    }
}

object! {
    /// Where the user is, roughly.
    pub struct UserLocation tag "approximate" {
        required {}
        optional {
            /// The city.
            city: String,
            /// The country, as two letters of ISO 3166-1.
            country: String,
            /// The region.
            region: String,
            /// The time zone, by its IANA name.
            timezone: String,
        }
    }
}

open_enum! {
    /// How much of what a web search finds the model reads.
    pub enum SearchContextSize {
        /// Little.
        Low = "low",
        /// Some.
        Medium = "medium",
        /// Much.
        High = "high",
    }
}

object! {
    /// Searching the web, older.
    pub struct WebSearchPreviewTool tag "web_search_preview" {
        required {}
        optional {
            /// Where the user is.
            user_location: Box<UserLocation>,
            /// How much of what is found the model reads.
            search_context_size: SearchContextSize,
            /// What kinds of content to look for: `text`, `image`.
            search_content_types: Vec<String>,
        }
    }
}

object! {
    /// Working a computer.
    pub struct ComputerTool tag "computer" {
        required {}
    }
}

object! {
    /// Working a computer, older.
    pub struct ComputerUsePreviewTool tag "computer_use_preview" {
        required {
            /// The height of the screen in pixels.
            display_height = u64,
            /// The width of the screen in pixels.
            display_width = u64,
            /// What runs on it: `windows`, `mac`, `linux`, `ubuntu`, `browser`.
            environment: String,
        }
    }
}

object! {
    /// Running code in a container.
    pub struct CodeInterpreterTool tag "code_interpreter" {
        required {
            /// Which container.
            container: CodeInterpreterContainer,
        }
        optional {
            /// What may call it.
            allowed_callers: Vec<ToolCaller>,
        }
    }
}

object! {
    /// Writing programs that call tools.
    pub struct ProgrammaticToolCallingTool tag "programmatic_tool_calling" {
        required {}
    }
}

object! {
    /// Making images.
    pub struct ImageGenerationTool tag "image_generation" {
        required {}
        optional {
            /// Make or change.
            action: ImageGenerationAction,
            /// What is behind the picture: `transparent`, `opaque`, `auto`.
            background: String,
            /// How intricate a vector image is: `low`, `medium`, `high`.
            complexity: String,
            /// How many frames a moving image has.
            frame_count = u64,
            /// How long a frame lasts, in milliseconds.
            frame_duration_ms = u64,
            /// How closely images given are followed: `high`, `low`.
            input_fidelity: String,
            /// Which part of an image to change.
            input_image_mask: ImageInputMask,
            /// The model.
            model: String,
            /// How strictly it is moderated: `auto`, `low`.
            moderation: String,
            /// How well the image is kept when compressed, from 0 to 100.
            output_compression = u64,
            /// How the image is encoded: `png`, `webp`, `jpeg`, `gif`, `svg`.
            output_format: String,
            /// How many previews to send, from 0 to 3.
            partial_images = u64,
            /// With how much care it is made: `low`, `medium`, `high`, `xhigh`, `max`, `auto`.
            quality: String,
            /// Width and height, such as `1024x1024`, or `auto`.
            size: String,
            /// How vector images are drawn.
            svg: ImageGenerationSvg,
        }
    }
}

object! {
    /// Which part of an image to change: one of `file_id` and `image_url`.
    pub struct ImageInputMask {
        required {}
        optional {
            /// An uploaded file.
            file_id: String,
            /// The mask as a `data:` URL.
            image_url: String,
        }
    }
}

object! {
    /// How vector images are drawn.
    pub struct ImageGenerationSvg {
        required {}
        optional {
            /// The model.
            model: String,
            /// How much it thinks.
            reasoning: ConfigurationReasoning,
        }
    }
}

object! {
    /// Running single commands here.
    pub struct LocalShellTool tag "local_shell" {
        required {}
    }
}

object! {
    /// Running commands in a shell.
    pub struct ShellTool tag "shell" {
        required {}
        optional {
            /// Where.
            environment: Box<ShellEnvironment>,
            /// What may call it.
            allowed_callers: Vec<ToolCaller>,
        }
    }
}

object! {
    /// Changing files.
    pub struct ApplyPatchTool tag "apply_patch" {
        required {}
        optional {
            /// What may call it.
            allowed_callers: Vec<ToolCaller>,
        }
    }
}
