//! Hosted tools, which the service runs.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::Number;
use crate::item::ImageGenerationAction;
use crate::request::ConfigurationReasoning;
use crate::tool::{CodeInterpreterContainer, Filter, ShellEnvironment, ToolCaller};
use crate::wire::object::object;
use crate::wire::open::open_enum;

object! {
    /// The file search tool.
    pub struct FileSearchTool tag "file_search" {
        required {
            /// The ids of the vector stores to search.
            vector_store_ids: Vec<String>,
        }
        optional {
            /// A filter on file attributes.
            filters: Box<Filter>,
            /// The maximum number of results, from 1 to 50.
            max_num_results = u64,
            /// The ranking options.
            ranking_options: Box<RankingOptions>,
        }
    }
}

object! {
    /// The ranking options of a file search.
    pub struct RankingOptions {
        required {}
        optional {
            /// The ranker, `auto` or a version of it.
            ranker: String,
            /// The minimum relevance of a result, from 0 to 1.
            score_threshold: Number,
            /// The weights of a hybrid search.
            hybrid_search: HybridSearch,
        }
    }
}

object! {
    /// The weights of embedding and text matches in a hybrid search.
    pub struct HybridSearch {
        required {
            /// The weight of embedding matches.
            embedding_weight: Number,
            /// The weight of text matches.
            text_weight: Number,
        }
    }
}

object! {
    /// The web search tool.
    pub struct WebSearchTool tag "web_search" {
        required {}
        optional {
            /// The filters of the search.
            filters: WebSearchFilters,
            /// The location of the user.
            user_location: Box<UserLocation>,
            /// The amount of search context that the model reads.
            search_context_size: SearchContextSize,
            /// Whether live pages are fetched, in addition to the service's cached pages.
            external_web_access = bool,
            /// Whether the service's index is searched (ChatGPT backend).
            indexed_web_access = bool,
            /// The kinds of content to search for (ChatGPT backend).
            search_content_types: Vec<String>,
        }
    }
}

object! {
    /// The filters of a web search.
    pub struct WebSearchFilters {
        required {}
        optional {
            /// The domains to search, including subdomains.
            allowed_domains: Vec<String>,
        }
    }
}

object! {
    /// The approximate location of the user.
    pub struct UserLocation tag "approximate" {
        required {}
        optional {
            /// The city.
            city: String,
            /// The country, as a two-letter ISO 3166-1 code.
            country: String,
            /// The region.
            region: String,
            /// The IANA time zone.
            timezone: String,
        }
    }
}

open_enum! {
    /// The amount of search context that the model reads.
    pub enum SearchContextSize {
        /// Low.
        Low = "low",
        /// Medium.
        Medium = "medium",
        /// High.
        High = "high",
    }
}

object! {
    /// The preview of the web search tool. Deprecated in favor of `web_search`.
    pub struct WebSearchPreviewTool tag "web_search_preview" {
        required {}
        optional {
            /// The location of the user.
            user_location: Box<UserLocation>,
            /// The amount of search context that the model reads.
            search_context_size: SearchContextSize,
            /// The kinds of content to search for: `text`, `image`.
            search_content_types: Vec<String>,
        }
    }
}

object! {
    /// The computer use tool.
    pub struct ComputerTool tag "computer" {
        required {}
    }
}

object! {
    /// The preview of the computer use tool. Deprecated in favor of `computer`.
    pub struct ComputerUsePreviewTool tag "computer_use_preview" {
        required {
            /// The height of the screen in pixels.
            display_height = u64,
            /// The width of the screen in pixels.
            display_width = u64,
            /// The environment: `windows`, `mac`, `linux`, `ubuntu`, `browser`.
            environment: String,
        }
    }
}

object! {
    /// The code interpreter, which runs code in a container.
    pub struct CodeInterpreterTool tag "code_interpreter" {
        required {
            /// The container.
            container: CodeInterpreterContainer,
        }
        optional {
            /// The callers that may use it.
            allowed_callers: Vec<ToolCaller>,
        }
    }
}

object! {
    /// The tool with which the model writes programs that call tools.
    pub struct ProgrammaticToolCallingTool tag "programmatic_tool_calling" {
        required {}
    }
}

object! {
    /// The image generation tool.
    pub struct ImageGenerationTool tag "image_generation" {
        required {}
        optional {
            /// Whether to generate or edit.
            action: ImageGenerationAction,
            /// The background of the image: `transparent`, `opaque`, `auto`.
            background: String,
            /// The complexity of an SVG image: `low`, `medium`, `high`.
            complexity: String,
            /// The number of frames of an animated image.
            frame_count = u64,
            /// The duration of a frame in milliseconds.
            frame_duration_ms = u64,
            /// The fidelity to input images: `high`, `low`.
            input_fidelity: String,
            /// The mask of the region to edit.
            input_image_mask: ImageInputMask,
            /// The model.
            model: String,
            /// The moderation level: `auto`, `low`.
            moderation: String,
            /// The compression quality of the image, from 0 to 100.
            output_compression = u64,
            /// The encoding of the image: `png`, `webp`, `jpeg`, `gif`, `svg`.
            output_format: String,
            /// The number of previews to send, from 0 to 3.
            partial_images = u64,
            /// The quality: `low`, `medium`, `high`, `xhigh`, `max`, `auto`.
            quality: String,
            /// The width and height, such as `1024x1024`, or `auto`.
            size: String,
            /// The options for rendering SVG images.
            svg: ImageGenerationSvg,
        }
    }
}

object! {
    /// The mask of the region to edit: either `file_id` or `image_url`.
    pub struct ImageInputMask {
        required {}
        optional {
            /// The id of an uploaded file.
            file_id: String,
            /// The mask as a `data:` URL.
            image_url: String,
        }
    }
}

object! {
    /// The rendering options of SVG images.
    pub struct ImageGenerationSvg {
        required {}
        optional {
            /// The model.
            model: String,
            /// The reasoning options.
            reasoning: ConfigurationReasoning,
        }
    }
}

object! {
    /// The tool for single commands that the client runs.
    pub struct LocalShellTool tag "local_shell" {
        required {}
    }
}

object! {
    /// The tool for shell commands.
    pub struct ShellTool tag "shell" {
        required {}
        optional {
            /// The environment.
            environment: Box<ShellEnvironment>,
            /// The callers that may use it.
            allowed_callers: Vec<ToolCaller>,
        }
    }
}

object! {
    /// The tool for file changes.
    pub struct ApplyPatchTool tag "apply_patch" {
        required {}
        optional {
            /// The callers that may use it.
            allowed_callers: Vec<ToolCaller>,
        }
    }
}
