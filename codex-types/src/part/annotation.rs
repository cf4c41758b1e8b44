//! The sources that a text cites.

use alloc::string::String;

use crate::wire::object::object;
use crate::wire::tagged::tagged;

tagged! {
    /// A source that a text cites.
    ///
    /// Indexes count characters of the text.
    pub enum Annotation {
        /// A file found by the file search tool: API object `AnnotationFileCitation`.
        "file_citation" => FileCitation(FileCitation),
        /// A web page: API object `AnnotationURLCitation`.
        "url_citation" => UrlCitation(UrlCitation),
        /// A file in a code interpreter container: API object `AnnotationContainerFileCitation`.
        "container_file_citation" => ContainerFileCitation(ContainerFileCitation),
        /// A file that the model created: API object `AnnotationFilePath`.
        "file_path" => FilePath(FilePath),
    }
}

object! {
    /// A file found by the file search tool.
    pub struct FileCitation tag "file_citation" {
        required {
            /// The id of the file.
            file_id: String,
            /// The file name.
            filename: String,
            /// The index in the list of files.
            index = u64,
        }
    }
}

object! {
    /// A web page.
    pub struct UrlCitation tag "url_citation" {
        required {
            /// The start of the cited range.
            start_index = u64,
            /// The end of the cited range.
            end_index = u64,
            /// The title of the page.
            title: String,
            /// The URL of the page.
            url: String,
        }
    }
}

object! {
    /// A file in a code interpreter container.
    pub struct ContainerFileCitation tag "container_file_citation" {
        required {
            /// The id of the container.
            container_id: String,
            /// The id of the file.
            file_id: String,
            /// The file name.
            filename: String,
            /// The start of the cited range.
            start_index = u64,
            /// The end of the cited range.
            end_index = u64,
        }
    }
}

object! {
    /// A file that the model created.
    pub struct FilePath tag "file_path" {
        required {
            /// The id of the file.
            file_id: String,
            /// The index in the list of files.
            index = u64,
        }
    }
}
