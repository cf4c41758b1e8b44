//! Sources a text refers to.

use alloc::string::String;

use crate::wire::object::object;
use crate::wire::tagged::{from_variants, tagged};

tagged! {
    /// A source that a text refers to.
    ///
    /// Positions count characters of the text.
    pub enum Annotation {
        /// A file found by the file search tool: API object `AnnotationFileCitation`.
        "file_citation" => FileCitation(FileCitation),
        /// A web page: API object `AnnotationURLCitation`.
        "url_citation" => UrlCitation(UrlCitation),
        /// A file in a code interpreter container: API object `AnnotationContainerFileCitation`.
        "container_file_citation" => ContainerFileCitation(ContainerFileCitation),
        /// A file the model made: API object `AnnotationFilePath`.
        "file_path" => FilePath(FilePath),
    }
}

from_variants!(Annotation {
    FileCitation(FileCitation),
    UrlCitation(UrlCitation),
    ContainerFileCitation(ContainerFileCitation),
    FilePath(FilePath),
});

object! {
    /// A file found by the file search tool.
    pub struct FileCitation tag "file_citation" {
        required {
            /// The file.
            file_id: String,
            /// What the file is called.
            filename: String,
            /// Its place in the list of files.
            index = u64,
        }
    }
}

object! {
    /// A web page.
    pub struct UrlCitation tag "url_citation" {
        required {
            /// Where the reference starts.
            start_index = u64,
            /// Where the reference ends.
            end_index = u64,
            /// What the page is called.
            title: String,
            /// Where the page is.
            url: String,
        }
    }
}

object! {
    /// A file in a code interpreter container.
    pub struct ContainerFileCitation tag "container_file_citation" {
        required {
            /// The container.
            container_id: String,
            /// The file.
            file_id: String,
            /// What the file is called.
            filename: String,
            /// Where the reference starts.
            start_index = u64,
            /// Where the reference ends.
            end_index = u64,
        }
    }
}

object! {
    /// A file the model made.
    pub struct FilePath tag "file_path" {
        required {
            /// The file.
            file_id: String,
            /// Its place in the list of files.
            index = u64,
        }
    }
}
